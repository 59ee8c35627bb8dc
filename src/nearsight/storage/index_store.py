"""What approximate indexes keep of the rows: files beside the segments, made again whenever in doubt.

The rows are the truth; a cache only says where to look. It is read whole and compared with its checksums before it is
used. While one lacks or is damaged, answers come from all rows, exactly.

What is fitted is fitted once, on a sample of pictures chosen by their content. What is kept of the rows lies in parts
of falling size, so that new pictures cost work in proportion to their number.
"""

from __future__ import annotations

import ctypes
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nearsight.errors import DamagedError
from nearsight.files import Files
from nearsight.indexes._cells import stacked
from nearsight.pipeline import Plan
from nearsight.registry import name_of
from nearsight.storage.array_file import StoredArrays, write_arrays
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import Editor
from nearsight.storage.index_training import Sample, learnt
from nearsight.storage.recipes import LEARNT, owner, sorted_out
from nearsight.storage.records import CacheEntry
from nearsight.storage.segments import FOLDER as SEGMENTS
from nearsight.storage.segments import Segment
from nearsight.types import Arrays

FOLDER = "indexes"
CHUNK = 1024
LOST_SHARE = 0.1
_DONE = "caches"

Report = Callable[[int, int], None]
"""`(done, total)` rows."""


class Caches:
    """The caches of one generation, for reading."""

    def __init__(self, home: Path, catalogue: Catalogue, files: Files) -> None:
        self.folder, self.files = home / FOLDER, files
        self.damage: dict[str, str] = {}
        try:
            self.entries = catalogue.caches()
        except DamagedError as problem:
            self.entries, self.damage[""] = [], str(problem)

    def load(self, plan: Plan, total: int) -> tuple[Arrays, list[Arrays]] | None:
        """What the index of a plan has fitted and kept; None where an exact search is to answer."""
        fitted, parts = held(self.entries, plan.cache_key)
        if not plan.index.kept_by or fitted is None or total < plan.index.exact_below:
            return None
        try:
            return read(self.folder, fitted, self.files), [read(self.folder, part, self.files) for part in parts]
        except DamagedError as problem:
            self.damage[plan.cache_key] = str(problem)
            return None

    def answers(self, plan: Plan, total: int) -> str:
        """Which index answers, and where it is not the plan's own, why."""
        name = name_of(plan.index)
        if not plan.index.kept_by:
            return "exact: every row is compared"
        if not plan.index.serves(plan.metric):
            return f"exact: {name} cannot rank by {plan.metric_name}"
        if total < plan.index.exact_below:
            return f"exact: {total:,} pictures; {name} answers from {plan.index.exact_below:,} on"
        if problem := self.damage.get(plan.cache_key) or self.damage.get(""):
            return f"exact: what {name} keeps is damaged ({problem})"
        if held(self.entries, plan.cache_key)[0] is None:
            return f"exact: {name} is not fitted yet, nearsight index does it"
        return f"{name}: {plan.index.answer}"


def held(entries: Iterable[CacheEntry], key: str) -> tuple[CacheEntry | None, list[CacheEntry]]:
    """What is fitted for a key, the newest, and the parts that were made with it."""
    mine = [entry for entry in entries if entry.key == key]
    fitted = max((entry for entry in mine if not entry.fitted), key=lambda entry: entry.id, default=None)
    return fitted, [entry for entry in mine if fitted is not None and entry.fitted == fitted.id]


def read(folder: Path, entry: CacheEntry, files: Files) -> Arrays:
    """The arrays of a cache, all of it checked, still on the disk. Raises DamagedError."""
    opened = StoredArrays(folder / entry.file, entry.length, entry.checksums, files)
    opened.check(0, entry.length)
    names = json.loads(bytes(opened.array(0)))
    return {name: opened.array(number) for number, name in enumerate(names, 1)}


