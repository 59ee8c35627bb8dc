"""Bringing a collection into agreement with its folder.

1. Compare the folder with the catalogue: an unchanged file costs a stat, the rest is noted (`compare`).
2. A new path with the content of an image that is gone is a move: only its path changes.
3. Describe what is new, changed or lacks rows, in isolated workers, in the order of the paths (`describe`).
4. Commit in batches: segments on the disk first, then one transaction. What is committed is acknowledged.
5. Forget what is gone, and rows made with what has been learnt anew since; merge small segments (`merge`).
6. Read what sidecars say in words (`notes`).
7. Bring what approximate indexes keep into agreement with the rows (`caches`).

Killed at any moment, the next run goes on from the last commit.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.clock import Clock
from nearsight.files import FileSystem
from nearsight.images.decode import Limits
from nearsight.ingest.extract import Describe, Read, Task
from nearsight.ingest.scan import Comparison
from nearsight.ingest.sidecars import Notes
from nearsight.pipeline import Pipeline
from nearsight.storage import cache_files, index_store, segments
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.compaction import compact_segments, drop_stale_segments, merge_small_segments
from nearsight.storage.records import ImageRecord, NoteRecord, SegmentEntry, SkipRecord
from nearsight.types import Ids
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

BATCH_IMAGES = 1024
BATCH_SECONDS = 2.0


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    "looking" (`done` files seen, `total` 0), "describing" (`done` of `total` files committed), or "indexing" (`done`
    rows of at most `total`).
    """

    step: str
    done: int
    total: int


Watch: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True)
class Settings:
    """How a run goes about it. `workers` processes; `limits` of one file; `worker_limits` of one process."""

    workers: int = max(1, len(os.sched_getaffinity(0)))
    limits: Limits = field(default_factory=Limits)
    worker_limits: WorkerLimits = field(default_factory=WorkerLimits)


