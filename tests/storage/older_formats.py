"""Turn a catalogue of this version into one of an older format, as that version left it."""

from __future__ import annotations

import os
import re
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_checksums import CHECKSUMS_FILE
from nearsight.storage.database import CATALOGUE_FILE, record_crc

_OLDER_WORDS = "CREATE VIRTUAL TABLE words USING fts5(text, tokenize='unicode61 remove_diacritics 2', columnsize=0)"
_NAMES = """
ALTER TABLE label RENAME COLUMN image TO picture;
ALTER TABLE note RENAME COLUMN image TO picture;
ALTER TABLE deleted RENAME TO dead;
ALTER TABLE skipped RENAME TO skip;
ALTER TABLE image RENAME TO picture;
"""


def downgrade(index_dir: Path, version: int) -> None:
    _write_older_words(index_dir)
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


def _write_older_words(index_dir: Path) -> None:
    """The full-text index as it was before version 8: texts that SQLite cuts, and a checksum of whole rows."""
    with closing(Catalogue(index_dir)) as catalogue:
        images = list(catalogue.images())
        texts = [older_text(each, catalogue.notes(each.path), catalogue.labels(each.path)) for each in images]
    db = sqlite3.connect(index_dir / CATALOGUE_FILE)
    db.execute("DROP TABLE words")
    db.execute(_OLDER_WORDS)
    db.executemany("INSERT INTO words(rowid, text) VALUES(?,?)", zip([each.id for each in images], texts, strict=True))
    db.commit()
    check = 0
    for sql in ("SELECT id, block FROM words_data ORDER BY id", "SELECT segid, term, pgno FROM words_idx"):
        for row in db.execute(sql):
            check = zlib.crc32(repr(row).encode(), check)
    db.execute("UPDATE meta SET value=?, crc=? WHERE key='words'", (str(check), record_crc(("words", str(check)))))
    db.commit()
    db.close()


def older_text(image, notes, labels) -> str:
    """The text of an image as it was stored."""
    name = os.fsdecode(image.path).encode("utf8", "replace").decode().replace("_", " ")
    apart = re.sub(r"(?<=[^\W\dA-Z])(?=[A-Z])|(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])", " ", name)
    named = " ".join([name, apart, image.camera or "", (image.taken or "")[:10]])
    return " ".join([named, *(f"{each.caption} {each.tags}" for each in notes), *(each.label for each in labels)])


def _restore_older_names(db: sqlite3.Connection) -> None:
    db.executescript(_NAMES)
    for new, old in (("images", "pictures"), ("deleted", "dead")):
        (value,) = db.execute("SELECT value FROM meta WHERE key=?", (new,)).fetchone()
        db.execute("UPDATE meta SET key=?, crc=? WHERE key=?", (old, record_crc((old, value)), new))
    skipped = db.execute("SELECT path, size, mtime_ns, reason, detail FROM skip WHERE reason='not-an-image'").fetchall()
    for path, size, changed, _, detail in skipped:
        values = (path, size, changed, "not-a-picture", detail)
        db.execute("INSERT OR REPLACE INTO skip VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))
