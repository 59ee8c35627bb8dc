"""What approximate indexes keep of the rows: files beside the segments, made again whenever in doubt.

The rows are the truth; a cache only says where to look. It is read whole and compared with its checksums before it is
used. While one lacks or is damaged, answers come from all rows, exactly.

What is fitted is fitted once, on a sample of images chosen by their content. What is kept of the rows lies in parts
of falling size, so that new images cost work in proportion to their number.
"""

from __future__ import annotations

import ctypes
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nearsight.errors import DamagedError, NearsightError
from nearsight.files import FileSystem
from nearsight.indexes._cells import compact_parts
from nearsight.pipeline import Pipeline
from nearsight.registry import method_name
from nearsight.storage.cache_files import (
    INDEXES_FOLDER,
    REFRESH_KEY,
    find_entries,
    read_cache,
    trained_state_key,
    write_caches,
)
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.recipes import owner, sorted_out
from nearsight.storage.records import CacheEntry
from nearsight.storage.segments import SEGMENTS_FOLDER, Segment
from nearsight.types import Arrays, Index, Metric, TrainProgress
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

ENCODE_CHUNK = 1024
MAX_LOST_SHARE = 0.1
TRAINING_LIMITS = WorkerLimits(seconds=3600, memory=4 << 30)
"""The sample is our own: these only stop what has gone wrong."""


class IndexStore:
    """The caches of one generation, for reading."""

    def __init__(self, index_dir: Path, catalogue: Catalogue, files: FileSystem) -> None:
        self.folder, self.files = index_dir / INDEXES_FOLDER, files
        self.damage: dict[str, str] = {}
        try:
            self.entries = catalogue.caches()
        except DamagedError as problem:
            self.entries, self.damage[""] = [], str(problem)

    def load(self, pipeline: Pipeline, total: int) -> tuple[Arrays, list[Arrays]] | None:
        """What the index of a plan has fitted and kept; None where an exact search is to answer."""
        fitted, parts = find_entries(self.entries, pipeline.cache_key)
        if not pipeline.index.cache_params or fitted is None or total < pipeline.index.exact_below:
            return None
        try:
            return read_cache(self.folder, fitted, self.files), [
                read_cache(self.folder, part, self.files) for part in parts
            ]
        except DamagedError as problem:
            self.damage[pipeline.cache_key] = str(problem)
            return None

    def index_status(self, plan: Pipeline, total: int) -> str:
        """Which index answers, and where it is not the plan's own, why."""
        name = method_name(plan.index)
        if not plan.index.cache_params:
            return "exact: every row is compared"
        if not plan.index.supports_metric(plan.metric):
            return f"exact: {name} cannot rank by {plan.metric_name}"
        if total < plan.index.exact_below:
            return f"exact: {total:,} images; {name} answers from {plan.index.exact_below:,} on"
        if problem := self.damage.get(plan.cache_key) or self.damage.get(""):
            return f"exact: what {name} keeps is damaged ({problem})"
        if find_entries(self.entries, plan.cache_key)[0] is None:
            return f"exact: {name} is not fitted yet, nearsight index does it"
        return f"{name}: {plan.index.summary}"


def segment_vectors(segment: Segment, pipeline: Pipeline) -> Any:  # noqa: ANN401 - rows (n, D), or lists of records
    """The rows of a segment as the plan's index takes them."""
    return (
        segment.records(np.dtype(pipeline.descriptor.dtype)) if pipeline.descriptor.variable_length else segment.vectors
    )


