"""Changes of the folder since the last commit: a task for each file that must be read.

The tasks lie in a temporary table, in path order, so that a folder of millions of files needs little memory.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import FileSystem
from nearsight.images.ignore_rules import FileRules, LeavingRule
from nearsight.images.pages import split_page_path
from nearsight.images.walk import FoundFile, LeftOut, SkippedEntry, walk_folder
from nearsight.ingest.extract import DETAIL_NUMBER, MAX_INODE, THUMBNAIL_NUMBER, Task
from nearsight.ingest.page_tasks import PageTasks
from nearsight.storage.array_file import SEGMENTS_FOLDER, THUMBNAILS, Segment
from nearsight.storage.catalogue import INDEX_DIR_NAME, Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.details import Details
from nearsight.storage.file_rules import LeftOutCount, load_left_out, load_rules, save_left_out, save_rules
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
LINK_REASONS = frozenset({Reason.LINK, Reason.BROKEN_LINK, Reason.LINK_LOOP, Reason.REACHED_TWICE})
"""Reasons of the walk alone: what it does not say again holds no longer."""


@dataclass(frozen=True)
class Selection:
    """Which files of the folder are looked at.

    Parameters
    ----------
    rules : what is left out, and whether links are followed; None for what the collection remembers
    again : paths of files and folders that are read again although nothing seems changed; an empty path is all of them
    """

    rules: FileRules | None = None
    again: frozenset[bytes] = frozenset()

    def reads_again(self, path: bytes) -> bool:
        """Whether a file is read again, for itself or for a folder above it."""
        if not self.again:
            return False
        return b"" in self.again or path in self.again or any(above in self.again for above in _folders_above(path))


USUAL_SELECTION = Selection()


class Comparison:
    """Compares a folder with its catalogue. After `walk`: `tasks`, `total`, `gone`, `unchanged`, `skips`.

    Images that a rule leaves out are in `excluded`, not in `gone`; `left_out` counts what was left out by rule. Files
    that `leave_aside` accepts are left to it.
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
        selection: Selection = USUAL_SELECTION,
    ) -> None:
        self.leave_aside, self.selection = aside, selection
        self.rules = load_rules(catalogue) if selection.rules is None else selection.rules
        self.root, self.index_dir, self.catalogue, self.files, self.limit = (
            os.fsencode(root),
            index_dir,
            catalogue,
            files,
            limit,
        )
        self.ids: Ids = np.array(catalogue.ids(), np.int64)
        self.ids_by_number = self._load_ids(keys)
        self._details, self.pages = (
            Details(catalogue),
            PageTasks(
                catalogue,
                self._find_missing,
                lambda path: files.exists(os.path.join(self.root, path)),
                lambda skip: skip.reason in RETRY_REASONS,
            ),
        )
        self.gone: Ids = np.empty(0, np.int64)
        self.excluded: Ids = np.empty(0, np.int64)
        self.left_out: dict[LeavingRule, LeftOutCount] = {}
        self._left_out_paths: set[bytes] = set()
        self._links: set[bytes] = set()
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
        walked = walk_folder(self.root, self.files, frozenset({INDEX_DIR_NAME}), self.rules)
        for count, found in enumerate(walked):
            if isinstance(found, SkippedEntry):
                self.skips.append(SkipRecord(found.path, 0, 0, found.reason, found.detail))
                self.unreadable += [found.path] * found.subtree
                self._links |= {found.path} if found.reason in LINK_REASONS else set()
            elif isinstance(found, LeftOut):
                self._leave_out(found)
            elif not self._is_own_file(found) and not self.leave_aside(found):
                self._compare(found, seen)
            if count % 1000 == 0:
                watch(count)
        db.execute("COMMIT")
        missing = self._drop_unknown(self.ids[~seen])
        self._refuse_leaving_all(seen, missing)
        self._refuse_empty(seen)
        self._find_moves(missing)

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
            detail = self._details.find(known.id)
            ctime_ns, inode = (None, None) if detail is None else (detail.ctime_ns, detail.inode)
            is_same = is_unchanged(known, found, ctime_ns, inode)
            is_same = is_same and not self.selection.reads_again(found.path)
            for page in self.pages.compare(found, detail, is_read=not is_same):
                seen[np.searchsorted(self.ids, page.id)] = True
            if is_same and not lacking:
                self.unchanged += 1
            else:
                self._add_task(found, known.id, known.sha256, lacking)
            return
        skip = self.catalogue.skip_at(found.path)
        if skip is not None and _scan_stays_out(skip, found, again=self.selection.reads_again(found.path)):
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

    def _leave_out(self, found: LeftOut) -> None:
        """Count what a rule leaves out, and remember the paths that the catalogue knows something of."""
        count = self.left_out.get(found.rule, LeftOutCount())
        self.left_out[found.rule] = count.add(is_folder=found.is_folder)
        if found.is_folder or self.catalogue.image_at(found.path) or self.catalogue.skip_at(found.path):
            self._left_out_paths.add(found.path)

    def _is_left_out(self, path: bytes) -> bool:
        """Whether a rule leaves out a file; for a page, its file."""
        path = split_page_path(path)[0]
        return path in self._left_out_paths or any(above in self._left_out_paths for above in _folders_above(path))

    def _refuse_leaving_all(self, seen: NDArray[np.bool_], missing: Ids) -> None:
        """Refuse rules that would take every image out of the collection."""
        if not len(missing) or seen.any() or self.total:
            return
        if not all(self._is_left_out(self.catalogue.image(i).path) for i in missing.tolist()):
            return
        rules = ", ".join(str(rule) for rule in sorted(self.left_out))
        raise UsageError(
            f"these rules leave out all {plural(len(missing), 'image')} of {os.fsdecode(self.root)}: {rules}. Nothing "
            "was changed: take back some of them, or bring files back with --include"
        )

    def is_outdated(self, skip: SkipRecord) -> bool:
        """Whether a skipped file is left out now, lies below a link, or is a link that the walk speaks of no more."""
        if skip.reason is Reason.REMOVED:
            return False
        above = set(_folders_above(skip.path))
        if self._is_left_out(skip.path) or not above.isdisjoint(self._links):
            return True
        return skip.reason in LINK_REASONS and above.isdisjoint(self.unreadable)

    @property
    def has_new_rules(self) -> bool:
        """Whether the rules, or what they left out, are not what the catalogue holds."""
        return load_rules(self.catalogue) != self.rules or load_left_out(self.catalogue) != self.left_out

    def save_rules(self, catalogue: CatalogueWriter) -> None:
        """Store the rules and what they left out, as part of a transaction."""
        save_rules(catalogue, self.rules)
        save_left_out(catalogue, self.left_out)

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
        out = {each.id for each in lost if self._is_left_out(each.path)}
        self.gone, self.excluded = (np.array(sorted(ids), np.int64) for ids in (left - out, left & out))

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
        for page in pages:
            place = path + page.path[len(image.path) :]
            self.moved.append((page.id, place, mtime_ns))
            self.pages.add_moved(page, place, mtime_ns)
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


