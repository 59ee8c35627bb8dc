"""The pages and frames of files after the first: which are to be read, and which are images no longer.

They are read after all files, as only a file that was read tells which of its pages are worth being images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nearsight.errors import Reason
from nearsight.images.pages import make_page_path, split_page_path
from nearsight.images.walk import FoundFile
from nearsight.ingest.extract import ReadResult, Task
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.details import Details
from nearsight.storage.records import DetailRecord, ImageRecord, SkipRecord


class PageTasks:
    """Tasks for pages, in a temporary table.

    Parameters
    ----------
    missing : gives the numbers of the vectors that an image lacks
    is_file : whether a path is that of a file
    retries : whether a skipped page is tried again
    """

    def __init__(
        self,
        catalogue: Catalogue,
        missing: Callable[[int], tuple[int, ...]],
        is_file: Callable[[bytes], bool],
        retries: Callable[[SkipRecord], bool],
    ) -> None:
        self._catalogue, self._missing, self._details = catalogue, missing, Details(catalogue)
        self._is_file, self._retries = is_file, retries
        catalogue.db.execute("DROP TABLE IF EXISTS temp.page_todo")
        catalogue.db.execute(
            "CREATE TEMP TABLE page_todo(path BLOB PRIMARY KEY, size, mtime_ns, image_id, known, lacking) WITHOUT ROWID"
        )

    def compare(self, found: FoundFile, first: DetailRecord | None, *, is_read: bool) -> list[ImageRecord]:
        """The images of further pages of a file; those to be read become tasks, all of them where the file is read.

        `first` is the detail of its first page, None where that was not read to the end.
        """
        if first is not None and first.n_pages == 1:
            return []
        pages = self.images_of(found.path)
        for page in pages:
            is_other = (page.size, page.mtime_ns) != (found.size, found.mtime_ns)
            if is_read or is_other or self._missing(page.id):
                self._add(page, found.size, found.mtime_ns)
        for skip in self._skips_of(found.path):
            if self._retries(skip):
                self._insert(skip.path, found.size, found.mtime_ns, None, None, "")
        return pages

    def add_moved(self, page: ImageRecord, path: bytes, mtime_ns: int) -> None:
        """A task for a page that moved, where it lacks vectors."""
        if self._missing(page.id):
            lacking = ",".join(map(str, self._missing(page.id)))
            self._insert(path, page.size, mtime_ns, page.id, page.sha256, lacking)

    def choose(self, read: ReadResult) -> list[int]:
        """Add tasks for the pages that a file turned out to have; return the ids of those that are images no longer."""
        if read.pages is None or read.page != 1:
            return []
        known = {each.path: each for each in self.images_of(read.task.path)}
        chosen = self._paths(read)
        for each in sorted(chosen - set(known)):
            if not self._is_removed(each):
                self._insert(each, read.size, read.mtime_ns, None, None, "")
        gone = [image for image in known.values() if image.path not in chosen]
        for image in gone:
            self.cancel(image.path)
        return [image.id for image in gone]

    def has_tasks_of(self, path: bytes) -> bool:
        """Whether pages of a file are still to be read."""
        sql = "SELECT count(*) FROM temp.page_todo WHERE path > ? AND path < ?"
        return bool(self._catalogue.query(sql, (path + b", ", path + b",!"))[0][0])

    def stale_skips(self, read: ReadResult) -> list[bytes]:
        """The paths of skipped pages that a file has no longer."""
        if read.pages is None or read.page != 1:
            return []
        chosen = self._paths(read)
        return [
            skip.path
            for skip in self._skips_of(read.task.path)
            if skip.path not in chosen and skip.reason is not Reason.REMOVED
        ]

    def cancel(self, path: bytes) -> None:
        """Take back the task of a page."""
        self._catalogue.db.execute("DELETE FROM temp.page_todo WHERE path=?", (path,))

    def images_of(self, path: bytes) -> list[ImageRecord]:
        """The images of the pages of a file after its first."""
        sql = "SELECT id FROM image WHERE path > ? AND path < ? ORDER BY path"
        found = (self._catalogue.image(row[0]) for row in self._catalogue.query(sql, (path + b", ", path + b",!")))
        return [each for each in found if split_page_path(each.path)[0] == path and self.is_page(each)]

    def is_page(self, image: ImageRecord) -> bool:
        """Whether an image is a further page of some file, and no file that has such a name."""
        detail = self._details.find(image.id)
        if detail is not None:
            return detail.page > 1
        return split_page_path(image.path)[1] > 1 and not self._is_file(image.path)

    @property
    def total(self) -> int:
        """Number of pages that must be read."""
        return int(self._catalogue.db.execute("SELECT count(*) FROM temp.page_todo").fetchone()[0])

    def tasks(self) -> Iterable[Task]:
        """The tasks in the order of their paths, when all files were read; none where a file has the name of a page."""
        for row in self._catalogue.db.execute("SELECT * FROM temp.page_todo ORDER BY path").fetchall():
            path, size, mtime_ns, image_id, known, lacking = row
            current = self._catalogue.image_at(path)
            if (None if current is None else current.id) == image_id:
                yield Task(
                    path, size, mtime_ns, image_id, known, tuple(int(each) for each in lacking.split(",") if each)
                )

    def _paths(self, read: ReadResult) -> set[bytes]:
        assert read.pages is not None
        return {make_page_path(read.task.path, page, read.format) for page in read.pages if page != 1}

    def _skips_of(self, path: bytes) -> list[SkipRecord]:
        """The skipped pages of a file."""
        sql = "SELECT path FROM skipped WHERE path > ? AND path < ?"
        found = [self._catalogue.skip_at(row[0]) for row in self._catalogue.query(sql, (path + b", ", path + b",!"))]
        return [skip for skip in found if skip is not None and split_page_path(skip.path)[0] == path]

    def _add(self, page: ImageRecord, size: int, mtime_ns: int) -> None:
        lacking = ",".join(map(str, self._missing(page.id)))
        self._insert(page.path, size, mtime_ns, page.id, page.sha256, lacking)

    def _insert(
        self, path: bytes, size: int, mtime_ns: int, image_id: int | None, known: bytes | None, lacking: str
    ) -> None:
        values = (path, size, mtime_ns, image_id, known, lacking)
        self._catalogue.db.execute("INSERT OR REPLACE INTO temp.page_todo VALUES(?,?,?,?,?,?)", values)

    def _is_removed(self, path: bytes) -> bool:
        skip = self._catalogue.skip_at(path)
        return skip is not None and skip.reason is Reason.REMOVED
