"""Turn a catalogue of this version into one of an older format, as that version left it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nearsight.storage.catalogue_checksums import CHECKSUMS_FILE
from nearsight.storage.database import CATALOGUE_FILE, record_crc

_NAMES = """
ALTER TABLE label RENAME COLUMN image TO picture;
ALTER TABLE note RENAME COLUMN image TO picture;
ALTER TABLE deleted RENAME TO dead;
ALTER TABLE skipped RENAME TO skip;
ALTER TABLE image RENAME TO picture;
"""


def downgrade(index_dir: Path, version: int) -> None:
    db = sqlite3.connect(index_dir / CATALOGUE_FILE)
    if version < 8:
        for table in ("fact", "detail", "doubt"):
            db.execute(f"DROP TABLE {table}")
    if version < 7:
        db.execute("DROP TABLE decision")
    if version < 6:
        db.execute("DROP INDEX image_by_content")
    if version < 5:
        _restore_older_names(db)
    for table in [*["cache"] * (version < 2), *["note", "sidecar"] * (version < 3), *["label"] * (version < 4)]:
        db.execute(f"DROP TABLE {table}")
    db.execute(f"PRAGMA user_version={version}")
    db.commit()
    db.close()
    (index_dir / CHECKSUMS_FILE).unlink(missing_ok=True)


def _restore_older_names(db: sqlite3.Connection) -> None:
    db.executescript(_NAMES)
    for new, old in (("images", "pictures"), ("deleted", "dead")):
        (value,) = db.execute("SELECT value FROM meta WHERE key=?", (new,)).fetchone()
        db.execute("UPDATE meta SET key=?, crc=? WHERE key=?", (old, record_crc((old, value)), new))
    skipped = db.execute("SELECT path, size, mtime_ns, reason, detail FROM skip WHERE reason='not-an-image'").fetchall()
    for path, size, changed, _, detail in skipped:
        values = (path, size, changed, "not-a-picture", detail)
        db.execute("INSERT OR REPLACE INTO skip VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))