def _folders_above(path: bytes) -> Iterator[bytes]:
    """Yield the paths of the folders that a path lies in, from the innermost."""
    while path := path.rpartition(b"/")[0]:
        yield path


def _scan_stays_out(skip: SkipRecord, found: FoundFile, *, again: bool) -> bool:
    same = (skip.size, skip.mtime_ns) == (found.size, found.mtime_ns)
    return skip.reason is Reason.REMOVED or (same and skip.reason not in RETRY_REASONS and not again)


def is_unchanged(known: ImageRecord, found: FoundFile, ctime_ns: int | None, inode: int | None) -> bool:
    """Whether a file is as it was when it was read, as far as it can be told without reading it.

    1. Its size and its time of modification are the same, and that time is not so near to the time when it was read
       that it may have been written again within one time stamp.
    2. Its time of change (`ctime`) is the same: no program can set it, so a file that was replaced with its old time
       and size is noticed. It changes too when a file is renamed, linked, restored or given other permissions; then
       the file is read, and found to have the same content.
    3. Where the time of change itself is so near to the time when it was read, its inode is the same. Elsewhere the
       inode has no say: on some file systems it is another one after each mount.

    Parameters
    ----------
    ctime_ns, inode : of the file when it was read; None where the collection does not know them
    """
    if (known.size, known.mtime_ns) != (found.size, found.mtime_ns) or found.mtime_ns >= known.seen_ns - RACY_NS:
        return False
    if ctime_ns is None:
        return True
    if ctime_ns != found.ctime_ns:
        return False
    return inode in (None, found.inode & MAX_INODE) or ctime_ns < known.seen_ns - RACY_NS
