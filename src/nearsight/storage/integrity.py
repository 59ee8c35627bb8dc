"""Verification and repair.

Repair drops what does not agree with its checksum and keeps the sound vectors beside it; the next ingest describes the
rest again from the images.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError, NearsightError
from nearsight.files import FileSystem
from nearsight.storage import cache_files, catalogue_checksums
from nearsight.storage.array_file import BLOCK_BYTES, SEGMENTS_FOLDER, THUMBNAILS, Segment, SegmentEntry
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.compaction import rewrite_segments
from nearsight.storage.database import CATALOGUE_FILE, record_crc, translate_errors
from nearsight.storage.full_text import FullTextIndex
from nearsight.storage.records import Problem
from nearsight.storage.trained_state import vector_keys
from nearsight.types import Ids
from nearsight.wording import plural

TABLE_COLUMNS = {
    "meta": "key, value",
    "recipe": "name, text",
    "image": "id, path, size, mtime_ns, seen_ns, sha256, width, height, format, taken, camera, latitude, longitude",
    "skipped": "path, size, mtime_ns, reason, detail",
    "segment": "id, key, count, length, checksums",
    "deleted": "id",
    "sidecar": "path, size, mtime_ns, seen_ns, unknown",
    "note": "image, source, caption, tags",
    "label": "image, label, confidence, model, state",
    "cache": "id, key, fitted, length, checksums",
    "fact": "image, source, taken, taken_from, time_zone, latitude, longitude, altitude, place_from, camera, lens, "
    "iso, rating, creator, city, country, data",
    "detail": "image, ctime_ns, inode, page, pages, read_share, taken_from, time_zone, altitude, place_from, lens, "
    "iso, rating, creator, city, country",
    "doubt": "sidecar, name, reason",
    "decision": "id, batch, content, other, path, other_path, kind, made",
}
"""Columns that a record's checksum covers."""
TABLE_VERSIONS = {"cache": 2, "sidecar": 3, "note": 3, "label": 4, "decision": 7, "fact": 8, "detail": 8, "doubt": 8}
"""Format version that introduced a table, if not the first."""


def verify_storage(index_dir: Path, catalogue: Catalogue, files: FileSystem) -> list[Problem]:
    """Compare everything that is stored with its checksums; return the problems."""
    problems = list(_check_database(catalogue))
    if problems:
        return problems
    folder = index_dir / SEGMENTS_FOLDER
    try:
        problems += catalogue_checksums.find_catalogue_damage(index_dir, catalogue, files)
        entries = catalogue.segments()
        catalogue.deleted_ids()
    except DamagedError as problem:
        return [Problem(CATALOGUE_FILE, str(problem))]
    wanted = _expected_keys(index_dir, catalogue, files)
    held: dict[str, list[Ids]] = {key: [] for key in wanted}
    for entry in entries:
        opened, found = _check_segment(folder, entry, files)
        problems += found
        if opened is not None and not found:
            held.setdefault(entry.key, []).append(opened.ids)
    problems += [
        Problem(entry.file_name, what) for entry, what in cache_files.damaged_cache_files(index_dir, catalogue, files)
    ]
    return problems or list(_check_completeness(catalogue, held, wanted))


def _check_database(catalogue: Catalogue) -> Iterator[Problem]:
    """Run SQLite's integrity check, then check each record."""
    try:
        for (line,) in catalogue.db.execute("PRAGMA integrity_check"):
            if line != "ok":
                yield Problem(CATALOGUE_FILE, line)
        for table in (each for each in TABLE_COLUMNS if catalogue.format_version >= TABLE_VERSIONS.get(each, 1)):
            for rowid in find_bad_rows(catalogue, table):
                yield Problem(CATALOGUE_FILE, f"row {rowid} of table {table} does not agree with its checksum")
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        yield Problem(CATALOGUE_FILE, str(problem))


def find_bad_rows(catalogue: Catalogue, table: str) -> list[int]:
    """Row numbers of the records that do not agree with their checksums."""
    rowid = "row_number() OVER ()" if catalogue.uses_older_names else "rowid"  # a view has no rowid
    rows = catalogue.db.execute(f"SELECT {rowid}, {TABLE_COLUMNS[table]}, crc FROM {table}")  # noqa: S608 (our own names)
    return [number for number, *values, check in rows if record_crc(values) != check]


