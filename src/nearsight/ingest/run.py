"""Ingest: updating a collection to its folder.

1. Compare the folder with the catalogue: an unchanged file costs one stat, the others become tasks (`scan`).
2. A new path with the content of a missing image is a move: only its path changes.
3. Describe new and changed images, and those with missing vectors, in isolated workers, in path order (`extract`).
4. Commit in batches: write the segments, then list them in one transaction.
5. Remove deleted images and vectors of an older trained state; compact segments (`storage.compaction`).
6. Read captions and tags from sidecars (`sidecars`).
7. Update the approximate indexes (`storage.index_refresh`).

After a kill at any moment, the next run continues from the last commit.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.clock import Clock
from nearsight.errors import Reason
from nearsight.files import FileSystem
from nearsight.images.decode import Limits
from nearsight.images.pages import locate_page, split_page_path
from nearsight.ingest.extract import DescribeJob, ReadResult, Task
from nearsight.ingest.page_tasks import PageTasks
from nearsight.ingest.scan import USUAL_SELECTION, Comparison, Selection
from nearsight.ingest.sidecars import SidecarIngest
from nearsight.pipeline import Pipeline
from nearsight.storage import cache_files
from nearsight.storage.array_file import SEGMENTS_FOLDER, THUMBNAILS, SegmentEntry
from nearsight.storage.array_file_writer import write_blobs, write_vectors
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.compaction import compact_segments, drop_stale_segments, merge_small_segments
from nearsight.storage.index_refresh import IndexRefresh
from nearsight.storage.records import DetailRecord, FactRecord, ImageRecord, NoteRecord, SkipRecord
from nearsight.types import Ids
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

BATCH_IMAGES = 1024
BATCH_SECONDS = 2.0


@dataclass(frozen=True)
class IngestProgress:
    """Progress of an ingest.

    `step` is "looking" (`done` files seen, `total` 0), "describing" (`done` of `total` files committed) or "indexing"
    (`done` vectors of at most `total`).
    """

    step: str
    done: int
    total: int


Watch: TypeAlias = Callable[[IngestProgress], None]


@dataclass(frozen=True)
class IngestSettings:
    """Number of worker processes, limits of one file, and limits of one process."""

    workers: int = max(1, len(os.sched_getaffinity(0)))
    limits: Limits = field(default_factory=Limits)
    worker_limits: WorkerLimits = field(default_factory=WorkerLimits)


@dataclass
class IngestSummary:
    """Image counts of an ingest. `skipped` counts the folder's skipped files by reason.

    `excluded` counts images that left the collection because a rule now leaves out their files.
    `migrated_from` is the storage format that the collection had before, where it was brought up to date; else None.
    """

    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    excluded: int = 0
    unchanged: int = 0
    completed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    migrated_from: int | None = None

    def combine(self, later: IngestSummary) -> IngestSummary:
        """Sum of this run and a later one over the same folder."""
        return replace(
            self,
            added=self.added + later.added,
            changed=self.changed + later.changed,
            moved=self.moved + later.moved,
            removed=self.removed + later.removed,
            excluded=self.excluded + later.excluded,
            completed=self.completed + (later.completed if not self.added else 0),
            skipped=later.skipped,
            seconds=self.seconds + later.seconds,
        )


class Ingest:
    """One ingest of one folder; the caller holds the writer's lock."""

    def __init__(
        self,
        root: Path,
        index_dir: Path,
        catalogue: CatalogueWriter,
        pipelines: list[Pipeline],
        *,
        files: FileSystem,
        clock: Clock,
        watch: Watch,
        settings: IngestSettings,
        selection: Selection = USUAL_SELECTION,
    ) -> None:
        self.selection = selection
        self.root, self.catalogue, self.files, self.clock = root, catalogue, files, clock
        self.watch, self.settings = watch, settings
        self.index_dir, self.folder = index_dir, index_dir / SEGMENTS_FOLDER
        self.pipelines = pipelines
        self.keys = {pipeline.key: pipeline.descriptor for pipeline in pipelines}
        self._unfinished: list[DetailRecord] = []
        self.summary = IngestSummary(migrated_from=catalogue.migrated_from)

    def run(self) -> IngestSummary:
        """Run all steps."""
        start = self.clock.monotonic()
        self.files.make_folder(self.folder)
        self._remove_orphan_files()
        notes = SidecarIngest(
            os.fsencode(self.root), self.catalogue, self.files, self.clock, self.settings.worker_limits
        )
        comparison = Comparison(
            self.root,
            self.index_dir,
            self.catalogue,
            list(self.keys),
            self.files,
            self.settings.limits.file,
            notes.register,
            self.selection,
        )
        comparison.walk(lambda count: self.watch(IngestProgress("looking", count, 0)))
        self.summary.unchanged = comparison.unchanged
        self.summary.skipped.update(comparison.still_skipped)
        self._commit_walk(comparison)
        self._describe(comparison)
        self.summary.removed += self._forget(comparison.gone)
        self.summary.excluded = self._forget(comparison.excluded)
        notes.run(comparison.unreadable, changed=bool(self.summary.added or self.summary.changed or self.summary.moved))
        self.summary.skipped.update(notes.skip_counts())
        drop_stale_segments(self.catalogue, self.folder, self.files, self._is_stale)
        compact_segments(self.catalogue, self.folder, self.files)
        IndexRefresh(self.index_dir, self.catalogue, self.files, self._report_indexing).run(self.pipelines)
        self.summary.seconds = self.clock.monotonic() - start
        return self.summary

    def _remove_orphan_files(self) -> None:
        """Remove files that the catalogue does not list: a killed run left them."""
        listed = {entry.file_name for entry in self.catalogue.segments()}
        for name in self.files.listdir(self.folder):
            if name not in listed:
                self.files.remove(self.folder / name)
        cache_files.remove_orphan_files(self.index_dir, self.catalogue, self.files)

    def _is_stale(self, key: str) -> bool:
        return any(pipeline.is_stale(key) for pipeline in self.pipelines)

    def _report_indexing(self, done: int, total: int) -> None:
        self.watch(IngestProgress("indexing", done, total))

    def _commit_walk(self, comparison: Comparison) -> None:
        """Commit what the walk found: moves, skipped files, skipped files that are gone."""
        walked = {skip.path for skip in comparison.skips}
        moved = list(comparison.moved_images())
        skips = list(self.catalogue.skips())
        lost = [
            old.path
            for old in skips
            if old.path not in walked and (comparison.is_outdated(old) or not self._exists(old.path))
        ]
        self.summary.skipped.update(skip.reason.value for skip in comparison.skips)
        known = set(skips)
        new = [skip for skip in comparison.skips if skip not in known]
        if not (moved or lost or new or comparison.has_new_rules):
            return
        with self.catalogue.transaction():
            for image in moved:
                self.catalogue.move_image(image)
                self.catalogue.drop_skip(image.path)
            for path in lost:
                self.catalogue.drop_skip(path)
            for skip in new:
                self.catalogue.put_skip(skip)
            if comparison.has_new_rules:
                comparison.save_rules(self.catalogue)
        self.summary.moved = len(comparison.moved)

    def _describe(self, comparison: Comparison) -> None:
        total = comparison.total + comparison.pages.total
        if not total:
            return
        for descriptor in self.keys.values():
            descriptor.load()
        self.watch(IngestProgress("describing", 0, total))
        job = DescribeJob(
            os.fsencode(self.root), tuple(self.keys.values()), self.settings.limits, self.files, self.clock
        )
        with WorkerPool(job, min(self.settings.workers, total), self.settings.worker_limits) as pool:
            done = self._describe_tasks(pool, comparison.tasks(), comparison, 0)
            self._describe_tasks(pool, comparison.pages.tasks(), comparison, done)
        self._finish_files()

    def _finish_files(self) -> None:
        """Note of the files of several pages that all of them were read: after a kill they are asked again."""
        if self._unfinished:
            with self.catalogue.transaction():
                for detail in self._unfinished:
                    if (image := self.catalogue.find_image(detail.id)) is not None:
                        self.catalogue.put_image(image, detail)
            self._unfinished = []

    def _describe_tasks(
        self, pool: WorkerPool[Task, ReadResult], tasks: Iterable[Task], comparison: Comparison, done: int
    ) -> int:
        """Read and commit in batches; return how many were done, with those before."""

        def commit(batch: list[tuple[Task, ReadResult | Failure]]) -> int:
            self._commit(batch, comparison.pages)
            return len(batch)

        batch: list[tuple[Task, ReadResult | Failure]] = []
        last = self.clock.monotonic()
        for task, outcome in pool.run(tasks):
            batch.append((task, outcome))
            if len(batch) >= BATCH_IMAGES or self.clock.monotonic() - last > BATCH_SECONDS:
                done += commit(batch)
                batch, last = [], self.clock.monotonic()
                self.watch(IngestProgress("describing", done, comparison.total + comparison.pages.total))
        done += commit(batch)
        self.watch(IngestProgress("describing", done, comparison.total + comparison.pages.total))
        return done

    def _commit(self, batch: list[tuple[Task, ReadResult | Failure]], pages: PageTasks) -> None:
        """Write segments, then list them in one transaction."""
        next_image, next_segment = self.catalogue.next_ids()
        placed: list[tuple[int, ReadResult]] = []
        for task, outcome in batch:
            if isinstance(outcome, ReadResult):
                known = task.image_id if outcome.is_unchanged else None
                placed.append((next_image if known is None else known, outcome))
                next_image += known is None
        entries = self._write_segments(placed, next_segment)
        with self.catalogue.transaction():
            for task, outcome in batch:
                if isinstance(outcome, Failure):
                    self._put_failure(task, outcome, pages)
            for image_id, read in placed:
                for gone in pages.choose(read):
                    self.catalogue.drop_image(gone)
                    self.summary.removed += 1
                for path in pages.stale_skips(read):
                    self.catalogue.drop_skip(path)
                self._put_read(image_id, read)
                if pages.has_tasks_of(read.task.path) and (detail := self.catalogue.details.find(image_id)) is not None:
                    self._unfinished.append(detail)
                    self.catalogue.details.forget(image_id)
            for entry in entries:
                self.catalogue.put_segment(entry)
        merge_small_segments(self.catalogue, self.folder, self.files)

    def _write_segments(self, placed: list[tuple[int, ReadResult]], segment_id: int) -> list[SegmentEntry]:
        entries: list[SegmentEntry] = []
        imaged = [(i, read.thumbnail) for i, read in placed if read.has_new_thumbnail]
        if imaged:
            blobs = [blob for _, blob in imaged]
            entries.append(
                write_blobs(self.folder, segment_id, THUMBNAILS, _ingested_pair_ids(imaged), blobs, self.files)
            )
        for number, key in enumerate(self.keys):
            described = [(i, read.vectors[number]) for i, read in placed if number in read.vectors]
            if described:
                at, rows = segment_id + len(entries), [row for _, row in described]
                entries.append(self._write_segment(at, key, _ingested_pair_ids(described), rows))
        return entries

    def _write_segment(self, segment_id: int, key: str, ids: Ids, rows: list[NDArray[Any]]) -> SegmentEntry:
        if self.keys[key].variable_length:
            return write_blobs(self.folder, segment_id, key, ids, [row.tobytes() for row in rows], self.files)
        return write_vectors(self.folder, segment_id, key, ids, np.stack(rows), self.files)

    def _exists(self, path: bytes) -> bool:
        file, _ = locate_page(os.path.join(os.fsencode(self.root), path), self.files)
        return self.files.exists(file)

    def _put_failure(self, task: Task, failure: Failure, pages: PageTasks) -> None:
        for page in pages.images_of(task.path):  # with a file go its pages
            self.catalogue.drop_image(page.id)
            pages.cancel(page.path)
        if task.image_id is not None:
            self.catalogue.drop_image(task.image_id)
        if failure.reason is Reason.VANISHED and split_page_path(task.path)[1] > 1:
            return  # a page that its file has no longer
        self.summary.skipped[failure.reason.value] += 1
        self.catalogue.put_skip(SkipRecord(task.path, task.size, task.mtime_ns, failure.reason, failure.detail))

    def _put_read(self, image_id: int, read: ReadResult) -> None:
        if read.is_unchanged:
            self._put_unchanged(image_id, read)
            self.summary.completed += bool(read.task.missing)
            self.summary.unchanged += not read.task.missing
            return
        if read.task.image_id is not None:
            self.catalogue.drop_image(read.task.image_id)
        self.catalogue.drop_skip(read.task.path)
        self.catalogue.put_facts(read.task.path, _own_facts(read))
        self.catalogue.put_image(_ingested_record(image_id, read), _ingested_detail(image_id, read))
        self.catalogue.put_notes(read.task.path, _own_notes(read))
        self.summary.added += read.task.image_id is None
        self.summary.changed += read.task.image_id is not None

    def _put_unchanged(self, image_id: int, read: ReadResult) -> None:
        """Note when a file was read whose content is as it was, and what it says where that was asked for."""
        catalogue = self.catalogue
        known, detail = catalogue.image(image_id), catalogue.details.find(image_id)
        if read.has_new_metadata:
            catalogue.put_facts(read.task.path, _own_facts(read))
            catalogue.put_notes(read.task.path, _own_notes(read))
            detail = _ingested_detail(image_id, read)
        elif detail is not None:
            detail = replace(detail, ctime_ns=read.ctime_ns, inode=read.inode)
        now = replace(known, size=read.size, mtime_ns=read.mtime_ns, seen_ns=read.seen_ns)
        catalogue.put_image(now, detail)

    def _forget(self, ids: Ids) -> int:
        if len(ids):
            forget_images(self.catalogue, ids)
        return len(ids)


