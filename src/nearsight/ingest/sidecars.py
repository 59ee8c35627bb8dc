"""Captions and tags from sidecars.

1. The walk passes files such as `dog.jpg.xmp` and `captions.json` to `register`, which lists them in a temporary table.
2. When the images are in the catalogue, new and changed sidecars are read in isolated workers.
3. A name means the image of that path, from the sidecar's folder or from the indexed one; or the only image of that
   file name. A sidecar without a name belongs to the image beside it.
4. A sidecar with unknown names is read again when images were added.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from nearsight.clock import Clock
from nearsight.errors import Reason
from nearsight.files import FileSystem
from nearsight.images.image_text import ImageText
from nearsight.images.sidecars.formats import MAX_SIDECAR_BYTES, is_sidecar, read_sidecar
from nearsight.images.walk import FoundFile
from nearsight.ingest.scan import RACY_NS
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.records import NoteRecord, SidecarRecord, SkipRecord
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
        self.root, self.catalogue, self.limits = root, catalogue, limits
        self.job = SidecarJob(root, files, clock)
        catalogue.db.execute("DROP TABLE IF EXISTS temp.aside")
        catalogue.db.execute("CREATE TEMP TABLE aside(path BLOB PRIMARY KEY, size, mtime_ns) WITHOUT ROWID")
        catalogue.db.execute("DROP TABLE IF EXISTS temp.called")

    def register(self, found: FoundFile) -> bool:
        """Return whether this file is a sidecar; if so, list it."""
        if not is_sidecar(found.path):
            return False
        values = (found.path, found.size, found.mtime_ns)
        self.catalogue.db.execute("INSERT INTO temp.aside VALUES(?,?,?)", values)
        return True

    def run(self, blind: list[bytes], *, changed: bool) -> None:
        """Read new and changed sidecars, remove missing ones; `changed`: images were added or moved."""
        self._forget(blind)
        tasks = [SidecarTask(*row) for row in self.catalogue.query(_STALE, (RACY_NS, changed))]
        if not tasks:
            return
        with WorkerPool(self.job, 1, self.limits) as pool:
            batch: list[tuple[SidecarTask, SidecarContent | Failure]] = []
            for each in pool.run(tasks):
                batch.append(each)
                if len(batch) >= BATCH:
                    self._commit(batch)
                    batch = []
        self._commit(batch)

    def skip_counts(self) -> Counter[str]:
        """Number of files that look like sidecars and are none, by reason."""
        return Counter(skip.reason.value for skip in self.catalogue.skips() if is_sidecar(skip.path))

    def _forget(self, blind: list[bytes]) -> None:
        """Remove missing sidecars; those below unreadable folders are unknown, not missing."""
        gone = [row[0] for row in self.catalogue.query("SELECT path FROM sidecar EXCEPT SELECT path FROM temp.aside")]
        gone = [path for path in gone if not path.startswith(tuple(each + b"/" for each in blind))]
        if gone:
            with self.catalogue.transaction():
                for path in gone:
                    self.catalogue.drop_sidecar(path)

    def _commit(self, batch: list[tuple[SidecarTask, SidecarContent | Failure]]) -> None:
        with self.catalogue.transaction():
            for task, outcome in batch:
                if isinstance(outcome, Failure):
                    self._skip(task, outcome)
                elif not outcome.texts:
                    self._skip(task, Failure(Reason.NOT_AN_IMAGE, "says nothing of images"))
                else:
                    self._put(task.path, outcome)

    def _skip(self, task: SidecarTask, failure: Failure) -> None:
        self.catalogue.drop_sidecar(task.path)
        self.catalogue.put_skip(SkipRecord(task.path, task.size, task.mtime_ns, failure.reason, failure.detail))

    def _put(self, path: bytes, outcome: SidecarContent) -> None:
        captions: dict[bytes, list[str]] = defaultdict(list)
        tags: dict[bytes, list[str]] = defaultdict(list)
        unknown = 0
        for said in outcome.texts:
            images = list(self._find_images(path, said.name))
            unknown += not images
            for image in images:
                captions[image] += said.caption.splitlines()
                tags[image] += said.tags
        notes = [
            NoteRecord(image, path, "\n".join(dict.fromkeys(captions[image])), "\n".join(dict.fromkeys(tags[image])))
            for image in captions
        ]
        self.catalogue.drop_skip(path)
        row = SidecarRecord(path, outcome.size, outcome.mtime_ns, outcome.seen_ns, unknown)
        self.catalogue.put_sidecar(row, notes)

    def _find_images(self, sidecar: bytes, name: str) -> Iterator[bytes]:
        """Yield the paths of the images that a name in a sidecar means."""
        folder, own = os.path.split(sidecar)
        if not name:
            yield from self._images_beside(folder, own)
            return
        wanted = os.fsencode(name.replace("\\", "/").encode("utf8", "replace").decode()).lstrip(b"/")
        for path in (os.path.normpath(os.path.join(folder, wanted)), os.path.normpath(wanted)):
            if self.catalogue.image_at(path) is not None:
                yield path
                return
        found = self._paths_by_name(os.path.basename(wanted))
        ends = [path for path in found if path.endswith(b"/" + wanted)] or found
        near = [path for path in ends if path.startswith(folder + b"/")] or ends
        if len(near) == 1:
            yield near[0]

    def _images_beside(self, folder: bytes, own: bytes) -> Iterator[bytes]:
        """Yield the image whose name the sidecar's name begins with, or the images of the same stem."""
        parts = own.split(b".")
        for count in range(len(parts) - 1, 1, -1):
            path = os.path.join(folder, b".".join(parts[:count]))
            if self.catalogue.image_at(path) is not None:
                yield path
                return
        stem = os.path.join(folder, b".".join(parts[:-1]))
        sql = "SELECT path FROM image WHERE path > ? AND path < ? ORDER BY path"
        for (path,) in self.catalogue.query(sql, (stem + b".", stem + b"/")):
            if b"." not in path[len(stem) + 1 :]:
                yield path

    def _paths_by_name(self, name: bytes) -> list[bytes]:
        """Paths of all images with a file name."""
        db = self.catalogue.db
        if not self.catalogue.query("SELECT 1 FROM sqlite_temp_schema WHERE name='called'"):
            db.execute("CREATE TEMP TABLE called(name BLOB, path BLOB)")
            rows = ((os.path.basename(path), path) for (path,) in self.catalogue.query("SELECT path FROM image"))
            db.executemany("INSERT INTO temp.called VALUES(?,?)", rows)
            db.execute("CREATE INDEX temp.called_by_name ON called(name)")
        sql = "SELECT path FROM temp.called WHERE name=? ORDER BY path LIMIT 1000"
        return [row[0] for row in self.catalogue.query(sql, (name,))]


_STALE = """
SELECT aside.path, aside.size, aside.mtime_ns FROM temp.aside AS aside
LEFT JOIN sidecar ON sidecar.path = aside.path LEFT JOIN skipped ON skipped.path = aside.path
WHERE skipped.reason IS NOT 'removed-by-user' AND NOT ifnull(
  sidecar.size = aside.size AND sidecar.mtime_ns = aside.mtime_ns AND aside.mtime_ns < sidecar.seen_ns - ?
  AND NOT (sidecar.unknown AND ?), 0)
AND NOT ifnull(skipped.size = aside.size AND skipped.mtime_ns = aside.mtime_ns, 0)
ORDER BY aside.path
"""
