"""Finding damage, and mending it from what is sound.

Descriptors are the truth that is stored; the folder's pictures are the truth behind them. What a checksum condemns is
dropped, the sound rows beside it are kept, and the next ingest describes the rest again from the pictures.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError, NearsightError
from nearsight.files import Files
from nearsight.storage import checksums, index_store, segments
from nearsight.storage.array_file import BLOCK
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import Editor
from nearsight.storage.compaction import rewrite
from nearsight.storage.database import NAME, translated
from nearsight.storage.full_text import Words
from nearsight.storage.records import Problem, SegmentEntry, crc
from nearsight.storage.segments import THUMBNAILS, Segment
from nearsight.storage.trained_state import keys
from nearsight.types import Ids

TABLES = {
    "meta": "key, value",
    "recipe": "name, text",
    "picture": "id, path, size, mtime_ns, seen_ns, sha256, width, height, format, taken, camera, latitude, longitude",
    "skip": "path, size, mtime_ns, reason, detail",
    "segment": "id, key, count, length, checksums",
    "dead": "id",
    "sidecar": "path, size, mtime_ns, seen_ns, unknown",
    "note": "picture, source, caption, tags",
    "label": "picture, label, confidence, model, state",
    "cache": "id, key, fitted, length, checksums",
}
"""The columns that a row's checksum covers."""
SINCE = {"cache": 2, "sidecar": 3, "note": 3, "label": 4}
"""The format that a table came with, where it is not the first."""


def verify(home: Path, catalogue: Catalogue, files: Files) -> list[Problem]:
    """Read everything and compare it with its checksums; an empty list is a clean collection."""
    problems = list(_database(catalogue))
    if problems:
        return problems
    folder = home / segments.FOLDER
    try:
        problems += checksums.damaged(home, catalogue, files)
        entries = catalogue.segments()
        catalogue.dead()
    except DamagedError as problem:
        return [Problem(NAME, str(problem))]
    wanted = _keys(home, catalogue, files)
    held: dict[str, list[Ids]] = {key: [] for key in wanted}
    for entry in entries:
        opened, found = _open(folder, entry, files)
        problems += found
        if opened is not None and not found:
            held.setdefault(entry.key, []).append(opened.ids)
    problems += [Problem(entry.file, what) for entry, what in index_store.damaged(home, catalogue, files)]
    return problems or list(_completeness(catalogue, held, wanted))


def _database(catalogue: Catalogue) -> Iterator[Problem]:
    """SQLite's own check, then each row's checksum."""
    try:
        for (line,) in catalogue.db.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield Problem(NAME, line)
        for table in (each for each in TABLES if catalogue.format >= SINCE.get(each, 1)):
            for rowid in bad_rows(catalogue, table):
                yield Problem(NAME, f"row {rowid} of table {table} does not agree with its checksum")
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        yield Problem(NAME, str(problem))


def bad_rows(catalogue: Catalogue, table: str) -> list[int]:
    """The row numbers whose values do not agree with their checksum."""
    rows = catalogue.db.execute(f"SELECT rowid, {TABLES[table]}, crc FROM {table}")  # noqa: S608 (our own names)
    return [rowid for rowid, *values, check in rows if crc(values) != check]


