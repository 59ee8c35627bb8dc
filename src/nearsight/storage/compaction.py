"""Compaction: merging small segments, and rewriting those with many deleted vectors.

Eight small segments of a key are merged, up to 64 MiB; a segment of which more than a third is deleted is rewritten.
New files are written first, then one transaction lists them, then the old files are removed. Open files of readers
stay valid.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.files import FileSystem
from nearsight.storage.array_file import Segment, SegmentEntry
from nearsight.storage.array_file_writer import merge_segments
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.types import Ids

SMALL_BYTES = 32 << 20
MAX_MERGED_BYTES = 64 << 20
MIN_SEGMENTS = 8
MAX_DELETED_SHARE = 1 / 3


def merge_small_segments(catalogue: CatalogueWriter, folder: Path, files: FileSystem) -> None:
    """Merge the small segments of each key that has many."""
    entries = catalogue.segments()
    deleted = np.array(catalogue.deleted_ids(), np.int64)
    for key in sorted({entry.key for entry in entries}):
        small = [entry for entry in entries if entry.key == key and entry.length < SMALL_BYTES]
        for group in _group_by_size(small) if len(small) >= MIN_SEGMENTS else []:
            rewrite_segments(catalogue, folder, files, [Segment(folder, entry, files) for entry in group], deleted)


def compact_segments(catalogue: CatalogueWriter, folder: Path, files: FileSystem) -> None:
    """Rewrite segments with many deleted vectors; unlist deleted ids that no segment holds any more."""
    deleted = np.array(catalogue.deleted_ids(), np.int64)
    if not len(deleted):
        return
    for entry in catalogue.segments():
        opened = Segment(folder, entry, files)
        if np.isin(opened.ids, deleted).mean() > MAX_DELETED_SHARE:
            rewrite_segments(catalogue, folder, files, [opened], deleted)
    _forget_deleted_ids(catalogue, deleted, folder, files)


def drop_stale_segments(
    catalogue: CatalogueWriter, folder: Path, files: FileSystem, is_stale: Callable[[str], bool]
) -> None:
    """Drop the segments whose vectors were computed with an older trained state."""
    old = [entry for entry in catalogue.segments() if is_stale(entry.key)]
    if not old:
        return
    with catalogue.transaction():
        for entry in old:
            catalogue.drop_segment(entry.id)
    for entry in old:
        files.remove(folder / entry.file_name)


def rewrite_segments(
    catalogue: CatalogueWriter,
    folder: Path,
    files: FileSystem,
    group: Sequence[Segment],
    excluded: Ids,
    valid: Sequence[NDArray[np.bool_]] | None = None,
) -> None:
    """Merge these segments into a new one without the excluded ids; `valid` masks, where given, the sound vectors."""
    keep = [~np.isin(each.ids, excluded) for each in group]
    if valid is not None:
        keep = [kept & good for kept, good in zip(keep, valid, strict=True)]
    some = any(kept.any() for kept in keep)
    entry = merge_segments(folder, catalogue.next_ids()[1], group, keep, files) if some else None
    with catalogue.transaction():
        for each in group:
            catalogue.drop_segment(each.entry.id)
        if entry is not None:
            catalogue.put_segment(entry)
    for each in group:
        files.remove(each.path)


def _group_by_size(entries: list[SegmentEntry]) -> list[list[SegmentEntry]]:
    """Group neighbours up to the maximum size; a group of one is left out."""
    groups: list[list[SegmentEntry]] = [[]]
    for entry in entries:
        if groups[-1] and sum(each.length for each in groups[-1]) + entry.length > MAX_MERGED_BYTES:
            groups.append([])
        groups[-1].append(entry)
    return [group for group in groups if len(group) > 1]


def _forget_deleted_ids(catalogue: CatalogueWriter, deleted: Ids, folder: Path, files: FileSystem) -> None:
    """Unlist deleted ids that no segment holds any more."""
    held = [Segment(folder, entry, files).ids for entry in catalogue.segments()]
    gone = np.setdiff1d(deleted, np.concatenate(held)) if held else deleted
    if len(gone):
        with catalogue.transaction():
            catalogue.drop_deleted_ids(gone.tolist())
