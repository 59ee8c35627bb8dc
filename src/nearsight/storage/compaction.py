"""Keeping the number of segments small, and the dead out of them.

Small segments of a key are merged as soon as there are eight of them, up to 64 MiB together; a segment of which a
third is dead is written anew. New files first, then one transaction, then the old files go: work in proportion to
what changed, and nothing that a reader holds is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.files import Files
from nearsight.storage import segments
from nearsight.storage.catalogue_writer import Editor
from nearsight.storage.records import SegmentEntry
from nearsight.storage.segments import Segment
from nearsight.types import Ids

SMALL = 32 << 20
LARGEST = 64 << 20
MANY = 8
DEAD_SHARE = 1 / 3


def merge_small(catalogue: Editor, folder: Path, files: Files) -> None:
    """Merge the small segments of each key that has many."""
    entries = catalogue.segments()
    dead = np.array(catalogue.dead(), np.int64)
    for key in sorted({entry.key for entry in entries}):
        small = [entry for entry in entries if entry.key == key and entry.length < SMALL]
        for group in _packed(small) if len(small) >= MANY else []:
            rewrite(catalogue, folder, files, [Segment(folder, entry, files) for entry in group], dead)


def drop_dead(catalogue: Editor, folder: Path, files: Files) -> None:
    """Write segments anew that are dead to a third; forget the dead that no segment holds any more."""
    dead = np.array(catalogue.dead(), np.int64)
    if not len(dead):
        return
    for entry in catalogue.segments():
        opened = Segment(folder, entry, files)
        if np.isin(opened.ids, dead).mean() > DEAD_SHARE:
            rewrite(catalogue, folder, files, [opened], dead)
    _bury(catalogue, dead, folder, files)


def drop_outdated(catalogue: Editor, folder: Path, files: Files, outdated: Callable[[str], bool]) -> None:
    """Take away the segments whose rows were made with something that has been learnt anew since."""
    old = [entry for entry in catalogue.segments() if outdated(entry.key)]
    if not old:
        return
    with catalogue.transaction():
        for entry in old:
            catalogue.drop_segment(entry.id)
    for entry in old:
        files.remove(folder / entry.file)


def rewrite(
    catalogue: Editor,
    folder: Path,
    files: Files,
    group: Sequence[Segment],
    without: Ids,
    sound: Sequence[NDArray[np.bool_]] | None = None,
) -> None:
    """Write the rows of these segments into one new one, without some ids; only the `sound` rows where given."""
    keep = [~np.isin(each.ids, without) for each in group]
    if sound is not None:
        keep = [kept & good for kept, good in zip(keep, sound, strict=True)]
    some = any(kept.any() for kept in keep)
    entry = segments.write_joined(folder, catalogue.next_ids()[1], group, keep, files) if some else None
    with catalogue.transaction():
        for each in group:
            catalogue.drop_segment(each.entry.id)
        if entry is not None:
            catalogue.put_segment(entry)
    for each in group:
        files.remove(each.path)


def _packed(entries: list[SegmentEntry]) -> list[list[SegmentEntry]]:
    """Neighbours together, up to the largest size; a group of one is left alone."""
    groups: list[list[SegmentEntry]] = [[]]
    for entry in entries:
        if groups[-1] and sum(each.length for each in groups[-1]) + entry.length > LARGEST:
            groups.append([])
        groups[-1].append(entry)
    return [group for group in groups if len(group) > 1]


def _bury(catalogue: Editor, dead: Ids, folder: Path, files: Files) -> None:
    """Forget the dead that no segment holds any more."""
    held = [Segment(folder, entry, files).ids for entry in catalogue.segments()]
    gone = np.setdiff1d(dead, np.concatenate(held)) if held else dead
    if len(gone):
        with catalogue.transaction():
            catalogue.bury(gone.tolist())
