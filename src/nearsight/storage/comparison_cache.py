"""A cache of what images were found to be to each other, by their contents: a file beside the catalogue.

It may be deleted at any time: what is missing is computed again. A record that does not agree with its checksum is
missing, and a file that SQLite finds damaged is begun anew. Files that are moved or indexed again keep their records.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from nearsight.storage.database import BUSY_TIMEOUT, record_crc

__all__ = ["CACHE_FILE", "ComparisonCache"]

CACHE_FILE = "comparisons.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS comparison(
  query BLOB NOT NULL, hit BLOB NOT NULL, method TEXT NOT NULL, found TEXT NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY(query, hit)) STRICT, WITHOUT ROWID;
"""


class ComparisonCache:
    """Texts by the contents of a query and a hit. `method` names what computed them: another one's are not returned.

    Where the folder cannot be written to, nothing is kept beyond the run.
    """

    def __init__(self, index_dir: Path, method: str) -> None:
        self._method = method
        path = index_dir / CACHE_FILE
        self._db = _open(path if os.access(index_dir, os.W_OK) else None)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def find(self, pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[tuple[bytes, bytes], str]]:
        """The pairs of contents that are known, each with its text."""
        sql = "SELECT query, hit, method, found, crc FROM comparison WHERE query=? AND hit=? AND method=?"
        for pair in pairs:
            with suppress(sqlite3.DatabaseError):
                row = self._db.execute(sql, (*pair, self._method)).fetchone()
                if row is not None and record_crc(row[:-1]) == row[-1]:
                    yield pair, row[3]

    def put(self, found: Iterable[tuple[tuple[bytes, bytes], str]]) -> None:
        """Keep the texts of some pairs; what the disk refuses is not kept."""
        rows = [(query, hit, self._method, text) for (query, hit), text in found]
        with suppress(sqlite3.DatabaseError), self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO comparison VALUES(?,?,?,?,?)", [(*row, record_crc(row)) for row in rows]
            )


def _open(path: Path | None) -> sqlite3.Connection:
    """The file with its table; begun anew where it is damaged, and in memory where there is no path."""
    if path is not None:
        for _ in range(2):
            try:
                db = sqlite3.connect(path, timeout=BUSY_TIMEOUT)
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                db.executescript(_SCHEMA)
            except sqlite3.DatabaseError:
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
            else:
                return db
    db = sqlite3.connect(":memory:")
    db.executescript(_SCHEMA)
    return db
