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
from nearsight.storage.records import DetailRecord, ImageRecord


class PageTasks:
    """Tasks for pages, in a temporary table. `missing` gives the numbers of the vectors that an image lacks."""

    def __init__(self, catalogue: Catalogue, missing: Callable[[int], tuple[int, ...]]) -> None:
        self._catalogue, self._missing, self._details = catalogue, missing, Details(catalogue)
        catalogue.db.execute("DROP TABLE IF EXISTS temp.page_todo")
        catalogue.db.execute(
            "CREATE TEMP TABLE page_todo(path BLOB PRIMARY KEY, size, mtime_ns, image_id, known, lacking) WITHOUT ROWID"
        )

    def compare(self, found: FoundFile, first: DetailRecord, *, is_read: bool) -> list[ImageRecord]:
        """The images of further pages of a file; those to be read become tasks, all of them where the file is read."""
        if first.n_pages == 1:
            return []
        pages = self.images_of(found.path)
        for page in pages:
            if is_read or self._missing(page.id):
                lacking = ",".join(map(str, self._missing(page.id)))
                self._add(page.path, found.size, found.mtime_ns, page.id, page.sha256, lacking)
        return pages

    def choose(self, read: ReadResult) -> list[int]:
        """Add tasks for the pages that a file turned out to have; return the ids of those that are images no longer."""
        if read.pages is None or read.page != 1:
            return []
        path, known = read.task.path, {each.path: each for each in self.images_of(read.task.path)}
        chosen = {make_page_path(path, page, read.format) for page in read.pages if page != 1}
        for each in sorted(chosen - set(known)):
            if not self._is_removed(each):
                self._add(each, read.size, read.mtime_ns, None, None, "")
        gone = [image for image in known.values() if image.path not in chosen]
        for image in gone:
            self._catalogue.db.execute("DELETE FROM temp.page_todo WHERE path=?", (image.path,))
        return [image.id for image in gone]

    def images_of(self, path: bytes) -> list[ImageRecord]:
        """The images of the pages of a file after its first."""
        sql = "SELECT id FROM image WHERE path > ? AND path < ? ORDER BY path"
        found = (self._catalogue.image(row[0]) for row in self._catalogue.query(sql, (path + b", ", path + b",!")))
        return [each for each in found if self.is_page_of(each, path)]

    def is_page_of(self, image: ImageRecord, path: bytes) -> bool:
        """Whether an image is a further page of the file at a path, and no file that has such a name."""
        return split_page_path(image.path)[0] == path and self._details.of(image.id).page > 1

    def is_page(self, image: ImageRecord) -> bool:
        """Whether an image is a further page of some file."""
        return self._details.of(image.id).page > 1

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

    def _add(
        self, path: bytes, size: int, mtime_ns: int, image_id: int | None, known: bytes | None, lacking: str
    ) -> None:
        values = (path, size, mtime_ns, image_id, known, lacking)
        self._catalogue.db.execute("INSERT OR REPLACE INTO temp.page_todo VALUES(?,?,?,?,?,?)", values)

    def _is_removed(self, path: bytes) -> bool:
        skip = self._catalogue.skip_at(path)
        return skip is not None and skip.reason is Reason.REMOVED
