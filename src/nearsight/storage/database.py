"""The catalogue's file: opening it, its format, transactions, and records with checksums.

SQLite with a write-ahead log and synchronous=FULL. SQLite does not notice a flipped bit, so every record has a CRC-32
of its values, which is checked when the record is read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from nearsight.errors import DamagedError, FormatError, StorageError

FORMAT_VERSION = 8
APPLICATION_ID = 0x4E525354  # "NRST"
CATALOGUE_FILE = "catalogue.sqlite"
BUSY_TIMEOUT = 10.0
"""Seconds that a connection waits for another one's lock."""

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
_NOTES = """
CREATE TABLE sidecar(
  path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, seen_ns INTEGER NOT NULL,
  unknown INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE note(
  picture BLOB NOT NULL, source BLOB NOT NULL, caption TEXT NOT NULL, tags TEXT NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY(picture, source)) STRICT;
CREATE INDEX note_by_source ON note(source);
DELETE FROM skip WHERE reason='not-a-picture' AND (CAST(path AS TEXT) LIKE '%.json' OR CAST(path AS TEXT) LIKE '%.jsonl'
  OR CAST(path AS TEXT) LIKE '%.csv' OR CAST(path AS TEXT) LIKE '%.xmp');
"""
_LABELS = """
CREATE TABLE label(
  picture BLOB NOT NULL, label TEXT NOT NULL, confidence REAL NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL,
  crc INTEGER NOT NULL, PRIMARY KEY(picture, label)) STRICT;
"""
_NAMES = """
ALTER TABLE picture RENAME TO image;
ALTER TABLE skip RENAME TO skipped;
ALTER TABLE dead RENAME TO deleted;
ALTER TABLE note RENAME COLUMN picture TO image;
ALTER TABLE label RENAME COLUMN picture TO image;
DELETE FROM meta WHERE key IN ('pictures', 'dead');
"""
_CONTENT = "CREATE INDEX image_by_content ON image(sha256);"
_DECISIONS = """
CREATE TABLE decision(
  id INTEGER PRIMARY KEY AUTOINCREMENT, batch INTEGER NOT NULL, content BLOB NOT NULL, other BLOB NOT NULL,
  path BLOB NOT NULL, other_path BLOB NOT NULL, kind TEXT NOT NULL, made TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE INDEX decision_by_path ON decision(path);
CREATE INDEX decision_by_other_path ON decision(other_path);
"""
_DETAILS = """
CREATE TABLE fact(
  image BLOB NOT NULL, source BLOB NOT NULL, taken TEXT, taken_from TEXT NOT NULL, time_zone TEXT, latitude REAL,
  longitude REAL, altitude REAL, place_from TEXT NOT NULL, camera TEXT, lens TEXT, iso INTEGER, rating INTEGER,
  creator TEXT, city TEXT, country TEXT, data TEXT NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY(image, source)) STRICT;
CREATE INDEX fact_by_source ON fact(source);
CREATE TABLE detail(
  image INTEGER PRIMARY KEY, ctime_ns INTEGER, inode INTEGER, page INTEGER NOT NULL, pages INTEGER NOT NULL,
  read_share REAL NOT NULL, taken_from TEXT NOT NULL, time_zone TEXT, altitude REAL, place_from TEXT NOT NULL,
  lens TEXT, iso INTEGER, rating INTEGER, creator TEXT, city TEXT, country TEXT, crc INTEGER NOT NULL) STRICT;
CREATE TABLE doubt(
  sidecar BLOB NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL,
  PRIMARY KEY(sidecar, name)) STRICT;
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5(tokens, tokenize='ascii');
DELETE FROM skipped WHERE reason IN ('format-not-read', 'truncated', 'needs-heif-extra', 'bad-header', 'corrupt');
"""
MIGRATIONS = (_SCHEMA, _CACHES, _NOTES, _LABELS, _NAMES, _CONTENT, _DECISIONS, _DETAILS)
"""Script i migrates a catalogue from version i to i + 1."""

