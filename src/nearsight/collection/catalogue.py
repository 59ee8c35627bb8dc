"""The catalogue: what, where and when, and the only commit point of a collection.

One SQLite file in WAL mode with synchronous=FULL. SQLite answers wrong after a flipped bit, so every row carries a
CRC-32 of its own values which is checked whenever it is read, and the list of segments carries one over all of it:
a row that vanished is noticed too.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from nearsight.collection.where import Condition
from nearsight.collection.words import expression, holds, text_of
from nearsight.errors import DamagedError, FormatError, Reason, StorageError

VERSION = 2
APPLICATION = 0x4E525354  # "NRST"
NAME = "catalogue.sqlite"

_SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE recipe(name TEXT PRIMARY KEY, text TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE picture(
  id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  seen_ns INTEGER NOT NULL, sha256 BLOB NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  format TEXT NOT NULL, taken TEXT, camera TEXT, latitude REAL, longitude REAL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE skip(
  path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, reason TEXT NOT NULL,
  detail TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE segment(
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, count INTEGER NOT NULL, length INTEGER NOT NULL,
  checksums BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE dead(id INTEGER PRIMARY KEY, crc INTEGER NOT NULL) STRICT;
CREATE VIRTUAL TABLE words USING fts5(text, tokenize='unicode61 remove_diacritics 2');
"""
_CACHES = """
CREATE TABLE cache(
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, fitted INTEGER NOT NULL, length INTEGER NOT NULL,
  checksums BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5(text, tokenize='unicode61 remove_diacritics 2', columnsize=0);
"""
MIGRATIONS = (_SCHEMA, _CACHES)
"""Number i takes a catalogue from version i to i + 1."""


@dataclass(frozen=True)
class Picture:
    """One indexed picture. `path` is relative to the folder, with /, as the bytes the file system gave."""

    id: int
    path: bytes
    size: int
    mtime_ns: int
    seen_ns: int
    sha256: bytes
    width: int
    height: int
    format: str
    taken: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None

    @property
    def text(self) -> str:
        """What can be said of it in words."""
        return text_of(self.path, self.camera, self.taken)


@dataclass(frozen=True)
class Skip:
    """One file that is not in the collection, and why."""

    path: bytes
    size: int
    mtime_ns: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class SegmentEntry:
    """One immutable file of rows: its key, how many rows, its length, a CRC-32 for each 1 MiB block (uint32)."""

    id: int
    key: str
    count: int
    length: int
    checksums: bytes

    @property
    def file(self) -> str:
        """The file's name in the segments folder."""
        return f"{self.id:010d}.seg"


@dataclass(frozen=True)
class CacheEntry:
    """One immutable file of what an index has fitted (`fitted` 0), or keeps of rows by what `fitted` names."""

    id: int
    key: str
    fitted: int
    length: int
    checksums: bytes

    @property
    def file(self) -> str:
        """The file's name in the indexes folder."""
        return f"{self.id:010d}.idx"


def crc(values: Iterable[Any]) -> int:
    """CRC-32 of a row's values."""
    return zlib.crc32(repr(tuple(values)).encode("utf8", "surrogatepass"))


