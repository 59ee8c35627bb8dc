"""Every file of a folder, each either found or skipped with a reason; nothing is dropped in silence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from nearsight.errors import Reason, UsageError
from nearsight.files import Files, kind


@dataclass(frozen=True)
class Found:
    """A regular file: its path below the folder with '/', and the state it was in."""

    path: bytes
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True)
class Skipped:
    """What is not a regular file, or could not be looked at.

    `subtree` says that this is a folder which could not be read: what lies below it is unknown, not gone.
    """

    path: bytes
    reason: Reason
    detail: str = ""
    subtree: bool = False


def walk(root: bytes, files: Files, ignore: frozenset[bytes] = frozenset()) -> Iterator[Found | Skipped]:
    """All files below `root`, in the order of their paths' bytes, which is the same on every run.

    Symbolic links are never followed, so a walk ends. Hidden files count like others; a name in `ignore` is passed
    over with all below it. The walk keeps its own stack: a tree may be deeper than Python's.

    Raises
    ------
    UsageError : when `root` itself cannot be read as a folder
    """
    try:
        stack = [iter(_entries(root, b"", files, ignore))]
    except OSError as error:
        raise UsageError(f"not a folder that can be read: {os.fsdecode(root)!r} ({error.strerror})") from error
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        path, entry = step
        seen = _look(path, entry)
        if seen is not None:
            yield seen
            continue
        try:
            stack.append(iter(_entries(entry.path, path + b"/", files, ignore)))
        except OSError as error:
            yield _lost(path, error, subtree=True)


def _entries(
    folder: bytes, prefix: bytes, files: Files, ignore: frozenset[bytes]
) -> list[tuple[bytes, os.DirEntry[bytes]]]:
    found = [(prefix + entry.name, entry) for entry in files.scan(folder) if entry.name not in ignore]
    return sorted(found, key=_order)


def _order(step: tuple[bytes, os.DirEntry[bytes]]) -> bytes:
    path, entry = step
    try:  # a folder sorts as its contents will: "a.jpg" comes before "a/b.jpg"
        return path + b"/" if entry.is_dir(follow_symlinks=False) else path
    except OSError:
        return path


def _look(path: bytes, entry: os.DirEntry[bytes]) -> Found | Skipped | None:
    """What an entry is; None for a folder."""
    try:
        state = entry.stat(follow_symlinks=False)
    except OSError as error:
        return _lost(path, error, subtree=not _is_file(entry))
    if stat.S_ISREG(state.st_mode):
        return Found(path, state.st_size, state.st_mtime_ns, state.st_ino)
    if stat.S_ISDIR(state.st_mode):
        return None
    if stat.S_ISLNK(state.st_mode):
        return Skipped(path, Reason.LINK, "links are not followed")
    return Skipped(path, Reason.NOT_REGULAR, kind(state.st_mode))


def _is_file(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _lost(path: bytes, error: OSError, *, subtree: bool) -> Skipped:
    gone = isinstance(error, FileNotFoundError | NotADirectoryError)
    return Skipped(path, Reason.VANISHED if gone else Reason.UNREADABLE, error.strerror or "", subtree)