DETAILS_VERSION = 8
"""Format version since which details and facts are kept."""
_RENAMED_VERSION = 5
"""Format version since which tables, columns and named values have the names that the code uses."""
_VIEWS_OF_OLDER_NAMES = {
    "image": "SELECT * FROM main.picture",
    "skipped": "SELECT * FROM main.skip",
    "deleted": "SELECT * FROM main.dead",
    "note": "SELECT picture AS image, source, caption, tags, crc FROM main.note",
    "label": "SELECT picture AS image, label, confidence, model, state, crc FROM main.label",
}
OLDER_META_KEYS = {"images": "pictures", "deleted": "dead"}


def record_crc(values: Iterable[Any]) -> int:
    """CRC-32 of a record's values."""
    return zlib.crc32(repr(tuple(values)).encode("utf8", "surrogatepass"))


class Database:
    """An open catalogue file. With `readonly` nothing is written, so that it works on read-only media.

    Raises
    ------
    FormatError
        not a catalogue, or written by a newer nearsight
    DamagedError
        SQLite or a checksum finds it damaged
    StorageError
        the disk refused
    """

    def __init__(self, index_dir: Path, *, readonly: bool) -> None:
        self.path = index_dir / CATALOGUE_FILE
        self._private_copy: tempfile.TemporaryDirectory[str] | None = None
        self._unlocked_state: _FileState | None = None
        self._n_cursors = 0
        self._readonly, self._uses_views = readonly, False
        with translate_errors(self.path):
            self.db = self._connect(index_dir, readonly)
            try:
                self._check_format(readonly)
                self._prepare_read()
            except BaseException:
                self.close()
                raise

    def _connect(self, index_dir: Path, readonly: bool) -> sqlite3.Connection:
        if not readonly:
            return _open_connection(f"{self.path.resolve().as_uri()}?mode=rwc")
        if os.access(index_dir, os.W_OK):
            return _open_connection(f"{self.path.resolve().as_uri()}?mode=ro")
        if not os.statvfs(index_dir).f_flag & os.ST_RDONLY:
            return self._connect_unprivileged()
        return _open_connection(f"{self._immutable_path().as_uri()}?immutable=1")

    def _connect_unprivileged(self) -> sqlite3.Connection:
        """Connect to a file that other users may write to, and this one may not.

        While a writer has it open, SQLite reads the log and locks as usual. Otherwise SQLite would have to create the
        log, so it reads the file without locks, and `_reconnect_if_changed` looks for changes.
        """
        self._unlocked_state = None
        with suppress(sqlite3.OperationalError):
            db = _open_connection(f"{self.path.resolve().as_uri()}?mode=ro")
            try:
                db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            except BaseException:
                db.close()
                raise
            return db
        self._unlocked_state = _database_file_state(self.path)
        return _open_connection(f"{self._immutable_path().as_uri()}?immutable=1")

    def _prepare_read(self) -> None:
        """Reconnect if needed, and let a file of an older format be read by the names of this one."""
        self._reconnect_if_changed()
        if self._readonly and self.uses_older_names != self._uses_views:
            self._uses_views = self.uses_older_names
            for name, select in _VIEWS_OF_OLDER_NAMES.items():
                change = f"CREATE TEMP VIEW {name} AS {select}" if self._uses_views else f"DROP VIEW temp.{name}"
                self.db.execute(change)

    def _reconnect_if_changed(self) -> None:
        """Where the file is read without locks: open it again if another user has written to it."""
        if self._unlocked_state is None or self._n_cursors or self.db.in_transaction:
            return
        if _database_file_state(self.path) != self._unlocked_state:
            self.close()
            self._private_copy, self._uses_views = None, False
            self.db = self._connect_unprivileged()

    def _require_unchanged(self) -> None:
        """Raise StorageError where a file that is read without locks changed meanwhile: pages of two states may mix."""
        if self._unlocked_state is not None and _database_file_state(self.path) != self._unlocked_state:
            raise StorageError(f"{self.path} was written while it was read; try again")

    def _immutable_path(self) -> Path:
        """Return the file, or a private copy where a log is left over that SQLite cannot replay in place."""
        log = self.path.with_name(CATALOGUE_FILE + "-wal")
        if not (log.exists() and log.stat().st_size):
            return self.path.resolve()
        self._private_copy = tempfile.TemporaryDirectory(prefix="nearsight-")
        for file in (self.path, log):
            shutil.copy(file, self._private_copy.name)
        copied = Path(self._private_copy.name) / CATALOGUE_FILE
        _open_connection(f"{copied.as_uri()}?mode=rw").close()
        return copied

    def _check_format(self, readonly: bool) -> None:
        application = self.db.execute("PRAGMA application_id").fetchone()[0]
        version = self.format_version
        tables = self.db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version > FORMAT_VERSION:
            raise FormatError(
                f"{self.path} has format {version}; this nearsight reads up to {FORMAT_VERSION}: update nearsight"
            )
        if tables and application != APPLICATION_ID:
            raise FormatError(f"{self.path} is not a catalogue of nearsight (application id {application:#x})")
        if not version and readonly:
            raise FormatError(f"{self.path} is an empty or half-made catalogue: run nearsight index again")

    @property
    def format_version(self) -> int:
        """Format version of the file."""
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    @property
    def uses_older_names(self) -> bool:
        """Whether the file is of a format whose tables have other names; a reader then sees them through views."""
        return self.format_version < _RENAMED_VERSION

    def close(self) -> None:
        """Close the connection; in a writer this checkpoints the log."""
        self.db.close()
        if self._private_copy is not None:
            self._private_copy.cleanup()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none."""
        with translate_errors(self.path):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    @contextmanager
    def read_transaction(self) -> Iterator[None]:
        """Read one generation in the whole block."""
        with translate_errors(self.path):
            self._prepare_read()
            self.db.execute("BEGIN")
            try:
                yield
            finally:
                if self.db.in_transaction:
                    self.db.execute("COMMIT")
            self._require_unchanged()

    def query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query that reads no checksums."""
        with translate_errors(self.path):
            self._prepare_read()
            return self.db.execute(sql, values).fetchall()

    def fetch_record(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """First record of a query, or None."""
        return next(self.fetch_records(sql, values), None)

    def fetch_records(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the records of a query whose last column is their checksum, without it."""
        with translate_errors(self.path):
            self._prepare_read()
            self._n_cursors += 1
            try:
                for *row, check in self.db.execute(sql, values):
                    if record_crc(row) != check:
                        raise DamagedError(f"a row of {self.path} is damaged: run nearsight repair")
                    yield tuple(row)
            finally:
                self._n_cursors -= 1


_FileState: TypeAlias = "tuple[tuple[int, int, int] | None, ...]"


def _database_file_state(path: Path) -> _FileState:
    """Inode, size and time of change of a catalogue and of its log; None for one that is missing."""
    states = list[tuple[int, int, int] | None]()
    for each in (path, path.with_name(f"{path.name}-wal")):
        try:
            stat = each.stat()
        except FileNotFoundError:
            states.append(None)
        else:
            states.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
    return tuple(states)


def _open_connection(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT, check_same_thread=False)
    db.execute("PRAGMA trusted_schema=OFF")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cell_size_check=ON")
    return db


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate SQLite's errors; damaged text raises a UnicodeDecodeError."""
    try:
        yield
    except (sqlite3.DatabaseError, sqlite3.Warning, UnicodeDecodeError) as problem:
        refused = ("full", "disk I/O", "readonly", "unable to open", "locked")
        if isinstance(problem, sqlite3.OperationalError) and any(word in str(problem) for word in refused):
            raise StorageError(f"{path}: {problem}") from problem
        raise DamagedError(f"{path} is damaged ({problem}): run nearsight repair") from problem