def rows_of(segment: Segment, plan: Plan) -> Any:  # noqa: ANN401 - rows (n, D), or lists of records
    """The rows of a segment as the plan's index takes them."""
    return segment.records(np.dtype(plan.descriptor.dtype)) if plan.descriptor.ragged else segment.rows


def learnt_key(plan: Plan) -> str:
    """The key of what the encoders of a plan have learnt."""
    return f"{LEARNT}{plan.unlearnt_key}"


def shown_key(key: str) -> str:
    """The steps of a recipe whose encoders have learnt what has this key."""
    return key.removeprefix(LEARNT).partition(" @")[0]


def put(
    home: Path, catalogue: Editor, files: Files, new: Iterable[tuple[str, int, Arrays]], old: Iterable[CacheEntry] = ()
) -> list[CacheEntry]:
    """Write caches: files first, then one transaction, then the old files go."""
    files.make_folder(home / FOLDER)
    entries, old = list[CacheEntry](), list(old)
    for ident, (key, fitted, arrays) in enumerate(new, catalogue.next_cache()):
        names = np.frombuffer(json.dumps(list(arrays)).encode(), np.uint8)
        unwritten = CacheEntry(ident, key, fitted, 0, b"")
        length, sums = write_arrays(home / FOLDER / unwritten.file, [names, *arrays.values()], files)
        entries.append(CacheEntry(ident, key, fitted, length, sums))
    with catalogue.transaction():
        for entry in entries:
            catalogue.put_cache(entry)
        catalogue.drop_caches(entry.id for entry in old)
    for entry in old:
        files.remove(home / FOLDER / entry.file)
    return entries