def _open(folder: Path, entry: SegmentEntry, files: Files) -> tuple[Segment | None, list[Problem]]:
    try:
        opened = Segment(folder, entry, files)
    except (NearsightError, ValueError, OSError) as problem:
        return None, [Problem(entry.file, str(problem))]
    bad = [n for n in range(-(-entry.length // BLOCK)) if not opened.sound(n)]
    return opened, [Problem(entry.file, f"block {n} does not agree with its checksum") for n in bad]


def _keys(home: Path, catalogue: Catalogue, files: Files) -> list[str]:
    return [THUMBNAILS, *keys(catalogue.recipes().values(), home, catalogue, files)]


def _completeness(catalogue: Catalogue, held: dict[str, list[Ids]], wanted: Sequence[str]) -> Iterator[Problem]:
    """Every picture has each of its rows exactly once, and no row is without its picture.

    Rows of recipes that cannot be used may lack: nothing can make them.
    """
    words = Words(catalogue)
    try:
        words.check()
    except DamagedError as problem:
        yield Problem(NAME, str(problem))
    if count := words.wrong():
        yield Problem(NAME, f"{count} pictures do not agree with the full-text index")
    live = np.array(catalogue.ids(), np.int64)
    dead = np.array(catalogue.dead(), np.int64)
    for key, parts in held.items():
        ids = np.concatenate(parts) if parts else np.empty(0, np.int64)
        ids = ids[~np.isin(ids, dead)]
        for what, count in (
            ("pictures lack this row", len(np.setdiff1d(live, ids)) if key in wanted else 0),
            ("rows are there twice", len(ids) - len(np.unique(ids))),
            ("rows have no picture", len(np.setdiff1d(ids, live))),
        ):
            if count:
                yield Problem(key, f"{count} {what}")


def repair(home: Path, files: Files) -> list[Problem]:
    """Drop what is damaged and keep what is sound; the caller then runs an ingest. What was dropped.

    A catalogue that SQLite cannot read is set aside as `catalogue.sqlite.damaged`, and the next ingest starts anew.
    One that only carries damage where no row lies is written anew by SQLite.
    """
    stray: list[Problem] = []
    try:
        catalogue = Editor(home)
        broken = [problem for problem in _database(catalogue) if " of table " not in problem.what]
        stray = [] if broken else _written_anew(home, catalogue, files)
    except DamagedError as problem:
        catalogue, broken = None, [Problem(NAME, str(problem))]
    if broken:
        if catalogue is not None:
            catalogue.db.close()
        set_aside(home, files)
        return broken
    assert catalogue is not None
    try:
        dropped = stray + _drop_rows(catalogue) + _drop_segments(home / segments.FOLDER, catalogue, files)
        return dropped + _drop_caches(home, catalogue, files)
    finally:
        catalogue.close()


def _written_anew(home: Path, catalogue: Editor, files: Files) -> list[Problem]:
    """Where the file has damage that no row shows, SQLite writes it anew from the rows; what there was."""
    found = list(checksums.damaged(home, catalogue, files))
    if found:
        with translated(catalogue.path):
            catalogue.db.execute("VACUUM")
    return found


def set_aside(home: Path, files: Files) -> None:
    """Move a catalogue that cannot be read out of the way, its log with it."""
    for suffix in ("", "-wal", "-shm"):
        if files.exists(home / (NAME + suffix)):
            files.rename(home / (NAME + suffix), home / (NAME + ".damaged" + suffix))


def _drop_rows(catalogue: Editor) -> list[Problem]:
    dropped: list[Problem] = []
    with catalogue.transaction():
        for table in TABLES:
            for rowid in bad_rows(catalogue, table):
                catalogue.db.execute(f"DELETE FROM {table} WHERE rowid=?", (rowid,))  # noqa: S608 (our own names)
                dropped.append(Problem(NAME, f"row {rowid} of table {table}"))
        catalogue.words.remake()
    return dropped


def _drop_segments(folder: Path, catalogue: Editor, files: Files) -> list[Problem]:
    """Keep the sound rows of damaged segments, each id once; then list as dead whatever has no picture."""
    dropped: list[Problem] = []
    live = np.array(catalogue.ids(), np.int64)
    seen: dict[str, Ids] = {}
    for entry in catalogue.segments():
        opened, problems = _open(folder, entry, files)
        dropped += problems
        if opened is None:
            _drop_segment(catalogue, folder, entry, files)
            continue
        before = seen.get(entry.key, np.empty(0, np.int64))
        good = _sound_rows(opened) & ~np.isin(opened.ids, before)
        seen[entry.key] = np.concatenate([before, opened.ids[good]])
        if not good.all():
            rewrite(catalogue, folder, files, [opened], np.empty(0, np.int64), [good])
    held = np.unique(np.concatenate(list(seen.values()))) if seen else np.empty(0, np.int64)
    with catalogue.transaction():
        catalogue.db.execute("DELETE FROM dead")
        catalogue.put_dead(np.setdiff1d(held, live).tolist())
    return dropped


def _drop_caches(home: Path, catalogue: Editor, files: Files) -> list[Problem]:
    """What an index keeps is made again from the rows; no picture is read for it."""
    bad = list(index_store.damaged(home, catalogue, files))
    index_store.drop(home, catalogue, files, [entry for entry, _ in bad])
    return [Problem(entry.file, what) for entry, what in bad]


def _drop_segment(catalogue: Editor, folder: Path, entry: SegmentEntry, files: Files) -> None:
    with catalogue.transaction():
        catalogue.drop_segment(entry.id)
    if files.exists(folder / entry.file):
        files.remove(folder / entry.file)


def _sound_rows(opened: Segment) -> NDArray[np.bool_]:
    """Which rows lie wholly in sound blocks."""
    bad = np.array([not opened.sound(n) for n in range(-(-opened.entry.length // BLOCK))])
    try:
        spans = opened.spans()
    except DamagedError:
        return np.zeros(len(opened.ids), bool)
    before = np.concatenate([[0], np.cumsum(bad)])
    result: NDArray[np.bool_] = before[spans[:, 0] // BLOCK] == before[(spans[:, 1] - 1) // BLOCK + 1]
    return result