def _check_segment(folder: Path, entry: SegmentEntry, files: FileSystem) -> tuple[Segment | None, list[Problem]]:
    try:
        opened = Segment(folder, entry, files)
    except (NearsightError, ValueError, OSError) as problem:
        return None, [Problem(entry.file_name, str(problem))]
    bad = [n for n in range(-(-entry.length // BLOCK_BYTES)) if not opened.is_valid_block(n)]
    return opened, [Problem(entry.file_name, f"block {n} does not agree with its checksum") for n in bad]


def _expected_keys(index_dir: Path, catalogue: Catalogue, files: FileSystem) -> list[str]:
    return [THUMBNAILS, *vector_keys(catalogue.recipes().values(), index_dir, catalogue, files)]


def _check_completeness(catalogue: Catalogue, held: dict[str, list[Ids]], wanted: Sequence[str]) -> Iterator[Problem]:
    """Check that every image has each of its vectors exactly once, and every vector an image.

    Vectors of recipes that cannot be used may be missing.
    """
    words = FullTextIndex(catalogue)
    try:
        words.check()
    except DamagedError as problem:
        yield Problem(CATALOGUE_FILE, str(problem))
    if count := words.count_mismatches():
        yield Problem(CATALOGUE_FILE, f"the full-text index does not agree with {plural(count, 'image')}")
    live = np.array(catalogue.ids(), np.int64)
    deleted = np.array(catalogue.deleted_ids(), np.int64)
    for key, parts in held.items():
        ids = np.concatenate(parts) if parts else np.empty(0, np.int64)
        ids = ids[~np.isin(ids, deleted)]
        for what, count in (
            ("images lack this vector", len(np.setdiff1d(live, ids)) if key in wanted else 0),
            ("vectors are stored twice", len(ids) - len(np.unique(ids))),
            ("vectors have no image", len(np.setdiff1d(ids, live))),
        ):
            if count:
                yield Problem(key, f"{count} {what}")


def repair_storage(index_dir: Path, files: FileSystem) -> list[Problem]:
    """Drop what is damaged and return it; the caller then runs an ingest.

    A catalogue that SQLite cannot read is renamed to `catalogue.sqlite.damaged`, and the next ingest starts over.
    One that is damaged only between its records is rewritten by SQLite.
    """
    stray: list[Problem] = []
    try:
        catalogue = CatalogueWriter(index_dir)
        broken = [problem for problem in _check_database(catalogue) if " of table " not in problem.what]
        stray = [] if broken else _vacuum(index_dir, catalogue, files)
    except DamagedError as problem:
        catalogue, broken = None, [Problem(CATALOGUE_FILE, str(problem))]
    if broken:
        if catalogue is not None:
            catalogue.db.close()
        quarantine_catalogue(index_dir, files)
        return broken
    assert catalogue is not None
    try:
        dropped = stray + _repair_rows(catalogue) + _repair_segments(index_dir / SEGMENTS_FOLDER, catalogue, files)
        return dropped + _repair_caches(index_dir, catalogue, files)
    finally:
        catalogue.close()


def _vacuum(index_dir: Path, catalogue: CatalogueWriter, files: FileSystem) -> list[Problem]:
    """Rewrite a file that is damaged between its records; return the damage."""
    found = list(catalogue_checksums.find_catalogue_damage(index_dir, catalogue, files))
    if found:
        with translate_errors(catalogue.path):
            catalogue.db.execute("VACUUM")
    return found


def quarantine_catalogue(index_dir: Path, files: FileSystem) -> None:
    """Rename a catalogue that cannot be read, and its log."""
    for suffix in ("", "-wal", "-shm"):
        if files.exists(index_dir / (CATALOGUE_FILE + suffix)):
            files.rename(index_dir / (CATALOGUE_FILE + suffix), index_dir / (CATALOGUE_FILE + ".damaged" + suffix))


def _repair_rows(catalogue: CatalogueWriter) -> list[Problem]:
    dropped: list[Problem] = []
    with catalogue.transaction():
        for table in TABLE_COLUMNS:
            for rowid in find_bad_rows(catalogue, table):
                catalogue.db.execute(f"DELETE FROM {table} WHERE rowid=?", (rowid,))  # noqa: S608 (our own names)
                dropped.append(Problem(CATALOGUE_FILE, f"row {rowid} of table {table}"))
                if table in ("note", "fact", "doubt"):  # whose it was is not known any more
                    catalogue.details.forget_all()
                    catalogue.mark_sidecars_unread()
        catalogue.full_text.rebuild()
    return dropped


def _repair_segments(folder: Path, catalogue: CatalogueWriter, files: FileSystem) -> list[Problem]:
    """Keep the sound vectors of damaged segments, each id once; then list the ids without an image as deleted."""
    dropped: list[Problem] = []
    live = np.array(catalogue.ids(), np.int64)
    seen: dict[str, Ids] = {}
    for entry in catalogue.segments():
        opened, problems = _check_segment(folder, entry, files)
        dropped += problems
        if opened is None:
            _drop_segment(catalogue, folder, entry, files)
            continue
        before = seen.get(entry.key, np.empty(0, np.int64))
        good = _valid_rows(opened) & ~np.isin(opened.ids, before)
        seen[entry.key] = np.concatenate([before, opened.ids[good]])
        if not good.all():
            rewrite_segments(catalogue, folder, files, [opened], np.empty(0, np.int64), [good])
    held = np.unique(np.concatenate(list(seen.values()))) if seen else np.empty(0, np.int64)
    with catalogue.transaction():
        catalogue.db.execute("DELETE FROM deleted")
        catalogue.put_deleted_ids(np.setdiff1d(held, live).tolist())
    return dropped


def _repair_caches(index_dir: Path, catalogue: CatalogueWriter, files: FileSystem) -> list[Problem]:
    """Drop damaged caches; the next ingest computes them from the vectors, without reading an image."""
    bad = list(cache_files.damaged_cache_files(index_dir, catalogue, files))
    cache_files.delete_caches(index_dir, catalogue, files, [entry for entry, _ in bad])
    return [Problem(entry.file_name, what) for entry, what in bad]


def _drop_segment(catalogue: CatalogueWriter, folder: Path, entry: SegmentEntry, files: FileSystem) -> None:
    with catalogue.transaction():
        catalogue.drop_segment(entry.id)
    if files.exists(folder / entry.file_name):
        files.remove(folder / entry.file_name)


def _valid_rows(opened: Segment) -> NDArray[np.bool_]:
    """Mask of the vectors that lie in sound blocks only."""
    bad = np.array([not opened.is_valid_block(n) for n in range(-(-opened.entry.length // BLOCK_BYTES))])
    try:
        spans = opened.spans()
    except DamagedError:
        return np.zeros(len(opened.ids), bool)
    before = np.concatenate([[0], np.cumsum(bad)])
    result: NDArray[np.bool_] = before[spans[:, 0] // BLOCK_BYTES] == before[(spans[:, 1] - 1) // BLOCK_BYTES + 1]
    return result
