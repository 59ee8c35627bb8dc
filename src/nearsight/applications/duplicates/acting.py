"""Acting on decisions: duplicates go to the trash, or become links to what is kept. What goes was checked just before.

A file goes only where a person decided that it is a duplicate, where it still is what was decided about, and where an
image that stays was read and is what was decided about, too. A journal says what was done, so that it can be undone.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from nearsight.applications.duplicates.decisions import Decisions
from nearsight.applications.duplicates.trash import find_in_trash, move_to_trash, take_from_trash
from nearsight.errors import StorageError, UsageError
from nearsight.files import TEMPORARY_PREFIX
from nearsight.images.pages import split_page_path
from nearsight.storage.records import DecisionKind, ImageRecord

__all__ = ["ActedFile", "Way", "act", "plan", "restore"]

CHUNK_BYTES = 1 << 20
FICLONE = 0x40049409
"""Linux's request that a file share the data of another one."""
_NO_REFLINK = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV, errno.ENOSYS)
_NO_HARDLINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)
"""What systems say where a file cannot be linked so."""


class Way(StrEnum):
    """What becomes of duplicates."""

    TRASH = "trash"
    HARDLINK = "hardlink"
    REFLINK = "reflink"
    LIST = "list"


@dataclass(frozen=True)
class ActedFile:
    """A file that a person decided is a duplicate, and the one that is kept; `problem` says why it stays, if it does.

    Paths are relative to the folder; `kept` is empty where none is known that stays.
    """

    path: str
    kept: str
    bytes: int
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return dict(vars(self))


def plan(
    root: Path, images: Sequence[ImageRecord], of_several: Collection[int], decisions: Decisions, way: Way
) -> Iterator[ActedFile]:
    """Each file that was decided to be a duplicate, checked on the disk; nothing is changed.

    A file that holds more than its image, as the files of the ids `of_several` do, goes only where the one that is kept
    has the same bytes.
    """
    going, staying = _sides(images, decisions)
    records = {image.id: image for image in images}
    circle = _in_circles(going)
    gone = set(going) - set(staying) - circle
    for image_id in sorted(going, key=lambda each: records[each].path):
        image = records[image_id]
        made = ActedFile(os.fsdecode(image.path), "", image.size)
        if image_id in staying:
            yield replace(made, problem=f"you also decided to keep it beside {os.fsdecode(staying[image_id].path)}")
            continue
        if image_id in circle:
            yield replace(
                made, problem="each of these was decided to be a duplicate of another one: none would be left"
            )
            continue
        kept = [records[each] for each in _reached(image_id, going, gone)]
        if image_id in of_several:
            kept = [each for each in kept if each.sha256 == image.sha256]
            if not kept or split_page_path(image.path)[1] > 1:
                yield replace(made, problem=_HOLDS_MORE)
                continue
        yield _check(root, image, kept, made, way)


_HOLDS_MORE = (
    "its file holds more than this image: other pages or frames, which would go too, or the data of a camera raw; or "
    "that is not known yet: nearsight index"
)


def act(
    root: Path,
    images: Sequence[ImageRecord],
    of_several: Collection[int],
    decisions: Decisions,
    way: Way,
    journal: Path,
) -> Iterator[ActedFile]:
    """Do it: each file is checked again, noted in the journal, and then goes."""
    contents = {os.fsdecode(image.path): image for image in images}
    with journal.open("a", encoding="utf8") as notes:
        for each in plan(root, images, of_several, decisions, way):
            if each.problem or way is Way.LIST:
                yield each
                continue
            path, image = root / each.path, contents[each.path]
            note: dict[str, Any] = {
                "way": way,
                "path": str(path),
                "kept": str(root / each.kept),
                "sha256": image.sha256.hex(),
            }
            note["mtime_ns"] = image.mtime_ns
            _note(notes, {**note, "done": False})
            try:
                place = _replace_or_trash(path, root / each.kept, way)
            except OSError as problem:
                yield replace(each, problem=_os_reason(problem, way))
                continue
            _note(notes, {**note, "done": True, "trashed": place})
            yield each


def restore(journal: Path) -> Iterator[tuple[str, str]]:
    """Undo what a journal notes, the last first: each path, and why it could not be brought back, or nothing.

    What was begun counts too: a run may have been killed before it noted the end, or in the midst of a line.

    Raises
    ------
    UsageError : it is no journal
    """
    try:
        whole = journal.read_text("utf8").rpartition("\n")[0]
        notes = [json.loads(line) for line in whole.splitlines()]
        begun = {str(each["path"]): (Way(each["way"]), each) for each in notes}  # the end replaces the beginning
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"{journal} is no journal of nearsight duplicates apply: {problem}") from None
    for path, (way, note) in reversed(begun.items()):
        yield path, _take_back(Path(path), way, note)


def _take_back(path: Path, way: Way, note: Mapping[str, Any]) -> str:
    """Undo one note; the reason why not, or nothing."""
    try:
        return _undo(path, way, note)
    except OSError as problem:
        return str(problem.strerror or problem)


def _undo(path: Path, way: Way, note: Mapping[str, Any]) -> str:
    if way is Way.TRASH:
        if os.path.lexists(path):
            return "" if _has_content(path, bytes.fromhex(note["sha256"])) else "another file is there now"
        place = Path(note["trashed"]) if note.get("trashed") else find_in_trash(path)
        if place is None or not _has_content(place, bytes.fromhex(note["sha256"])):
            return "it is not in the trash as it was put there: restore it by your desktop"
        take_from_trash(place, path)
        return ""
    if not _has_content(path, bytes.fromhex(note["sha256"])):
        return "the file that is there now is another one"
    _put_in_place(path, lambda new: shutil.copyfile(path, new))
    os.utime(path, ns=(path.stat().st_atime_ns, int(note["mtime_ns"])))
    return ""


