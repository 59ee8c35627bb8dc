"""A snapshot: one generation of a collection for readers, whatever is committed meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock, RLock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearsight.calibration import SAMPLE_SIZE, BackgroundDistribution, sample_background
from nearsight.errors import DamagedError, ImageError, StorageError
from nearsight.files import FileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import FileDecoder, InProcessDecoder
from nearsight.images.pages import locate_page
from nearsight.indexes.flat import Flat
from nearsight.pipeline import Pipeline
from nearsight.registry import method_name
from nearsight.storage.array_file import SEGMENTS_FOLDER, THUMBNAILS, Segment
from nearsight.storage.cache_files import INDEXES_FOLDER, find_entries, read_cache
from nearsight.storage.catalogue import Catalogue, load_root
from nearsight.storage.details import Details
from nearsight.storage.file_rules import image_file
from nearsight.storage.records import DetailRecord, ImageRecord
from nearsight.storage.trained_state import apply_trained_state, load_trained_arrays
from nearsight.types import Arrays, Descriptor, Ids, Image, SearchableIndex
from nearsight.wording import plural

T = TypeVar("T")

MAX_CACHED = 256
"""Cached results, some 150 kB each: similar queries find the same images."""

MAX_ATTEMPTS = 10


class Snapshot:
    """The open segments of one generation; indexes over them are built on first use."""

    def __init__(self, index_dir: Path, catalogue: Catalogue, files: FileSystem) -> None:
        with catalogue.read_transaction():
            self.generation = catalogue.generation()
            self.deleted: Ids = np.array(catalogue.deleted_ids(), np.int64)
            self.total = catalogue.count_images()
            entries = catalogue.segments()
            self._index_store = IndexStore(index_dir, catalogue, files)
        self._segments: dict[str, list[Segment]] = {}
        for entry in entries:
            self._segments.setdefault(entry.key, []).append(Segment(index_dir / SEGMENTS_FOLDER, entry, files))
        self._indexes: dict[str, SearchableIndex] = {}
        self._trained: dict[str, Descriptor] = {}
        self._backgrounds: dict[str, BackgroundDistribution] = {}
        self._samples: dict[str, tuple[Ids, NDArray[Any]]] = {}
        self._lock = Lock()
        self.from_thumbnail = lru_cache(maxsize=MAX_CACHED)(self._compute_from_thumbnail)

    def index(self, pipeline: Pipeline) -> SearchableIndex:
        """Return the index of a pipeline over this generation's vectors; an exact one without its cache."""
        with self._lock:
            name = f"{pipeline.key} {pipeline.recipe}"
            if name not in self._indexes:
                held = self._index_store.load(pipeline, self.total)
                if held:
                    index = pipeline.index.empty(pipeline.metric, *held)
                else:
                    index = (pipeline.index if pipeline.descriptor.variable_length else Flat()).empty(pipeline.metric)
                for each in self._segments.get(pipeline.key, []):
                    ids, rows = each.ids, each.vectors_of(pipeline.descriptor)
                    if pipeline.descriptor.variable_length:  # without a cache, adding reads deleted vectors too
                        live = np.flatnonzero(~np.isin(ids, self.deleted))
                        ids, rows = ids[live], rows[live]
                    index = index.add(ids, rows)
                self._indexes[name] = index.remove(self.deleted)
            return self._indexes[name]

    def index_status(self, pipeline: Pipeline) -> str:
        """Name the index that answers for a pipeline, and why, if it is not its own."""
        return self._index_store.index_status(self.trained_pipeline(pipeline), self.total)

    def trained_pipeline(self, pipeline: Pipeline) -> Pipeline:
        """Return the pipeline with its trained state; UsageError if it is not trained."""
        if pipeline.is_trained:
            return pipeline
        if pipeline.untrained_key not in self._trained:
            held = load_trained_arrays(
                self._index_store.entries, pipeline, self._index_store.folder, self._index_store.files
            )
            self._trained[pipeline.untrained_key] = apply_trained_state(pipeline, held).descriptor
        return replace(pipeline, descriptor=self._trained[pipeline.untrained_key])

    def background(self, pipeline: Pipeline) -> BackgroundDistribution:
        """Return the distribution of random pairs' distances, from an evenly spread sample of the vectors."""
        with self._lock:
            name = f"{pipeline.key} {pipeline.metric}"
            if name not in self._backgrounds:
                self._backgrounds[name] = sample_background(self._background_sample(pipeline), pipeline.metric)
            return self._backgrounds[name]

    def _background_sample(self, pipeline: Pipeline) -> Any:  # noqa: ANN401 - rows (n, D), or a list of records
        parts = self._segments.get(pipeline.key, [])
        live = [np.flatnonzero(~np.isin(each.ids, self.deleted)) for each in parts]
        step = max(1, sum(map(len, live)) // SAMPLE_SIZE)
        descriptor = pipeline.descriptor
        chosen: list[Any] = [each.vectors_of(descriptor)[at[::step]] for each, at in zip(parts, live, strict=True)]
        if descriptor.variable_length:
            return [row for rows in chosen for row in rows]
        return np.concatenate(chosen) if chosen else np.empty((0, descriptor.size), descriptor.dtype)

    def vector(self, pipeline: Pipeline, image_id: int) -> NDArray[Any]:
        """Return the stored vector `(D,)` of one image."""
        for each in self._segments.get(pipeline.key, []):
            if (at := each.find_position(image_id)) is not None:
                row: NDArray[Any] = each.vectors_of(pipeline.descriptor)[at : at + 1][0]
                return row
        raise DamagedError(f"image {image_id} has no vector of {pipeline.name}: run nearsight repair")

    def has_vector(self, pipeline: Pipeline, image_id: int) -> bool:
        """Whether there is an image of this id with a vector of a pipeline."""
        found = any(each.find_position(image_id) is not None for each in self._segments.get(pipeline.key, []))
        return found and image_id not in self.deleted

    def vectors(self, pipeline: Pipeline, ids: Ids) -> NDArray[Any]:
        """Return the stored vectors `(n, D)` of these images, in the order of `ids`, which are unique."""
        made = np.empty((len(ids), pipeline.descriptor.size), pipeline.descriptor.dtype)
        order, lacking = np.argsort(ids, kind="stable"), set(ids.tolist())
        for each in self._segments.get(pipeline.key, []):
            at = np.flatnonzero(np.isin(each.ids, ids))
            made[order[np.searchsorted(ids[order], each.ids[at])]] = each.vectors[at]
            lacking.difference_update(each.ids[at].tolist())
        if lacking:
            raise DamagedError(f"image {min(lacking)} has no vector of {pipeline.name}: run nearsight repair")
        return made

    def ids(self, pipeline: Pipeline) -> Ids:
        """Return the ids of the images that have a vector of a pipeline, rising."""
        held = (each.ids for each in self._segments.get(pipeline.key, []))
        return np.setdiff1d(np.concatenate([np.empty(0, np.int64), *held]), self.deleted)

    def sample(self, pipeline: Pipeline, count: int) -> tuple[Ids, NDArray[Any]]:
        """Return ids and vectors of up to `count` images, evenly spread over a pipeline's vectors; cached."""
        with self._lock:
            name = f"{pipeline.key} {count}"
            if name not in self._samples:
                live = self.ids(pipeline)
                chosen = live[np.unique(np.linspace(0, len(live) - 1, min(count, len(live))).astype(int))]
                self._samples[name] = chosen, self.vectors(pipeline, chosen)
            return self._samples[name]

    def iter_vectors(self, pipeline: Pipeline, ids: Ids) -> Iterator[tuple[Ids, NDArray[Any]]]:
        """Yield the ids and stored vectors of these images, about a megabyte at a time."""
        for each in self._segments.get(pipeline.key, []):
            kept = np.isin(each.ids, ids)
            held, start = each.ids[kept], 0
            for rows in each.iter_vectors(kept):
                yield held[start : start + len(rows)], rows
                start += len(rows)

    def iter_records(self, pipeline: Pipeline) -> Iterator[tuple[Ids, NDArray[Any]]]:
        """Yield the records of some images `(n,)`, and the image of each, for vectors of variable length."""
        dtype = np.dtype(pipeline.descriptor.dtype)
        for each in self._segments.get(pipeline.key, []):
            live = ~np.isin(each.ids, self.deleted)
            ids, lengths, start = each.ids[live], np.diff(each.spans()[live], axis=1)[:, 0], 0
            ends = np.cumsum(lengths)
            for data in each.iter_blobs(live):
                end = int(np.searchsorted(ends, (ends[start - 1] if start else 0) + len(data), side="right"))
                yield np.repeat(ids[start:end], lengths[start:end] // dtype.itemsize), np.frombuffer(data, dtype)
                start = end

    def thumbnail_bytes(self, image_id: int) -> bytes:
        """The stored JPEG of one image, 256 pixels at the longest side."""
        for each in self._segments.get(THUMBNAILS, []):
            if (at := each.find_position(image_id)) is not None:
                return each.read_blob(at)
        raise DamagedError(f"image {image_id} has no thumbnail: run nearsight repair")

    def _compute_from_thumbnail(self, image_id: int, make: Callable[[Image], Any]) -> Any:  # noqa: ANN401 - whatever it makes
        return make(thumbnail.decode(self.thumbnail_bytes(image_id)))


class IndexStore:
    """The index caches of one generation, for reading."""

    def __init__(self, index_dir: Path, catalogue: Catalogue, files: FileSystem) -> None:
        self.folder, self.files = index_dir / INDEXES_FOLDER, files
        self.damage: dict[str, str] = {}
        try:
            self.entries = catalogue.caches()
        except DamagedError as problem:
            self.entries, self.damage[""] = [], str(problem)

    def load(self, pipeline: Pipeline, total: int) -> tuple[Arrays, list[Arrays]] | None:
        """Return the trained state and the encoded parts of a pipeline's index; None for an exact search."""
        if not pipeline.index.cache_params or total < pipeline.index.exact_below:
            return None
        trained, parts = find_entries(self.entries, pipeline.cache_key)
        if trained is None:
            return None
        try:
            return read_cache(self.folder, trained, self.files), [
                read_cache(self.folder, part, self.files) for part in parts
            ]
        except DamagedError as problem:
            self.damage[pipeline.cache_key] = str(problem)
            return None

    def index_status(self, pipeline: Pipeline, total: int) -> str:
        """Name the index that answers, and why, if it is not the pipeline's own."""
        name = method_name(pipeline.index)
        if not pipeline.index.cache_params:
            return "exact: every vector is compared"
        if not pipeline.index.supports_metric(pipeline.metric):
            return f"exact: {name} cannot rank by {pipeline.metric_name}"
        if total < pipeline.index.exact_below:
            return f"exact: {plural(total, 'image')}; {name} is used from {pipeline.index.exact_below:,} on"
        if problem := self.damage.get(pipeline.cache_key) or self.damage.get(""):
            return f"exact: the cache of {name} is damaged ({problem})"
        if find_entries(self.entries, pipeline.cache_key)[0] is None:
            return f"exact: {name} is not trained yet: run nearsight index"
        return f"{name}: {pipeline.index.summary}"


class OutdatedError(Exception):
    """A commit came between the reading of vectors and of what the catalogue knows of them: read again."""


class SnapshotReader:
    """A catalogue with the segments of its newest generation. Whoever reads the catalogue holds `lock`."""

    def __init__(self, index_dir: Path, files: FileSystem, decoder: FileDecoder | None = None) -> None:
        self.index_dir, self.catalogue, self.lock = index_dir, Catalogue(index_dir), RLock()
        self.files, self._decoder = files, decoder or InProcessDecoder(files)
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The newest generation. A segment that a compaction took away while it was opened is no damage."""
        with self.lock:
            if self._snapshot is not None and self._snapshot.generation == self.catalogue.generation():
                return self._snapshot
            for _ in range(MAX_ATTEMPTS):
                before = self.catalogue.generation()
                try:
                    self._snapshot = Snapshot(self.index_dir, self.catalogue, self.files)
                except DamagedError:
                    if self.catalogue.generation() == before:
                        raise
                else:
                    return self._snapshot
            raise StorageError(f"{self.index_dir} changes too fast to be read; try again")

    def attempts(self) -> Iterator[Snapshot]:
        """The newest generation, again and again, for whoever meets OutdatedError; StorageError after some times."""
        for _ in range(MAX_ATTEMPTS):
            yield self.snapshot()
        raise StorageError(f"{self.index_dir} changes faster than a query is answered; try again")

    def paths(self, ids: Ids | list[int], snapshot: Snapshot) -> dict[int, bytes]:
        """The paths of these ids in a generation. Raises OutdatedError."""
        with self.lock, self.catalogue.read_transaction():
            self.check(snapshot)
            return {image_id: self.catalogue.image(image_id).path for image_id in map(int, ids)}

    def images(self, ids: Ids | list[int], snapshot: Snapshot) -> list[tuple[ImageRecord, DetailRecord]]:
        """The records and details of these images in a generation. Raises OutdatedError."""
        with self.lock, self.catalogue.read_transaction():
            self.check(snapshot)
            details = Details(self.catalogue)
            return [(self.catalogue.image(image_id), details.of(image_id)) for image_id in map(int, ids)]

    @property
    def root(self) -> Path:
        """The folder of the images."""
        with self.lock:
            return load_root(self.catalogue, self.index_dir)

    def pixels(self, image_id: int, side: int) -> Image | None:
        """An image's file at a longest side; None where it is gone, was changed since it was indexed, or is damaged."""
        return self._decode(image_id, lambda path: self._decoder.decode_file(path, side))

    def pixel_digest(self, image_id: int) -> bytes | None:
        """`DecodedImage.pixel_digest` of an image's file; None also where it cannot be opened as it was indexed."""
        return self._decode(image_id, self._decoder.digest_pixels)

    def content_of(self, image_id: int) -> bytes | None:
        """The SHA-256 of an image's file when it was indexed."""
        with self.lock:
            record = self.catalogue.find_image(image_id)
        return None if record is None else record.sha256

    def ids_by_content(self, sha256: bytes) -> list[int]:
        """The ids of the images whose files have this SHA-256, rising."""
        with self.lock:
            return self.catalogue.ids_of_content(sha256)

    def _decode(self, image_id: int, decode: Callable[[bytes], T]) -> T | None:
        """What is decoded of an image's file, if it is the file that was indexed."""
        with self.lock:
            record = self.catalogue.find_image(image_id)
        if record is None:
            return None
        with self.lock:
            path = image_file(self.catalogue, self.index_dir, record.path)
        with suppress(OSError, ImageError):
            stat = os.stat(locate_page(path, self.files)[0])
            if (stat.st_size, stat.st_mtime_ns) == (record.size, record.mtime_ns):
                return decode(path)
        return None

    def check(self, snapshot: Snapshot) -> None:
        """Raise OutdatedError where a commit came since this generation."""
        if self.catalogue.generation() != snapshot.generation:
            raise OutdatedError
