"""What has changed in the folder since the last commit: a note for each file that must be read.

The notes lie in a temporary table, in the order of the paths, so that a folder of millions costs little memory.
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
from nearsight.ingest.extract import THUMBNAIL_ROW, Task
from nearsight.storage import segments
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.location import INDEX_DIR_NAME
from nearsight.storage.records import ImageRecord, SkipRecord
from nearsight.types import Ids

RACY_NS = 2_000_000_000
"""A file that changed so shortly before it was read may have changed again within one time stamp: it is read again."""
RETRIED = frozenset(
    {
        Reason.NEEDS_HEIF,
        Reason.UNREADABLE,
        Reason.VANISHED,
        Reason.CHANGING,
        Reason.TOO_MANY_BYTES,
        Reason.FILE_TOO_LARGE,
    }
)
"""Reasons that lie in the surroundings or the limits rather than in the file: tried again by every run."""


class Comparison:
    """Compares one folder with its catalogue. After `look`: `tasks`, `total`, `gone`, `unchanged`, `skips`.

    Files for which `aside` holds are left to it.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        catalogue: Catalogue,
        keys: list[str],
        files: FileSystem,
        limit: int,
        aside: Callable[[FoundFile], bool] = lambda found: False,
    ) -> None:
        self.aside = aside
        self.root, self.home, self.catalogue, self.files, self.limit = os.fsencode(root), home, catalogue, files, limit
        self.ids: Ids = np.array(catalogue.ids(), np.int64)
        self.held = self._held(keys)
        self.gone: Ids = np.empty(0, np.int64)
        self.moved: list[tuple[int, bytes, int]] = []
        self.skips: list[SkipRecord] = []
        self.blind: list[bytes] = []
        self.unchanged = 0
        self.still_skipped: Counter[str] = Counter()

    def look(self, watch: Callable[[int], None]) -> None:
        """Walk the folder. `watch` hears how many files were looked at."""
        db = self.catalogue.db
        db.execute("DROP TABLE IF EXISTS temp.todo")
        db.execute("CREATE TEMP TABLE todo(path BLOB PRIMARY KEY, size, mtime_ns, ident, known, lacking) WITHOUT ROWID")
        seen = np.zeros(len(self.ids), bool)
        db.execute("BEGIN")
        for count, found in enumerate(walk_folder(self.root, self.files, frozenset({INDEX_DIR_NAME}))):
            if isinstance(found, SkippedEntry):
                self.skips.append(SkipRecord(found.path, 0, 0, found.reason, found.detail))
                self.blind += [found.path] * found.subtree
            elif not self._is_home(found) and not self.aside(found):
                self._note(found, seen)
            if count % 1000 == 0:
                watch(count)
        db.execute("COMMIT")
        self._refuse_empty(seen)
        self._find_moves(self._surely_gone(self.ids[~seen]))

    @property
    def total(self) -> int:
        """How many files must be read."""
        return int(self.catalogue.db.execute("SELECT count(*) FROM temp.todo").fetchone()[0])

    def tasks(self) -> Iterator[Task]:
        """The notes in the order of their paths, a page at a time."""
        last = b""
        sql = "SELECT * FROM temp.todo WHERE path>? ORDER BY path LIMIT 1000"
        while page := self.catalogue.db.execute(sql, (last,)).fetchall():
            for path, size, mtime_ns, ident, known, lacking in page:
                numbers = tuple(int(number) for number in lacking.split(",") if number)
                yield Task(path, size, mtime_ns, ident, known, numbers)
            last = page[-1][0]

    def _held(self, keys: list[str]) -> dict[int, Ids]:
        """The ids that have a thumbnail, and rows of each key, sorted."""
        entries = self.catalogue.segments()
        folder = self.home / segments.SEGMENTS_FOLDER
        held: dict[int, Ids] = {}
        for number, key in [(THUMBNAIL_ROW, segments.THUMBNAILS), *enumerate(keys)]:
            ids = [segments.Segment(folder, entry, self.files).ids for entry in entries if entry.key == key]
            held[number] = np.unique(np.concatenate(ids)) if ids else np.empty(0, np.int64)
        return held

    def _lacking(self, ident: int) -> tuple[int, ...]:
        """The rows that an image lacks: of a new recipe, or of a mended segment."""
        return tuple(number for number, ids in self.held.items() if not _holds(ids, ident))

    def _is_home(self, found: FoundFile) -> bool:
        """Whether a file belongs to this very collection, kept inside the folder under another name."""
        path = os.path.join(self.root, found.path)
        return path.startswith(os.fsencode(self.home) + b"/")

    def _note(self, found: FoundFile, seen: NDArray[np.bool_]) -> None:
        known = self.catalogue.image_at(found.path)
        if known is not None:
            seen[np.searchsorted(self.ids, known.id)] = True
            lacking = self._lacking(known.id)
            if _unchanged(known, found) and not lacking:
                self.unchanged += 1
            else:
                self._todo(found, known.id, known.sha256, lacking)
            return
        skip = self.catalogue.skip_at(found.path)
        if skip is not None and _stays_out(skip, found):
            self.still_skipped[skip.reason.value] += 1
        else:
            self._todo(found, None, None, ())

    def _todo(self, found: FoundFile, ident: int | None, known: bytes | None, lacking: tuple[int, ...]) -> None:
        values = (found.path, found.size, found.mtime_ns, ident, known, ",".join(map(str, lacking)))
        self.catalogue.db.execute("INSERT INTO temp.todo VALUES(?,?,?,?,?,?)", values)

    def _refuse_empty(self, seen: NDArray[np.bool_]) -> None:
        if len(seen) and not seen.any() and not self.total and not self.skips:
            raise UsageError(
                f"{os.fsdecode(self.root)} is empty, but its collection holds {len(seen)} images: is a disk not "
                "mounted? If they are gone for good, take them out with nearsight remove, or delete the collection"
            )

    def _surely_gone(self, ids: Ids) -> Ids:
        """Without the images below folders that could not be read: they are unknown, not gone."""
        blind = tuple(path + b"/" for path in self.blind)
        if not blind:
            return ids
        return np.array([i for i in ids.tolist() if not self.catalogue.image(i).path.startswith(blind)], np.int64)

    def _find_moves(self, gone: Ids) -> None:
        """Pair new paths with images that are gone and have the same content."""
        by_content: dict[tuple[int, bytes], list[ImageRecord]] = {}
        for ident in gone.tolist():
            image = self.catalogue.image(ident)
            by_content.setdefault((image.size, image.sha256), []).append(image)
        sizes = {size for size, _ in by_content}
        for path, size, mtime_ns in self._new_files() if sizes else []:
            if size in sizes and (idents := by_content.get((size, self._digest(path)))):
                self._move(idents.pop(0), path, mtime_ns)
        self.gone = np.array(sorted(each.id for left in by_content.values() for each in left), np.int64)

    def _new_files(self) -> list[tuple[bytes, int, int]]:
        sql = "SELECT path, size, mtime_ns FROM temp.todo WHERE ident IS NULL ORDER BY path"
        return self.catalogue.db.execute(sql).fetchall()

    def _digest(self, path: bytes) -> bytes:
        try:
            data, _ = self.files.read(os.path.join(self.root, path), self.limit)
        except ImageError:
            return b""
        return hashlib.sha256(data).digest()

    def _move(self, image: ImageRecord, path: bytes, mtime_ns: int) -> None:
        self.moved.append((image.id, path, mtime_ns))
        db = self.catalogue.db
        if lacking := self._lacking(image.id):
            values = (image.id, image.sha256, ",".join(map(str, lacking)), path)
            db.execute("UPDATE temp.todo SET ident=?, known=?, lacking=? WHERE path=?", values)
        else:
            db.execute("DELETE FROM temp.todo WHERE path=?", (path,))

    def moved_images(self) -> Iterator[ImageRecord]:
        """The rows of the moved images as they are to be."""
        for ident, path, mtime_ns in self.moved:
            yield replace(self.catalogue.image(ident), path=path, mtime_ns=mtime_ns)


def _holds(ids: Ids, ident: int) -> bool:
    at = int(np.searchsorted(ids, ident))
    return at < len(ids) and int(ids[at]) == ident


def _stays_out(skip: SkipRecord, found: FoundFile) -> bool:
    same = (skip.size, skip.mtime_ns) == (found.size, found.mtime_ns)
    return skip.reason is Reason.REMOVED or (same and skip.reason not in RETRIED)


def _unchanged(known: ImageRecord, found: FoundFile) -> bool:
    same = (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    return same and found.mtime_ns < known.seen_ns - RACY_NS