def _sides(images: Sequence[ImageRecord], decisions: Decisions) -> tuple[dict[int, set[int]], dict[int, ImageRecord]]:
    """By id, what is kept for each duplicate, and beside what each of those stays that are to be kept both."""
    going, staying = defaultdict[int, set[int]](set), dict[int, ImageRecord]()
    for decision, firsts, others in decisions.among(images):
        if decision.kind is DecisionKind.DUPLICATE:
            for image in firsts:
                going[image.id] |= {other.id for other in others}
        elif decision.kind is DecisionKind.KEEP_BOTH:
            staying |= dict.fromkeys((image.id for image in firsts), others[0])
            staying |= dict.fromkeys((image.id for image in others), firsts[0])
    return dict(going), staying


def _in_circles(going: Mapping[int, set[int]]) -> set[int]:
    """The duplicates of which no image is kept, as each is a duplicate of another one of them."""
    left = set(going)
    while True:
        safe = {image for image in left if going[image] - left}
        if not safe:
            return left
        left -= safe


def _reached(image: int, going: Mapping[int, set[int]], gone: set[int]) -> list[int]:
    """The images that stay of those that an image is a duplicate of, also by way of others that go; nearest first."""
    found, seen, waiting = list[int](), {image}, sorted(going[image])
    while waiting:
        each = waiting.pop(0)
        if each in seen:
            continue
        seen.add(each)
        if each in gone:
            waiting += sorted(going[each])
        else:
            found.append(each)
    return found


def _check(root: Path, image: ImageRecord, kept: Sequence[ImageRecord], made: ActedFile, way: Way) -> ActedFile:
    """The file with the first of those to keep that is on the disk as it was, or with the reason why it stays."""
    path = root / os.fsdecode(image.path)
    kept = [each for each in kept if split_page_path(each.path)[1] == 1 or (root / os.fsdecode(each.path)).exists()]
    if not kept:
        return replace(made, problem="what is to be kept is a page or frame of a file: keep a file instead")
    if not _has_content(path, image.sha256):
        return replace(made, problem="it is gone, or was changed since it was indexed")
    for other in kept:
        other_path = root / os.fsdecode(other.path)
        made = replace(made, kept=os.fsdecode(other.path))
        if not _has_content(other_path, other.sha256):
            problem = "the image to keep is gone, or was changed since it was indexed"
        elif _is_same_entry(path, other_path):
            problem = "it is the file to keep, by another path"
        elif way in (Way.HARDLINK, Way.REFLINK) and image.sha256 != other.sha256:
            problem = "its bytes are not those of the image to keep, which a link would put in its place"
        elif way is Way.HARDLINK and os.path.samefile(path, other_path):
            problem = "it is linked already"
        else:
            return replace(made, problem="")
        made = replace(made, problem=problem)
    return made


def _is_same_entry(path: Path, other: Path) -> bool:
    """Whether two paths lead to one entry of one folder: by a symbolic link, a mount, or another case of letters."""
    if os.path.realpath(path) == os.path.realpath(other):
        return True
    return os.path.samefile(path, other) and path.stat().st_nlink == 1


def _has_content(path: Path, sha256: bytes) -> bool:
    """Whether a file can be read and has this SHA-256."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(CHUNK_BYTES):
                digest.update(block)
    except OSError:
        return False
    return digest.digest() == sha256


def _replace_or_trash(path: Path, kept: Path, way: Way) -> str:
    """Let a file go; where in the trash it is, as far as that is known."""
    if way is Way.TRASH:
        move_to_trash(path)
        place = find_in_trash(path)
        return "" if place is None else str(place)
    if way is Way.HARDLINK:
        _put_in_place(path, lambda new: os.link(kept, new), keeps_times=False)
    else:
        _put_in_place(path, lambda new: _share_data(kept, new))
    return ""


def _put_in_place(path: Path, make: Any, *, keeps_times: bool = True) -> None:  # noqa: ANN401
    """Put a new file in the place of another one, which stays as it is where that fails."""
    new = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
    try:
        make(new)
        if keeps_times:
            shutil.copystat(path, new)
        os.replace(new, path)
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)


def _share_data(source: Path, target: Path) -> None:
    """A new file that shares its data with another one until either is changed (FICLONE of Linux)."""
    try:
        import fcntl
    except ImportError:
        raise OSError(errno.EOPNOTSUPP, "not on this system") from None
    with source.open("rb") as shared, target.open("xb") as file:
        fcntl.ioctl(file.fileno(), FICLONE, shared.fileno())


def _os_reason(problem: OSError, way: Way) -> str:
    """What the system said, and what helps."""
    if way is Way.REFLINK and problem.errno in (
        errno.EOPNOTSUPP,
        errno.ENOTTY,
        errno.EINVAL,
        errno.EXDEV,
        errno.ENOSYS,
    ):
        return "files cannot share data here (reflink): btrfs, XFS and a few others can; use trash or hardlink"
    if way is Way.HARDLINK and problem.errno in _NO_HARDLINK:
        return f"it cannot be linked to the image to keep ({problem.strerror}): use trash"
    return str(problem.strerror or problem)


def _note(notes: Any, note: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Write a line of the journal; it is on the disk before anything is done."""
    try:
        notes.write(json.dumps(note) + "\n")
        notes.flush()
        os.fsync(notes.fileno())
    except OSError as problem:
        raise StorageError(f"the journal cannot be written ({problem}); nothing more was done") from problem