def forget_images(catalogue: CatalogueWriter, ids: Ids) -> None:
    """Delete images in one commit; compaction removes their vectors later."""
    with catalogue.transaction():
        for image_id in ids.tolist():
            catalogue.drop_image(image_id)


def _ingested_pair_ids(pairs: Sequence[tuple[int, object]]) -> Ids:
    return np.array([image_id for image_id, _ in pairs], np.int64)


def _own_notes(read: ReadResult) -> list[NoteRecord]:
    """Caption and tags from the image file itself."""
    about = read.metadata
    if about is None or not (about.caption or about.tags):
        return []
    return [NoteRecord(read.task.path, read.task.path, about.caption, "\n".join(about.tags))]


def _own_facts(read: ReadResult) -> list[FactRecord]:
    """What the image file itself says besides words."""
    about = read.metadata
    return [FactRecord(read.task.path, read.task.path, about.facts)] if about is not None and about.facts else []


def _ingested_detail(image_id: int, read: ReadResult) -> DetailRecord:
    return DetailRecord(image_id, read.ctime_ns, read.inode, read.page, read.n_pages, read.read_share)


def _ingested_record(image_id: int, read: ReadResult) -> ImageRecord:
    """The record of an image; what is said of it is resolved when it is stored."""
    return ImageRecord(
        id=image_id,
        path=read.task.path,
        size=read.size,
        mtime_ns=read.mtime_ns,
        seen_ns=read.seen_ns,
        sha256=read.sha256,
        width=read.width,
        height=read.height,
        format=read.format,
        taken=None,
        camera=None,
        latitude=None,
        longitude=None,
    )
