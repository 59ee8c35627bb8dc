"""Cache files: what indexes and encoders computed from the vectors and images, and can compute again.

A cache is a file of arrays, listed in the catalogue. It is read whole and compared with its checksums before use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from nearsight.errors import DamagedError
from nearsight.files import FileSystem
from nearsight.pipeline import Pipeline
from nearsight.storage.array_file import ArrayFile, CacheEntry
from nearsight.storage.array_file_writer import write_arrays
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.recipes import TRAINED_KEY_PREFIX
from nearsight.types import Arrays

INDEXES_FOLDER = "indexes"
REFRESH_KEY = "caches"
"""The record of the generation that the indexes were last refreshed for."""


def find_entries(entries: Iterable[CacheEntry], key: str) -> tuple[CacheEntry | None, list[CacheEntry]]:
    """Return the newest trained entry of a key, and the entries of the parts encoded with it."""
    mine = [entry for entry in entries if entry.key == key]
    trained = max((entry for entry in mine if not entry.trained_id), key=lambda entry: entry.id, default=None)
    return trained, [entry for entry in mine if trained is not None and entry.trained_id == trained.id]


def read_cache(folder: Path, entry: CacheEntry, files: FileSystem) -> Arrays:
    """Return the arrays of a cache, memory-mapped, after all its bytes agreed with their checksums.

    Raises
    ------
    DamagedError
        a checksum does not agree, or the bytes are those of another file
    """
    path = folder / entry.file_name
    try:
        opened = ArrayFile(path, entry.length, entry.checksums, files)
        opened.check_range(0, entry.length)
        names = json.loads(bytes(opened.array(0)))
        return {name: opened.array(number) for number, name in enumerate(names, 1)}
    except (ValueError, LookupError, TypeError) as problem:
        raise DamagedError(f"{path} is no cache ({problem}): run nearsight repair") from None


def trained_state_key(pipeline: Pipeline) -> str:
    """Key of the cache with the trained state of a pipeline's encoders."""
    return f"{TRAINED_KEY_PREFIX}{pipeline.untrained_key}"


def recipe_of_key(key: str) -> str:
    """Steps of the recipe that a key of a trained state belongs to."""
    return key.removeprefix(TRAINED_KEY_PREFIX).partition(" @")[0]


def write_caches(
    index_dir: Path,
    catalogue: CatalogueWriter,
    files: FileSystem,
    new: Iterable[tuple[str, int, Arrays]],
    old: Iterable[CacheEntry] = (),
) -> list[CacheEntry]:
    """Write the new caches, list them and unlist the old ones in one transaction, then remove the old files."""
    files.make_folder(index_dir / INDEXES_FOLDER)
    entries, old = list[CacheEntry](), list(old)
    for cache_id, (key, trained, arrays) in enumerate(new, catalogue.next_cache_id()):
        names = np.frombuffer(json.dumps(list(arrays)).encode(), np.uint8)
        unwritten = CacheEntry(cache_id, key, trained, 0, b"")
        length, sums = write_arrays(index_dir / INDEXES_FOLDER / unwritten.file_name, [names, *arrays.values()], files)
        entries.append(CacheEntry(cache_id, key, trained, length, sums))
    with catalogue.transaction():
        for entry in entries:
            catalogue.put_cache(entry)
        catalogue.drop_caches(entry.id for entry in old)
    for entry in old:
        files.remove(index_dir / INDEXES_FOLDER / entry.file_name)
    return entries


def damaged_cache_files(index_dir: Path, catalogue: Catalogue, files: FileSystem) -> Iterator[tuple[CacheEntry, str]]:
    """Yield each damaged cache with what is wrong with it."""
    for entry in catalogue.caches():
        try:
            read_cache(index_dir / INDEXES_FOLDER, entry, files)
        except DamagedError as problem:
            yield entry, str(problem)


def delete_caches(
    index_dir: Path, catalogue: CatalogueWriter, files: FileSystem, entries: Iterable[CacheEntry]
) -> None:
    """Delete caches; the next ingest computes them again from the vectors."""
    listed = list(entries)
    with catalogue.transaction():
        catalogue.drop_caches(entry.id for entry in listed)
        catalogue.put_meta(REFRESH_KEY, "")
    for entry in listed:
        with suppress(FileNotFoundError):
            files.remove(index_dir / INDEXES_FOLDER / entry.file_name)


def remove_orphan_files(index_dir: Path, catalogue: Catalogue, files: FileSystem) -> None:
    """Remove cache files that the catalogue does not list: a killed run left them."""
    if not files.exists(index_dir / INDEXES_FOLDER):
        return
    listed = {entry.file_name for entry in catalogue.caches()}
    for name in files.listdir(index_dir / INDEXES_FOLDER):
        if name not in listed:
            files.remove(index_dir / INDEXES_FOLDER / name)