@dataclass
class Refresh:
    """Brings the caches into agreement with the rows; the caller holds the writer's lock."""

    home: Path
    catalogue: Editor
    files: Files
    report: Report

    def run(self, plans: Iterable[Plan]) -> None:
        """Make what lacks, extend what has fallen behind, drop what is of no use any more."""
        plans, total = list(plans), self.catalogue.count()
        wanted = {
            plan.cache_key: plan
            for plan in plans
            if plan.index.kept_by and plan.index.serves(plan.metric) and total >= max(1, plan.index.exact_below)
        }
        if self.catalogue.meta(_DONE) == _state(self.catalogue.generation(), wanted):
            return
        known = {*wanted, *(learnt_key(plan) for plan in plans), *self._of_unusable()}
        self._drop([entry for entry in self.catalogue.caches() if entry.key not in known])
        with threadpool_limits(1):  # each thread of the numeric libraries takes memory that it never gives back
            for plan in wanted.values():
                self._refresh(plan)
                _trim()
        with self.catalogue.transaction():
            self.catalogue.put_meta(_DONE, _state(self.catalogue.generation() + 1, wanted))

    def _of_unusable(self) -> set[str]:
        """The keys of what recipes need whose method is not installed: what they learnt is there when it is again."""
        kept = {entry.key for entry in self.catalogue.caches()}
        keys = {entry.key for entry in self.catalogue.segments()} | kept
        owners = [owner(each.text, keys) for each in sorted_out(self.catalogue.recipes())[1]]
        return {key for key in kept if any(each.needs(key) for each in owners)}

    def _refresh(self, plan: Plan) -> None:
        entries = [entry for entry in self.catalogue.caches() if entry.key == plan.cache_key]
        first, parts = held(entries, plan.cache_key)
        try:
            fitted = read(self.home / FOLDER, first, self.files) if first else None
            kept = [read(self.home / FOLDER, part, self.files) for part in parts]
        except DamagedError:
            fitted, kept = None, []
        if fitted is None or first is None:
            self._drop(entries)
            fitted, parts, kept = self._fit(plan), [], []
            _trim()
            first = self._put([(plan.cache_key, 0, fitted)], [])[0]
        after = self._brought_up(plan, fitted, kept)
        new = [(plan.cache_key, first.id, part) for part in after if not any(part is old for old in kept)]
        old = [entry for entry, part in zip(parts, kept, strict=True) if not any(part is now for now in after)]
        if new or old:
            self._put(new, old)

    def _fit(self, plan: Plan) -> Arrays:
        """The sample goes through a file: it is large, and learnt from elsewhere."""
        if not plan.index.sample:
            return {}
        sample = np.array(self.catalogue.sample(plan.index.sample), np.int64)
        with tempfile.NamedTemporaryFile(prefix="nearsight-") as file:
            count = 0
            for each in self._segments(plan):
                for piece in each.pieces(np.isin(each.ids, sample)):
                    file.write(piece.tobytes())
                    count += len(piece)
            file.flush()
            shape = (count, plan.descriptor.size)
            return learnt(plan.index, plan.metric, Sample(Path(file.name), shape, plan.descriptor.dtype))

    def _brought_up(self, plan: Plan, fitted: Arrays, kept: list[Arrays]) -> list[Arrays]:
        """The parts that cover just the rows that are there; unchanged ones are the very same objects."""
        dead = np.array(self.catalogue.dead(), np.int64)
        known = np.concatenate([np.empty(0, np.uint32), *(part["ids"] for part in kept)])
        live = [np.empty(0, np.int64)]
        made: list[Arrays] = []
        for each in self._segments(plan):
            stays = ~np.isin(each.ids, dead)
            live.append(each.ids[stays])
            new = np.flatnonzero(stays & ~np.isin(each.ids, known, kind="table"))
            for at in (new[start : start + CHUNK] for start in range(0, len(new), CHUNK)):
                rows = rows_of(each, plan)[at]
                made.append(plan.index.keep(each.ids[at], rows, plan.metric, fitted))
                each.let_go()
                self.report(sum(len(part["ids"]) for part in made), self.catalogue.count())
        lost = np.setdiff1d(known, np.concatenate(live))
        if len(lost) > LOST_SHARE * len(known):
            kept = [plan.index.join(kept, lost)]
        if made:
            kept = stacked(plan.index, [*kept, plan.index.join(made, lost)], lost)
        return kept

    def _segments(self, plan: Plan) -> Iterator[Segment]:
        """One at a time, so that no more of the rows than one file is in memory."""
        for entry in self.catalogue.segments():
            if entry.key == plan.key:
                yield Segment(self.home / SEGMENTS, entry, self.files)

    def _put(self, new: list[tuple[str, int, Arrays]], old: list[CacheEntry]) -> list[CacheEntry]:
        return put(self.home, self.catalogue, self.files, new, old)

    def _drop(self, entries: list[CacheEntry]) -> None:
        if entries:
            self._put([], entries)


def _state(generation: int, wanted: Iterable[str]) -> str:
    """What is written down with the last commit, so that a run without changes looks no further."""
    return json.dumps([generation, *sorted(wanted)])


def _trim() -> None:
    """Give memory that is free back to the system, where the C library can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def damaged(home: Path, catalogue: Catalogue, files: Files) -> Iterator[tuple[CacheEntry, str]]:
    """The caches that do not agree with their checksums, and what is wrong with each."""
    for entry in catalogue.caches():
        try:
            read(home / FOLDER, entry, files)
        except (DamagedError, ValueError, KeyError) as problem:
            yield entry, str(problem)


def drop(home: Path, catalogue: Editor, files: Files, entries: Iterable[CacheEntry]) -> None:
    """Take caches away; the next ingest makes them again from the rows."""
    listed = list(entries)
    with catalogue.transaction():
        catalogue.drop_caches(entry.id for entry in listed)
        catalogue.put_meta(_DONE, "")
    for entry in listed:
        with suppress(FileNotFoundError):
            files.remove(home / FOLDER / entry.file)


def sweep(home: Path, catalogue: Catalogue, files: Files) -> None:
    """Remove files that no catalogue lists: a run that was killed left them."""
    if not files.exists(home / FOLDER):
        return
    listed = {entry.file for entry in catalogue.caches()}
    for name in files.listdir(home / FOLDER):
        if name not in listed:
            files.remove(home / FOLDER / name)
