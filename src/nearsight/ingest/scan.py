"""Changes of the folder since the last commit: a task for each file that must be read.

The tasks lie in a temporary table, in path order, so that a folder of millions of files needs little memory.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import FileSystem
from nearsight.images.walk import FoundFile, SkippedEntry, walk_folder
from nearsight.ingest.extract import DETAIL_NUMBER, THUMBNAIL_NUMBER, Task
from nearsight.ingest.page_tasks import PageTasks
from nearsight.storage.array_file import SEGMENTS_FOLDER, THUMBNAILS, Segment
from nearsight.storage.catalogue import INDEX_DIR_NAME, Catalogue
from nearsight.storage.details import Details
from nearsight.storage.records import ImageRecord, SkipRecord
from nearsight.types import Ids
from nearsight.wording import plural

RACY_NS = 2_000_000_000
"""A file that changed this shortly before it was read may have changed again within one time stamp: read it again."""
RETRY_REASONS = frozenset(
    {
        Reason.NEEDS_HEIF,
        Reason.UNREADABLE,
        Reason.VANISHED,
        Reason.CHANGING,
        Reason.TOO_MANY_BYTES,
        Reason.FILE_TOO_LARGE,
    }
)
"""Reasons outside the file, in its surroundings or the limits: every run tries again."""


class Comparison:
    """Compares a folder with its catalogue. After `walk`: `tasks`, `total`, `gone`, `unchanged`, `skips`.

    Files that `leave_aside` accepts are left to it.
    """

    def __init__(
        self,
        root: Path,
        index_dir: Path,
        catalogue: Catalogue,
        keys: list[str],
        files: FileSystem,
        limit: int,
        aside: Callable[[FoundFile], bool] = lambda found: False,
    ) -> None:
        self.leave_aside = aside
        self.root, self.index_dir, self.catalogue, self.files, self.limit = (
            os.fsencode(root),
            index_dir,
            catalogue,
            files,
            limit,
        )
        self.ids: Ids = np.array(catalogue.ids(), np.int64)
        self.ids_by_number = self._load_ids(keys)
        self.pages = PageTasks(catalogue, self._find_missing)
        self.gone: Ids = np.empty(0, np.int64)
        self.moved: list[tuple[int, bytes, int]] = []
        self.skips: list[SkipRecord] = []
        self.unreadable: list[bytes] = []
        self.unchanged = 0
        self.still_skipped: Counter[str] = Counter()

    def walk(self, watch: Callable[[int], None]) -> None:
        """Walk the folder. `watch` is called with the number of files so far."""
        db = self.catalogue.db
        db.execute("DROP TABLE IF EXISTS temp.todo")
        db.execute(
            "CREATE TEMP TABLE todo(path BLOB PRIMARY KEY, size, mtime_ns, image_id, known, lacking) WITHOUT ROWID"
        )
        seen = np.zeros(len(self.ids), bool)
        db.execute("BEGIN")
        for count, found in enumerate(walk_folder(self.root, self.files, frozenset({INDEX_DIR_NAME}))):
            if isinstance(found, SkippedEntry):
                self.skips.append(SkipRecord(found.path, 0, 0, found.reason, found.detail))
                self.unreadable += [found.path] * found.subtree
            elif not self._is_own_file(found) and not self.leave_aside(found):
                self._compare(found, seen)
            if count % 1000 == 0:
                watch(count)
        db.execute("COMMIT")
        self._refuse_empty(seen)
        self._find_moves(self._drop_unknown(self.ids[~seen]))

    @property
    def total(self) -> int:
        """Number of files that must be read."""
        return int(self.catalogue.db.execute("SELECT count(*) FROM temp.todo").fetchone()[0])

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks in path order, a page at a time."""
        last = b""
        sql = "SELECT * FROM temp.todo WHERE path>? ORDER BY path LIMIT 1000"
        while page := self.catalogue.db.execute(sql, (last,)).fetchall():
            for path, size, mtime_ns, image_id, known, lacking in page:
                numbers = tuple(int(number) for number in lacking.split(",") if number)
                yield Task(path, size, mtime_ns, image_id, known, numbers)
            last = page[-1][0]

    def _load_ids(self, keys: list[str]) -> dict[int, Ids]:
        """Sorted ids with a thumbnail, with a detail, and with vectors of each key."""
        entries = self.catalogue.segments()
        folder = self.index_dir / SEGMENTS_FOLDER
        held: dict[int, Ids] = {}
        for number, key in [(THUMBNAIL_NUMBER, THUMBNAILS), *enumerate(keys)]:
            ids = [Segment(folder, entry, self.files).ids for entry in entries if entry.key == key]
            held[number] = np.unique(np.concatenate(ids)) if ids else np.empty(0, np.int64)
        held[DETAIL_NUMBER] = np.array(Details(self.catalogue).ids(), np.int64)
        return held

    def _find_missing(self, image_id: int) -> tuple[int, ...]:
        """Numbers of the vectors that an image lacks: of a new recipe, or of a repaired segment."""
        return tuple(number for number, ids in self.ids_by_number.items() if not _folder_contains(ids, image_id))

    def _is_own_file(self, found: FoundFile) -> bool:
        """Whether a file belongs to this collection, stored inside the folder under another name."""
        path = os.path.join(self.root, found.path)
        return path.startswith(os.fsencode(self.index_dir) + b"/")

    def _compare(self, found: FoundFile, seen: NDArray[np.bool_]) -> None:
        known = self.catalogue.image_at(found.path)
        if known is not None:
            seen[np.searchsorted(self.ids, known.id)] = True
            lacking = self._find_missing(known.id)
            is_same = _is_unchanged(known, found)
            for page in self.pages.compare(found, known, is_read=not is_same):
                seen[np.searchsorted(self.ids, page.id)] = True
            if is_same and not lacking:
                self.unchanged += 1
            else:
                self._add_task(found, known.id, known.sha256, lacking)
            return
        skip = self.catalogue.skip_at(found.path)
        if skip is not None and _scan_stays_out(skip, found):
            self.still_skipped[skip.reason.value] += 1
        else:
            self._add_task(found, None, None, ())

    def _add_task(self, found: FoundFile, image_id: int | None, known: bytes | None, lacking: tuple[int, ...]) -> None:
        values = (found.path, found.size, found.mtime_ns, image_id, known, ",".join(map(str, lacking)))
        self.catalogue.db.execute("INSERT INTO temp.todo VALUES(?,?,?,?,?,?)", values)

    def _refuse_empty(self, seen: NDArray[np.bool_]) -> None:
        if len(seen) and not seen.any() and not self.total and not self.skips:
            raise UsageError(
                f"{os.fsdecode(self.root)} is empty, but its collection holds {plural(len(seen), 'image')}: is a disk "
                "not mounted? If they are gone for good, take them out with nearsight remove, or delete the collection"
            )

    def _drop_unknown(self, ids: Ids) -> Ids:
        """Leave out images below unreadable folders: they are unknown, not gone."""
        blind = tuple(path + b"/" for path in self.unreadable)
        if not blind:
            return ids
        return np.array([i for i in ids.tolist() if not self.catalogue.image(i).path.startswith(blind)], np.int64)

    def _find_moves(self, gone: Ids) -> None:
        """Match new paths with missing images of the same content."""
        by_content: dict[tuple[int, bytes], list[ImageRecord]] = {}
        lost = [self.catalogue.image(image_id) for image_id in gone.tolist()]
        left = {image.id for image in lost}
        for image in lost:
            if self.pages.is_page(image):
                continue  # it moves with its file
            by_content.setdefault((image.size, image.sha256), []).append(image)
        sizes = {size for size, _ in by_content}
        for path, size, mtime_ns in self._new_files() if sizes else []:
            if size in sizes and (idents := by_content.get((size, self._digest(path)))):
                left -= self._move_with_pages(idents.pop(0), path, mtime_ns)
        self.gone = np.array(sorted(left), np.int64)

    def _new_files(self) -> list[tuple[bytes, int, int]]:
        sql = "SELECT path, size, mtime_ns FROM temp.todo WHERE image_id IS NULL ORDER BY path"
        return self.catalogue.db.execute(sql).fetchall()

    def _digest(self, path: bytes) -> bytes:
        try:
            data, _ = self.files.read(os.path.join(self.root, path), self.limit)
        except ImageError:
            return b""
        return hashlib.sha256(data).digest()

    def _move_with_pages(self, image: ImageRecord, path: bytes, mtime_ns: int) -> set[int]:
        """Move an image, and the further pages of its file; return the ids of all."""
        pages = self.pages.images_of(image.path)
        self._move(image, path, mtime_ns)
        self.moved += [(page.id, path + page.path[len(image.path) :], mtime_ns) for page in pages]
        return {image.id, *(page.id for page in pages)}

    def _move(self, image: ImageRecord, path: bytes, mtime_ns: int) -> None:
        self.moved.append((image.id, path, mtime_ns))
        db = self.catalogue.db
        if lacking := self._find_missing(image.id):
            values = (image.id, image.sha256, ",".join(map(str, lacking)), path)
            db.execute("UPDATE temp.todo SET image_id=?, known=?, lacking=? WHERE path=?", values)
        else:
            db.execute("DELETE FROM temp.todo WHERE path=?", (path,))

    def moved_images(self) -> Iterator[ImageRecord]:
        """Yield the records of the moved images with their new paths."""
        for image_id, path, mtime_ns in self.moved:
            yield replace(self.catalogue.image(image_id), path=path, mtime_ns=mtime_ns)


def _folder_contains(ids: Ids, image_id: int) -> bool:
    at = int(np.searchsorted(ids, image_id))
    return at < len(ids) and int(ids[at]) == image_id


def _scan_stays_out(skip: SkipRecord, found: FoundFile) -> bool:
    same = (skip.size, skip.mtime_ns) == (found.size, found.mtime_ns)
    return skip.reason is Reason.REMOVED or (same and skip.reason not in RETRY_REASONS)


def _is_unchanged(known: ImageRecord, found: FoundFile) -> bool:
    same = (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    return same and found.mtime_ns < known.seen_ns - RACY_NS
