"""Keeping approximate indexes up to date: caches beside the segments, computed again when missing or damaged.

Until then a search compares all vectors, exactly. An index is trained once, on a sample of images chosen by content
hash. The encoded vectors lie in parts of decreasing size, so that an update costs work in proportion to the new images.
"""

from __future__ import annotations

import ctypes
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from nearsight.errors import DamagedError, NearsightError
from nearsight.files import FileSystem
from nearsight.indexes._inverted_lists import compact_parts
from nearsight.pipeline import Pipeline
from nearsight.storage.array_file import SEGMENTS_FOLDER, CacheEntry, Segment
from nearsight.storage.cache_files import (
    INDEXES_FOLDER,
    REFRESH_KEY,
    find_entries,
    read_cache,
    trained_state_key,
    write_caches,
)
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.recipes import partition_recipes, recipe_owner
from nearsight.types import Arrays, Index, Metric, TrainProgress
from nearsight.wording import plural
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

ENCODE_CHUNK = 1024
MAX_LOST_SHARE = 0.1
TRAINING_LIMITS = WorkerLimits(seconds=3600, memory=4 << 30)
"""The sample is our own data: the limits only stop a training that went wrong."""


@dataclass
class IndexRefresh:
    """Updates the indexes to the stored vectors; the caller holds the writer's lock."""

    index_dir: Path
    catalogue: CatalogueWriter
    files: FileSystem
    report: TrainProgress

    def run(self, pipelines: Iterable[Pipeline]) -> None:
        """Train missing indexes, encode new vectors, drop caches that no pipeline uses."""
        pipelines, total = list(pipelines), self.catalogue.count_images()
        wanted = {
            pipeline.cache_key: pipeline
            for pipeline in pipelines
            if pipeline.index.cache_params
            and pipeline.index.supports_metric(pipeline.metric)
            and total >= max(1, pipeline.index.exact_below)
        }
        if self.catalogue.meta(REFRESH_KEY) == _refresh_state(self.catalogue.generation(), wanted):
            return
        known = {*wanted, *(trained_state_key(pipeline) for pipeline in pipelines), *self._of_unusable()}
        self._drop([entry for entry in self.catalogue.caches() if entry.key not in known])
        with threadpool_limits(1):  # each thread of the numeric libraries takes memory that it never gives back
            for pipeline in wanted.values():
                self._refresh(pipeline)
                _trim_index_heap()
        with self.catalogue.transaction():
            self.catalogue.put_meta(REFRESH_KEY, _refresh_state(self.catalogue.generation() + 1, wanted))

    def _of_unusable(self) -> set[str]:
        """Keys of the caches of recipes whose method is not installed, to keep their trained state."""
        kept = {entry.key for entry in self.catalogue.caches()}
        keys = {entry.key for entry in self.catalogue.segments()} | kept
        owners = [recipe_owner(each.text, keys) for each in partition_recipes(self.catalogue.recipes())[1]]
        return {key for key in kept if any(each.needs(key) for each in owners)}

    def _refresh(self, pipeline: Pipeline) -> None:
        entries = [entry for entry in self.catalogue.caches() if entry.key == pipeline.cache_key]
        first, parts = find_entries(entries, pipeline.cache_key)
        try:
            trained = read_cache(self.index_dir / INDEXES_FOLDER, first, self.files) if first else None
            kept = [read_cache(self.index_dir / INDEXES_FOLDER, part, self.files) for part in parts]
        except DamagedError:
            trained, kept = None, []
        if trained is None or first is None:
            self._drop(entries)
            trained, parts, kept = self._train(pipeline), [], []
            _trim_index_heap()
            first = self._write([(pipeline.cache_key, 0, trained)], [])[0]
        after = self._update_parts(pipeline, trained, kept)
        new = [(pipeline.cache_key, first.id, part) for part in after if not any(part is old for old in kept)]
        old = [entry for entry, part in zip(parts, kept, strict=True) if not any(part is now for now in after)]
        if new or old:
            self._write(new, old)

    def _train(self, pipeline: Pipeline) -> Arrays:
        """Train on a sample, which a file passes to the training process."""
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
        """Return parts that cover exactly the stored vectors; unchanged parts are the same objects."""
        deleted = np.array(self.catalogue.deleted_ids(), np.int64)
        known = np.concatenate([np.empty(0, np.uint32), *(part["ids"] for part in stored)])
        live = [np.empty(0, np.int64)]
        made: list[Arrays] = []
        for each in self._segments(pipeline):
            stays = ~np.isin(each.ids, deleted)
            live.append(each.ids[stays])
            new = np.flatnonzero(stays & ~np.isin(each.ids, known, kind="table"))
            for at in (new[start : start + ENCODE_CHUNK] for start in range(0, len(new), ENCODE_CHUNK)):
                rows = each.vectors_of(pipeline.descriptor)[at]
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
        """Open one segment at a time, so that the vectors of one file are in memory."""
        for entry in self.catalogue.segments():
            if entry.key == pipeline.key:
                yield Segment(self.index_dir / SEGMENTS_FOLDER, entry, self.files)

    def _write(self, new: list[tuple[str, int, Arrays]], old: list[CacheEntry]) -> list[CacheEntry]:
        return write_caches(self.index_dir, self.catalogue, self.files, new, old)

    def _drop(self, entries: list[CacheEntry]) -> None:
        if entries:
            self._write([], entries)


def _refresh_state(generation: int, wanted: Iterable[str]) -> str:
    """State that is stored with the last commit, so that a run without changes stops here."""
    return json.dumps([generation, *sorted(wanted)])


def _trim_index_heap() -> None:
    """Return free heap memory to the system, if the C library can."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


@dataclass(frozen=True)
class SampleFile:
    """Vectors of `shape` and `dtype` in a file without a header."""

    path: Path
    shape: tuple[int, int]
    dtype: str


@dataclass(frozen=True)
class IndexTraining:
    """The work of the training process, whose memory is freed when it ends: train one index."""

    index: Index
    metric: Metric

    def prepare(self, sample: SampleFile) -> Arrays:
        """Train the index on the sample."""
        rows = np.memmap(sample.path, sample.dtype, "r", 0, sample.shape)
        return self.index.train(rows, self.metric)


def train_index(index: Index, metric: Metric, sample: SampleFile) -> Arrays:
    """Train an index on a sample. NearsightError says why it failed."""
    with WorkerPool(IndexTraining(index, metric), 1, TRAINING_LIMITS) as pool:
        ((_, outcome),) = pool.run([sample])
    if isinstance(outcome, Failure):
        raise NearsightError(f"{index} could not be trained on {plural(sample.shape[0], 'vector')}: {outcome.detail}")
    return outcome
