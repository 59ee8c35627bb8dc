"""What sidecars say of images: captions, tags and facts.

1. The walk passes files such as `dog.jpg.xmp` and `captions.json` to `register`, which lists them in a temporary table.
2. When the images are in the catalogue, new and changed sidecars are read in isolated workers, and those that may now
   mean other images (`sidecar_changes`). Tables that the user named are read row by row (`words_tables`).
3. The images that each means are found (`sidecar_targets`). What is in doubt is said of no image, and listed.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from nearsight.clock import Clock
from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import FileSystem
from nearsight.images.walk import FoundFile
from nearsight.ingest.scan import RACY_NS, RETRY_REASONS
from nearsight.ingest.sidecar_changes import KnownSidecar, SidecarChanges
from nearsight.ingest.sidecar_targets import SidecarTargets
from nearsight.ingest.sidecar_words import SidecarWords
from nearsight.ingest.words_tables import WordsTable, load_tables, open_table
from nearsight.metadata.image_text import ImageText
from nearsight.metadata.sidecars.formats import MAX_SIDECAR_BYTES, is_sidecar, is_text, read_sidecar
from nearsight.metadata.sidecars.media_names import fold_name, is_image_name
from nearsight.metadata.sidecars.words_table import read_words_table
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.records import DoubtRecord, SidecarRecord, SkipRecord
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

BATCH = 500
"""Sidecars a commit."""


@dataclass(frozen=True)
class SidecarTask:
    """One sidecar to read."""

    path: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class SidecarContent:
    """Its texts, and the file's state when it was read."""

    size: int
    mtime_ns: int
    seen_ns: int
    texts: list[ImageText]


@dataclass(frozen=True)
class SidecarJob:
    """Read one sidecar."""

    root: bytes
    files: FileSystem
    clock: Clock

    def prepare(self, task: SidecarTask) -> SidecarContent:
        """Read one sidecar; ImageError says why it cannot be read."""
        now = int(self.clock.now() * 1e9)
        data, stat = self.files.read(os.path.join(self.root, task.path), MAX_SIDECAR_BYTES)
        return SidecarContent(stat.st_size, stat.st_mtime_ns, now, read_sidecar(task.path, data))