@dataclass
class IndexRefresh:
    """Brings the caches into agreement with the rows; the caller holds the writer's lock."""

    index_dir: Path
    catalogue: CatalogueWriter
    files: FileSystem
    report: TrainProgress

    def run(self, pipelines: Iterable[Pipeline]) -> None:
        """Make what lacks, extend what has fallen behind, drop what is of no use any more."""
        pipelines, total = list(pipelines), self.catalogue.count_images()
        wanted = {
            plan.cache_key: plan
            for plan in pipelines
            if plan.index.cache_params
            and plan.index.supports_metric(plan.metric)
            and total >= max(1, plan.index.exact_below)
        }
        if self.catalogue.meta(REFRESH_KEY) == _refresh_state(self.catalogue.generation(), wanted):
            return
        known = {*wanted, *(trained_state_key(plan) for plan in pipelines), *self._of_unusable()}
        self._drop([entry for entry in self.catalogue.caches() if entry.key not in known])
        with threadpool_limits(1):  # each thread of the numeric libraries takes memory that it never gives back
            for plan in wanted.values():
                self._refresh(plan)
                _trim_heap()
        with self.catalogue.transaction():
            self.catalogue.put_meta(REFRESH_KEY, _refresh_state(self.catalogue.generation() + 1, wanted))

    def _of_unusable(self) -> set[str]:
        """The keys of what recipes need whose method is not installed: what they learnt is there when it is again."""
        kept = {entry.key for entry in self.catalogue.caches()}
        keys = {entry.key for entry in self.catalogue.segments()} | kept
        owners = [owner(each.text, keys) for each in sorted_out(self.catalogue.recipes())[1]]
        return {key for key in kept if any(each.needs(key) for each in owners)}

    def _refresh(self, pipeline: Pipeline) -> None:
        entries = [entry for entry in self.catalogue.caches() if entry.key == pipeline.cache_key]
        first, parts = find_entries(entries, pipeline.cache_key)
        try:
            fitted = read_cache(self.index_dir / INDEXES_FOLDER, first, self.files) if first else None
            kept = [read_cache(self.index_dir / INDEXES_FOLDER, part, self.files) for part in parts]
        except DamagedError:
            fitted, kept = None, []
        if fitted is None or first is None:
            self._drop(entries)
            fitted, parts, kept = self._train(pipeline), [], []
            _trim_heap()
            first = self._write([(pipeline.cache_key, 0, fitted)], [])[0]
        after = self._update_parts(pipeline, fitted, kept)
        new = [(pipeline.cache_key, first.id, part) for part in after if not any(part is old for old in kept)]
        old = [entry for entry, part in zip(parts, kept, strict=True) if not any(part is now for now in after)]
        if new or old:
            self._write(new, old)

    def _train(self, pipeline: Pipeline) -> Arrays:
        """The sample goes through a file: it is large, and learnt from elsewhere."""
        if not pipeline.index.sample_size:
            return {}
        sample = np.array(self.catalogue.sample_ids(pipeline.index.sample_size), np.int64)
        with tempfile.NamedTemporaryFile(prefix="nearsight-") as file:
            count = 0
            for each in self._segments(pipeline):
                for piece in each.iter_vectors(np.isin(each.ids, sample)):
                    file.write(piece.tobytes())
                    count += len(piece)
            file.flush()
            shape = (count, pipeline.descriptor.size)
            return train_index(
                pipeline.index, pipeline.metric, SampleFile(Path(file.name), shape, pipeline.descriptor.dtype)
            )

    def _update_parts(self, pipeline: Pipeline, trained: Arrays, stored: list[Arrays]) -> list[Arrays]:
        """The parts that cover just the rows that are there; unchanged ones are the very same objects."""
        dead = np.array(self.catalogue.deleted_ids(), np.int64)
        known = np.concatenate([np.empty(0, np.uint32), *(part["ids"] for part in stored)])
        live = [np.empty(0, np.int64)]
        made: list[Arrays] = []
        for each in self._segments(pipeline):
            stays = ~np.isin(each.ids, dead)
            live.append(each.ids[stays])
            new = np.flatnonzero(stays & ~np.isin(each.ids, known, kind="table"))
            for at in (new[start : start + ENCODE_CHUNK] for start in range(0, len(new), ENCODE_CHUNK)):
                rows = segment_vectors(each, pipeline)[at]
                made.append(pipeline.index.encode(each.ids[at], rows, pipeline.metric, trained))
                each.release_pages()
                self.report(sum(len(part["ids"]) for part in made), self.catalogue.count_images())
        lost = np.setdiff1d(known, np.concatenate(live))
        if len(lost) > MAX_LOST_SHARE * len(known):
            stored = [pipeline.index.merge(stored, lost)]
        if made:
            stored = compact_parts(pipeline.index, [*stored, pipeline.index.merge(made, lost)], lost)
        return stored

    def _segments(self, pipeline: Pipeline) -> Iterator[Segment]:
        """One at a time, so that no more of the rows than one file is in memory."""
        for entry in self.catalogue.segments():
            if entry.key == pipeline.key:
                yield Segment(self.index_dir / SEGMENTS_FOLDER, entry, self.files)

    def _write(self, new: list[tuple[str, int, Arrays]], old: list[CacheEntry]) -> list[CacheEntry]:
        return write_caches(self.index_dir, self.catalogue, self.files, new, old)

    def _drop(self, entries: list[CacheEntry]) -> None:
        if entries:
            self._write([], entries)


def _refresh_state(generation: int, wanted: Iterable[str]) -> str:
    """What is written down with the last commit, so that a run without changes looks no further."""
    return json.dumps([generation, *sorted(wanted)])


def _trim_heap() -> None:
    """Give memory that is free back to the system, where the C library can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True)
class SampleFile:
    """Rows `shape` of `dtype` in a file, without a header."""

    path: Path
    shape: tuple[int, int]
    dtype: str


@dataclass(frozen=True)
class IndexTraining:
    """The work of the process: fit one index."""

    index: Index
    metric: Metric

    def prepare(self, sample: SampleFile) -> Arrays:
        """What the index learns from the sample."""
        rows = np.memmap(sample.path, sample.dtype, "r", 0, sample.shape)
        return self.index.train(rows, self.metric)


def train_index(index: Index, metric: Metric, sample: SampleFile) -> Arrays:
    """What an index learns from a sample. Raises NearsightError where that goes wrong, with the reason."""
    with WorkerPool(IndexTraining(index, metric), 1, TRAINING_LIMITS) as pool:
        ((_, outcome),) = pool.run([sample])
    if isinstance(outcome, Failure):
        raise NearsightError(f"{index} could not be learnt from {sample.shape[0]} rows: {outcome.detail}")
    return outcome