class Catalogue:
    """An open catalogue. `readonly` ones never write, and work on read-only media.

    Raises
    ------
    FormatError
        not a catalogue, or written by a newer nearsight
    DamagedError
        SQLite or a checksum finds it damaged
    StorageError
        the disk refused
    """

    def __init__(self, home: Path, *, readonly: bool) -> None:
        self.path = home / NAME
        self._sound = self._worded = -1
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        with translated(self.path):
            self.db = self._connect(home, readonly)
            try:
                self._prepare(readonly)
            except BaseException:
                self.close()
                raise

    def _connect(self, home: Path, readonly: bool) -> sqlite3.Connection:
        if not readonly:
            return _connection(f"{self.path.resolve().as_uri()}?mode=rwc")
        if os.access(home, os.W_OK):
            return _connection(f"{self.path.resolve().as_uri()}?mode=ro")
        return _connection(f"{self._immutable_path().as_uri()}?immutable=1")

    def _immutable_path(self) -> Path:
        """On read-only media SQLite cannot replay a left-over log in place: a private copy takes it in."""
        log = self.path.with_name(NAME + "-wal")
        if not (log.exists() and log.stat().st_size):
            return self.path.resolve()
        self._copy = tempfile.TemporaryDirectory(prefix="nearsight-")
        for file in (self.path, log):
            shutil.copy(file, self._copy.name)
        copied = Path(self._copy.name) / NAME
        _connection(f"{copied.as_uri()}?mode=rw").close()
        return copied

    def _prepare(self, readonly: bool) -> None:
        application = self.db.execute("PRAGMA application_id").fetchone()[0]
        version = self.db.execute("PRAGMA user_version").fetchone()[0]
        tables = self.db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version > VERSION:
            raise FormatError(
                f"{self.path} has format {version}; this nearsight reads up to {VERSION}: update nearsight"
            )
        if tables and application != APPLICATION:
            raise FormatError(f"{self.path} is not a catalogue of nearsight (application id {application:#x})")
        if version < VERSION and not readonly:
            self._migrate(version)
        elif not version:
            raise FormatError(f"{self.path} is an empty or half-made catalogue: run nearsight index again")

    def _migrate(self, version: int) -> None:
        self.db.execute("PRAGMA journal_mode=WAL")
        with self.transaction():
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    self.db.execute(statement)
            if version:
                self.reword()
                self.seal()
            self.db.execute(f"PRAGMA application_id={APPLICATION}")
            self.db.execute(f"PRAGMA user_version={VERSION}")

    def close(self) -> None:
        """Let go of the file; in a writer this folds the log into it."""
        self.db.close()
        if self._copy is not None:
            self._copy.cleanup()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what is written inside is committed at the end."""
        with translated(self.path):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Everything that is read inside belongs to one generation."""
        with translated(self.path):
            self.db.execute("BEGIN")
            try:
                yield
            finally:
                if self.db.in_transaction:
                    self.db.execute("COMMIT")

    # reading

    def meta(self, key: str) -> str | None:
        """A named value, or None."""
        row = self._row("SELECT key, value, crc FROM meta WHERE key=?", (key,))
        return None if row is None else str(row[1])

    def recipes(self) -> dict[str, str]:
        """Recipe text by its name: a sense, or the text itself. In the order of their adding."""
        return dict(self._rows("SELECT name, text, crc FROM recipe ORDER BY rowid"))

    def segments(self) -> list[SegmentEntry]:
        """The segments of this generation, checked against the checksum of the whole list."""
        rows = list(self._rows("SELECT id, key, count, length, checksums, crc FROM segment ORDER BY id"))
        if self.meta("segments") != str(crc(rows)) and (rows or self.meta("segments") is not None):
            raise DamagedError(f"the list of segments in {self.path} is damaged: run nearsight repair")
        return [SegmentEntry(*row) for row in rows]

    def caches(self) -> list[CacheEntry]:
        """What the indexes keep; a catalogue of an older format lists nothing."""
        if self.db.execute("PRAGMA user_version").fetchone()[0] < 2:
            return []
        rows = self._rows("SELECT id, key, fitted, length, checksums, crc FROM cache ORDER BY id")
        return [CacheEntry(*row) for row in rows]

    def sample(self, count: int) -> list[int]:
        """Ids of some pictures, rising: chosen by their content, so that the order of their coming does not matter."""
        with translated(self.path):
            rows = self.db.execute("SELECT id FROM picture ORDER BY sha256, id LIMIT ?", (count,))
            return sorted(row[0] for row in rows)

    def by_content(self) -> list[int]:
        """The ids of all pictures in an order by their content: the first so many are as good as drawn by lot."""
        with translated(self.path):
            return [row[0] for row in self.db.execute("SELECT id FROM picture ORDER BY sha256, id")]

    def dead(self) -> list[int]:
        """Ids that are still in a segment though their picture is gone."""
        rows = [row[0] for row in self._rows("SELECT id, crc FROM dead ORDER BY id")]
        if self.meta("dead") != str(crc(rows)) and (rows or self.meta("dead") is not None):
            raise DamagedError(f"the list of removed pictures in {self.path} is damaged: run nearsight repair")
        return rows

    def picture(self, ident: int) -> Picture:
        """The picture of an id that an index returned; DamagedError where there is none."""
        row = self._row("SELECT * FROM picture WHERE id=?", (ident,))
        if row is None:
            raise DamagedError(f"picture {ident} is in an index but not in {self.path}: run nearsight repair")
        return Picture(*row)

    def picture_at(self, path: bytes) -> Picture | None:
        """The picture at a path, or None."""
        row = self._row("SELECT * FROM picture WHERE path=?", (path,))
        return None if row is None else Picture(*row)

    def skip_at(self, path: bytes) -> Skip | None:
        """The skipped file at a path, or None."""
        row = self._row("SELECT * FROM skip WHERE path=?", (path,))
        return None if row is None else _skip(row)

    def pictures(self) -> Iterator[Picture]:
        """All pictures in the order of their paths."""
        return (Picture(*row) for row in self._rows("SELECT * FROM picture ORDER BY path"))

    def skips(self) -> Iterator[Skip]:
        """All skipped files in the order of their paths."""
        return (_skip(row) for row in self._rows("SELECT * FROM skip ORDER BY path"))

    def ids(self) -> list[int]:
        """The ids of all pictures, rising."""
        with translated(self.path):
            return [row[0] for row in self.db.execute("SELECT id FROM picture ORDER BY id")]

    def worded(self, words: str, most: int) -> list[tuple[int, float]]:
        """Ids of the pictures that hold all of these words, best first, with their BM25 score (larger is better)."""
        wanted, generation = expression(words), self.generation()
        if self._worded != generation:
            self.check_words()
            self._worded = generation
        sql = "SELECT rowid, -bm25(words), text FROM words WHERE words MATCH ? ORDER BY bm25(words), rowid LIMIT ?"
        with translated(self.path):
            found = self.db.execute(sql, (wanted, most)).fetchall()
        if any(self.picture(ident).text != text for ident, _, text in found):
            raise DamagedError(f"the full-text index of {self.path} is damaged: run nearsight repair")
        return [(ident, score) for ident, score, text in found if holds(text, words)]

    def check_words(self) -> None:
        """Raise DamagedError where the full-text index is not as it was sealed."""
        known = self.meta("words")
        if known is not None and known != str(self._words_crc()):
            raise DamagedError(f"the full-text index of {self.path} is damaged: run nearsight repair")

    def _words_crc(self) -> int:
        """CRC-32 of the blocks of the full-text index; its copies of the texts are compared with the rows instead."""
        check = 0
        with translated(self.path):
            for sql in ("SELECT id, block FROM words_data ORDER BY id", "SELECT segid, term, pgno FROM words_idx"):
                for row in self.db.execute(sql):
                    check = zlib.crc32(repr(row).encode(), check)
        return check

    def filtered(self, condition: Condition) -> list[int]:
        """Ids of the pictures that a filter leaves, rising. All rows are compared with their checksums before."""
        generation = self.generation()
        if self._sound != generation:
            for _ in self.pictures():
                pass
            self._sound = generation
        with translated(self.path):
            sql = f"SELECT id FROM picture WHERE {condition.sql} ORDER BY id"  # noqa: S608 (no text of the user's)
            return [row[0] for row in self.db.execute(sql, condition.values)]

    def unworded(self) -> int:
        """How many pictures the full-text index lacks, has too many or has with another text."""
        with translated(self.path):
            lacking = "SELECT count(*) FROM (SELECT id FROM picture EXCEPT SELECT rowid FROM words)"
            surplus = "SELECT count(*) FROM (SELECT rowid FROM words EXCEPT SELECT id FROM picture)"
            counts = [int(self.db.execute(sql).fetchone()[0]) for sql in (lacking, surplus)]
            texts: dict[int, str] = dict(self.db.execute("SELECT rowid, text FROM words"))
        others = [each.id for each in self.pictures() if texts.get(each.id, each.text) != each.text]
        return sum(counts) + len(others)

    def count(self) -> int:
        """How many pictures."""
        with translated(self.path):
            return int(self.db.execute("SELECT count(*) FROM picture").fetchone()[0])

    def skipped(self) -> dict[str, int]:
        """How many files were skipped, by reason."""
        with translated(self.path):
            return dict(self.db.execute("SELECT reason, count(*) FROM skip GROUP BY reason ORDER BY 2 DESC, 1"))

    def generation(self) -> int:
        """Rises with every commit."""
        return int(self.meta("generation") or 0)

    def _row(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        return next(self._rows(sql, values), None)

    def _rows(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        with translated(self.path):
            for *row, check in self.db.execute(sql, values):
                if crc(row) != check:
                    raise DamagedError(f"a row of {self.path} is damaged: run nearsight repair")
                yield tuple(row)

    # writing: only inside a transaction

    def put_meta(self, key: str, value: str) -> None:
        """Set a named value."""
        self.db.execute("INSERT OR REPLACE INTO meta VALUES(?,?,?)", (key, value, crc((key, value))))

    def put_recipe(self, name: str, text: str) -> None:
        """Add a recipe under its name."""
        self.db.execute("INSERT OR REPLACE INTO recipe VALUES(?,?,?)", (name, text, crc((name, text))))

    def put_picture(self, picture: Picture) -> None:
        """Insert, or replace the row of the same id."""
        values = tuple(vars(picture).values())
        self.db.execute(f"INSERT OR REPLACE INTO picture VALUES({_marks(len(values) + 1)})", (*values, crc(values)))
        self.db.execute("INSERT OR REPLACE INTO words(rowid, text) VALUES(?,?)", (picture.id, picture.text))

    def put_skip(self, skip: Skip) -> None:
        """Record a skipped file, or its newer reason."""
        values = (skip.path, skip.size, skip.mtime_ns, skip.reason.value, skip.detail)
        self.db.execute("INSERT OR REPLACE INTO skip VALUES(?,?,?,?,?,?)", (*values, crc(values)))

    def drop_skip(self, path: bytes) -> None:
        """Forget a skipped file."""
        self.db.execute("DELETE FROM skip WHERE path=?", (path,))

    def drop_picture(self, ident: int) -> None:
        """Forget a picture; its id is dead from now on."""
        self.db.execute("DELETE FROM picture WHERE id=?", (ident,))
        self.db.execute("DELETE FROM words WHERE rowid=?", (ident,))
        self.put_dead([ident])

    def reword(self) -> None:
        """Make the full-text index anew."""
        self.db.execute("DELETE FROM words")
        rows = ((picture.id, picture.text) for picture in self.pictures())
        self.db.executemany("INSERT INTO words(rowid, text) VALUES(?,?)", rows)

    def put_dead(self, ids: Iterable[int]) -> None:
        """List ids that a segment still holds though there is no picture of them."""
        self.db.executemany("INSERT OR REPLACE INTO dead VALUES(?,?)", ((i, crc((i,))) for i in ids))

    def bury(self, ids: Iterable[int]) -> None:
        """Take ids off the list of the dead: no segment holds them any more."""
        self.db.executemany("DELETE FROM dead WHERE id=?", ((ident,) for ident in ids))

    def next_ids(self) -> tuple[int, int]:
        """The next picture id and the next segment id; ids are never used twice."""
        with translated(self.path):
            last = dict(self.db.execute("SELECT name, seq FROM sqlite_sequence"))
        return last.get("picture", 0) + 1, last.get("segment", 0) + 1

    def next_cache(self) -> int:
        """The next id of a cache."""
        with translated(self.path):
            last = self.db.execute("SELECT seq FROM sqlite_sequence WHERE name='cache'").fetchone()
        return 1 if last is None else int(last[0]) + 1

    def put_cache(self, entry: CacheEntry) -> None:
        """List a cache whose file is safely on the disk."""
        values = astuple(entry)
        self.db.execute("INSERT INTO cache VALUES(?,?,?,?,?,?)", (*values, crc(values)))

    def drop_caches(self, idents: Iterable[int]) -> None:
        """Take caches off the list; their files may go after the commit."""
        self.db.executemany("DELETE FROM cache WHERE id=?", ((ident,) for ident in idents))

    def put_segment(self, entry: SegmentEntry) -> None:
        """List a segment whose file is safely on the disk."""
        values = astuple(entry)
        self.db.execute("INSERT OR REPLACE INTO segment VALUES(?,?,?,?,?,?)", (*values, crc(values)))

    def drop_segment(self, ident: int) -> None:
        """Take a segment off the list; its file may go after the commit."""
        self.db.execute("DELETE FROM segment WHERE id=?", (ident,))

    def seal(self) -> None:
        """Close a change: the checksums of the lists, and the next generation."""
        rows = list(self._rows("SELECT id, key, count, length, checksums, crc FROM segment ORDER BY id"))
        self.put_meta("segments", str(crc(rows)))
        self.put_meta("dead", str(crc([row[0] for row in self._rows("SELECT id, crc FROM dead ORDER BY id")])))
        self.db.execute("SAVEPOINT words")  # makes FTS5 write what it holds back
        self.db.execute("RELEASE words")
        self.put_meta("words", str(self._words_crc()))
        self.put_meta("generation", str(self.generation() + 1))


def _connection(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10, check_same_thread=False)
    db.execute("PRAGMA trusted_schema=OFF")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cell_size_check=ON")
    return db


def _marks(count: int) -> str:
    return ",".join("?" * count)


def _skip(row: tuple[Any, ...]) -> Skip:
    path, size, mtime_ns, reason, detail = row
    return Skip(path, size, mtime_ns, Reason(reason), detail)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours; one whose own words are damaged comes as a UnicodeDecodeError."""
    try:
        yield
    except (sqlite3.DatabaseError, sqlite3.Warning, UnicodeDecodeError) as problem:
        refused = ("full", "disk I/O", "readonly", "unable to open", "locked")
        if isinstance(problem, sqlite3.OperationalError) and any(word in str(problem) for word in refused):
            raise StorageError(f"{path}: {problem}") from problem
        raise DamagedError(f"{path} is damaged ({problem}): run nearsight repair") from problem