class SidecarIngest:
    """The sidecars of one ingest."""

    def __init__(
        self, root: bytes, catalogue: CatalogueWriter, files: FileSystem, clock: Clock, limits: WorkerLimits
    ) -> None:
        self.root, self.catalogue, self.files, self.clock, self.limits = root, catalogue, files, clock, limits
        self.job = SidecarJob(root, files, clock)
        self.tables = {table.path: table for table in load_tables(catalogue)}
        self._image_names = lru_cache(maxsize=8)(self._read_image_names)
        catalogue.db.execute("DROP TABLE IF EXISTS temp.aside")
        catalogue.db.execute("CREATE TEMP TABLE aside(path BLOB PRIMARY KEY, size, mtime_ns) WITHOUT ROWID")
        catalogue.db.execute("DROP TABLE IF EXISTS temp.called")

    def register(self, found: FoundFile) -> bool:
        """Return whether this file is a sidecar; if so, list it."""
        known = is_sidecar(found.path) or found.path in self.tables
        if not known and not (is_text(found.path) and self._has_image_beside(found.path)):
            return False
        self._list(found.path, found.size, found.mtime_ns)
        return True

    def run(self, blind: list[bytes], *, changed: bool) -> None:
        """Read new and changed sidecars, remove missing ones; `changed`: images were added or moved."""
        missing = [table for table in self.tables.values() if not self._list_table(table)]
        self._forget(blind)
        changes = SidecarChanges(self.catalogue)
        tasks = self._stale(changes, added=changed)
        targets = SidecarTargets(self.catalogue, self.root, self.tables.keys())
        self._read([task for task in tasks if task.path not in self.tables], targets, changes)
        for task in tasks:
            if task.path in self.tables:
                self._read_table(task, targets, changes)
        self._note_missing(missing)
        changes.save(row[0] for row in self.catalogue.query("SELECT path FROM temp.aside"))

    def skip_counts(self) -> Counter[str]:
        """Number of files that look like sidecars and are none, by reason."""
        listed = {row[0] for row in self.catalogue.query("SELECT path FROM temp.aside")}
        return Counter(
            skip.reason.value for skip in self.catalogue.skips() if is_sidecar(skip.path) or skip.path in listed
        )

    def _list(self, path: bytes, size: int, mtime_ns: int) -> None:
        self.catalogue.db.execute("INSERT OR REPLACE INTO temp.aside VALUES(?,?,?)", (path, size, mtime_ns))

    def _list_table(self, table: WordsTable) -> bool:
        """List a table, wherever it lies; return whether it is there."""
        with suppress(ImageError), self.files.open_regular(table.place(self.root)) as file:
            state = os.fstat(file.fileno())
            self._list(table.path, state.st_size, state.st_mtime_ns)
            return True
        return False

    def _note_missing(self, tables: list[WordsTable]) -> None:
        """List tables that are not there; what they said stays, for a disk may be away for a time."""
        for table in tables:
            doubt = DoubtRecord(table.path, "", "the table is not there; what it said is kept")
            if self.catalogue.sidecar_at(table.path) is not None:
                with self.catalogue.transaction():
                    self.catalogue.details.put_doubts(table.path, [doubt])

    def _has_image_beside(self, path: bytes) -> bool:
        """Whether a text is named after an image of its folder, with or without the image's ending."""
        folder, own = os.path.split(path)
        return fold_name(os.path.splitext(os.fsdecode(own))[0]) in self._image_names(folder)

    def _read_image_names(self, folder: bytes) -> frozenset[str]:
        """The names and the stems of the images of a folder, by their endings."""
        try:
            entries = self.files.scan(os.path.join(self.root, folder))
        except OSError:
            return frozenset()
        names = [fold_name(name) for name in (os.fsdecode(entry.name) for entry in entries) if is_image_name(name)]
        return frozenset(names) | {os.path.splitext(name)[0] for name in names}

    def _forget(self, blind: list[bytes]) -> None:
        """Remove missing sidecars; those below unreadable folders are unknown, not missing, and so are tables."""
        gone = [row[0] for row in self.catalogue.query("SELECT path FROM sidecar EXCEPT SELECT path FROM temp.aside")]
        hidden = tuple(each + b"/" for each in blind)
        gone = [path for path in gone if not path.startswith(hidden) and path not in self.tables]
        if gone:
            with self.catalogue.transaction():
                for path in gone:
                    self.catalogue.drop_sidecar(path)

    def _stale(self, changes: SidecarChanges, *, added: bool) -> list[SidecarTask]:
        """The sidecars that must be read, in the order of their paths."""
        tasks = []
        for path, size, mtime_ns, is_known, is_skipped in self.catalogue.query(_LISTED, (RACY_NS,)):
            same = changes.concerns(KnownSidecar(path, bool(is_skipped)), added=added)
            if same or changes.is_other_version or not (is_known or is_skipped):
                tasks.append(SidecarTask(path, size, mtime_ns))
        return tasks

    def _read(self, tasks: list[SidecarTask], targets: SidecarTargets, changes: SidecarChanges) -> None:
        if not tasks:
            return
        batch: list[tuple[SidecarTask, SidecarContent | Failure]] = []
        with WorkerPool(self.job, 1, self.limits) as pool:
            for each in pool.run(tasks):
                batch.append(each)
                if len(batch) >= BATCH:
                    self._commit(batch, targets, changes)
                    batch = []
        self._commit(batch, targets, changes)

    def _commit(
        self,
        batch: list[tuple[SidecarTask, SidecarContent | Failure]],
        targets: SidecarTargets,
        changes: SidecarChanges,
    ) -> None:
        with self.catalogue.transaction():
            for task, outcome in batch:
                if isinstance(outcome, Failure):
                    self._skip(task, outcome)
                elif not outcome.texts:
                    self._skip(task, Failure(Reason.NOT_AN_IMAGE, "says nothing of images"))
                else:
                    said = SidecarWords(task.path)
                    said.add(outcome.texts, targets)
                    self._put(said, outcome, changes)

    def _read_table(self, task: SidecarTask, targets: SidecarTargets, changes: SidecarChanges) -> None:
        """Read a table row by row; only what is said of images of the collection is held in memory."""
        table, said, now = self.tables[task.path], SidecarWords(task.path), int(self.clock.now() * 1e9)
        try:
            with open_table(table, self.root, self.files) as (stream, state):
                said.add(read_words_table(stream, table.columns, os.fsdecode(table.path)), targets)
        except (ImageError, UsageError, csv.Error) as problem:
            failure = problem if isinstance(problem, ImageError) else ImageError(Reason.CORRUPT, str(problem))
            with self.catalogue.transaction():
                self._skip(task, Failure(failure.reason, failure.detail))
            return
        with self.catalogue.transaction():
            self._put(said, SidecarContent(state.st_size, state.st_mtime_ns, now, []), changes)

    def _skip(self, task: SidecarTask, failure: Failure) -> None:
        self.catalogue.drop_sidecar(task.path)
        self.catalogue.put_skip(SkipRecord(task.path, task.size, task.mtime_ns, failure.reason, failure.detail))

    def _put(self, said: SidecarWords, outcome: SidecarContent, changes: SidecarChanges) -> None:
        self.catalogue.drop_skip(said.path)
        row = SidecarRecord(said.path, outcome.size, outcome.mtime_ns, outcome.seen_ns, said.n_unknown)
        self.catalogue.put_sidecar(row, said.notes(), said.fact_records(), said.doubt_records())
        changes.note_kind(said.path, names_images=said.names_images)


_RETRIED = ", ".join(f"'{reason.value}'" for reason in sorted(RETRY_REASONS))
_LISTED = f"""
SELECT aside.path, aside.size, aside.mtime_ns,
  ifnull(sidecar.size = aside.size AND sidecar.mtime_ns = aside.mtime_ns AND aside.mtime_ns < sidecar.seen_ns - ?, 0),
  ifnull(skipped.size = aside.size AND skipped.mtime_ns = aside.mtime_ns AND skipped.reason NOT IN ({_RETRIED}), 0)
FROM temp.aside AS aside
LEFT JOIN sidecar ON sidecar.path = aside.path LEFT JOIN skipped ON skipped.path = aside.path
WHERE skipped.reason IS NOT 'removed-by-user' ORDER BY aside.path
"""  # noqa: S608 (our own words)