@dataclass
class Summary:
    """What a run did, in images. `skipped` counts the folder's skipped files by reason."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    completed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def then(self, later: Summary) -> Summary:
        """What a first run and a later one over the same folder did together."""
        return replace(
            self,
            added=self.added + later.added,
            changed=self.changed + later.changed,
            moved=self.moved + later.moved,
            removed=self.removed + later.removed,
            completed=self.completed + (later.completed if not self.added else 0),
            skipped=later.skipped,
            seconds=self.seconds + later.seconds,
        )


class Ingest:
    """One run over one folder; the caller holds the writer's lock."""

    def __init__(
        self,
        root: Path,
        home: Path,
        catalogue: CatalogueWriter,
        plans: list[Pipeline],
        *,
        files: FileSystem,
        clock: Clock,
        watch: Watch,
        settings: Settings,
    ) -> None:
        self.root, self.catalogue, self.files, self.clock = root, catalogue, files, clock
        self.watch, self.settings = watch, settings
        self.home, self.folder = home, home / segments.SEGMENTS_FOLDER
        self.plans = plans
        self.keys = {plan.key: plan.descriptor for plan in plans}
        self.summary = Summary()

    def run(self) -> Summary:
        """Do all of it."""
        start = self.clock.monotonic()
        self.files.make_folder(self.folder)
        self._sweep()
        notes = Notes(os.fsencode(self.root), self.catalogue, self.files, self.clock, self.settings.worker_limits)
        comparison = Comparison(
            self.root, self.home, self.catalogue, list(self.keys), self.files, self.settings.limits.file, notes.see
        )
        comparison.look(lambda count: self.watch(Progress("looking", count, 0)))
        self.summary.unchanged = comparison.unchanged
        self.summary.skipped.update(comparison.still_skipped)
        self._record(comparison)
        self._describe(comparison)
        self._forget(comparison.gone)
        notes.run(comparison.blind, changed=bool(self.summary.added or self.summary.changed or self.summary.moved))
        self.summary.skipped.update(notes.skipped())
        drop_stale_segments(self.catalogue, self.folder, self.files, self._outdated)
        compact_segments(self.catalogue, self.folder, self.files)
        index_store.IndexRefresh(self.home, self.catalogue, self.files, self._indexing).run(self.plans)
        self.summary.seconds = self.clock.monotonic() - start
        return self.summary

    def _sweep(self) -> None:
        """Remove files that no catalogue lists: a run that was killed left them."""
        listed = {entry.file_name for entry in self.catalogue.segments()}
        for name in self.files.listdir(self.folder):
            if name not in listed:
                self.files.remove(self.folder / name)
        cache_files.remove_orphan_files(self.home, self.catalogue, self.files)

    def _outdated(self, key: str) -> bool:
        return any(plan.is_stale(key) for plan in self.plans)

    def _indexing(self, done: int, total: int) -> None:
        self.watch(Progress("indexing", done, total))

    def _record(self, comparison: Comparison) -> None:
        """What the walk itself found: moves, skipped files, skipped files that are there no more."""
        walked = {skip.path for skip in comparison.skips}
        moved = list(comparison.moved_images())
        skips = list(self.catalogue.skips())
        lost = [old.path for old in skips if old.path not in walked and not self._exists(old.path)]
        self.summary.skipped.update(skip.reason.value for skip in comparison.skips)
        known = set(skips)
        new = [skip for skip in comparison.skips if skip not in known]
        if not (moved or lost or new):
            return
        with self.catalogue.transaction():
            for image in moved:
                self.catalogue.move_image(image)
                self.catalogue.drop_skip(image.path)
            for path in lost:
                self.catalogue.drop_skip(path)
            for skip in new:
                self.catalogue.put_skip(skip)
        self.summary.moved = len(comparison.moved)

    def _describe(self, comparison: Comparison) -> None:
        total = comparison.total
        if not total:
            return
        for descriptor in self.keys.values():
            descriptor.load()
        self.watch(Progress("describing", 0, total))
        job = Describe(os.fsencode(self.root), tuple(self.keys.values()), self.settings.limits, self.files, self.clock)
        batch: list[tuple[Task, Read | Failure]] = []
        done, last = 0, self.clock.monotonic()
        with WorkerPool(job, min(self.settings.workers, total), self.settings.worker_limits) as pool:
            for task, outcome in pool.run(comparison.tasks()):
                batch.append((task, outcome))
                if len(batch) >= BATCH_IMAGES or self.clock.monotonic() - last > BATCH_SECONDS:
                    done += self._commit(batch)
                    batch, last = [], self.clock.monotonic()
                    self.watch(Progress("describing", done, total))
        done += self._commit(batch)
        self.watch(Progress("describing", done, total))

    def _commit(self, batch: list[tuple[Task, Read | Failure]]) -> int:
        """Segments first, then one transaction; how many files it acknowledges."""
        next_image, next_segment = self.catalogue.next_ids()
        placed: list[tuple[int, Read]] = []
        for task, outcome in batch:
            if isinstance(outcome, Read):
                known = task.ident if outcome.same else None
                placed.append((next_image if known is None else known, outcome))
                next_image += known is None
        entries = self._write(placed, next_segment)
        with self.catalogue.transaction():
            for task, outcome in batch:
                if isinstance(outcome, Failure):
                    self._put_failure(task, outcome)
            for ident, read in placed:
                self._put_read(ident, read)
            for entry in entries:
                self.catalogue.put_segment(entry)
        merge_small_segments(self.catalogue, self.folder, self.files)
        return len(batch)

    def _write(self, placed: list[tuple[int, Read]], ident: int) -> list[SegmentEntry]:
        entries: list[SegmentEntry] = []
        imaged = [(i, read.thumbnail) for i, read in placed if read.brings_thumbnail]
        if imaged:
            blobs = [blob for _, blob in imaged]
            entries.append(
                segments.write_blobs(self.folder, ident, segments.THUMBNAILS, _ids(imaged), blobs, self.files)
            )
        for number, key in enumerate(self.keys):
            described = [(i, read.rows[number]) for i, read in placed if number in read.rows]
            if described:
                at, rows = ident + len(entries), [row for _, row in described]
                entries.append(self._written(at, key, _ids(described), rows))
        return entries

    def _written(self, ident: int, key: str, ids: Ids, rows: list[NDArray[Any]]) -> SegmentEntry:
        if self.keys[key].variable_length:
            return segments.write_blobs(self.folder, ident, key, ids, [row.tobytes() for row in rows], self.files)
        return segments.write_vectors(self.folder, ident, key, ids, np.stack(rows), self.files)

    def _exists(self, path: bytes) -> bool:
        return self.files.exists(os.path.join(os.fsencode(self.root), path))

    def _put_failure(self, task: Task, failure: Failure) -> None:
        if task.ident is not None:
            self.catalogue.drop_image(task.ident)
        self.summary.skipped[failure.reason.value] += 1
        self.catalogue.put_skip(SkipRecord(task.path, task.size, task.mtime_ns, failure.reason, failure.detail))

    def _put_read(self, ident: int, read: Read) -> None:
        if read.same:
            known = self.catalogue.image(ident)
            self.catalogue.put_image(replace(known, size=read.size, mtime_ns=read.mtime_ns, seen_ns=read.seen_ns))
            self.summary.completed += bool(read.task.lacking)
            self.summary.unchanged += not read.task.lacking
            return
        if read.task.ident is not None:
            self.catalogue.drop_image(read.task.ident)
        self.catalogue.drop_skip(read.task.path)
        self.catalogue.put_image(_image(ident, read))
        self.catalogue.put_notes(read.task.path, _own_notes(read))
        self.summary.added += read.task.ident is None
        self.summary.changed += read.task.ident is not None

    def _forget(self, gone: Ids) -> None:
        if len(gone):
            forget(self.catalogue, gone)
        self.summary.removed = len(gone)


def forget(catalogue: CatalogueWriter, ids: Ids) -> None:
    """Take images out of the collection, in one commit; their rows go when their segments are merged."""
    with catalogue.transaction():
        for ident in ids.tolist():
            catalogue.drop_image(ident)


def _ids(pairs: Sequence[tuple[int, object]]) -> Ids:
    return np.array([ident for ident, _ in pairs], np.int64)


def _own_notes(read: Read) -> list[NoteRecord]:
    """What the image's file itself says in words."""
    about = read.metadata
    if about is None or not (about.caption or about.tags):
        return []
    return [NoteRecord(read.task.path, read.task.path, about.caption, "\n".join(about.tags))]


def _image(ident: int, read: Read) -> ImageRecord:
    assert read.metadata is not None
    return ImageRecord(
        id=ident,
        path=read.task.path,
        size=read.size,
        mtime_ns=read.mtime_ns,
        seen_ns=read.seen_ns,
        sha256=read.sha256,
        width=read.width,
        height=read.height,
        format=read.format,
        taken=read.metadata.taken,
        camera=read.metadata.camera,
        latitude=read.metadata.latitude,
        longitude=read.metadata.longitude,
    )
