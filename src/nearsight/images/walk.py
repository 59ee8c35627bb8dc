"""Every file of a folder, each either found or skipped with a reason; nothing is dropped in silence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from nearsight.errors import Reason, UsageError
from nearsight.files import FileSystem, file_kind


@dataclass(frozen=True)
class FoundFile:
    """A regular file: its path below the folder with '/', and the state it was in."""

    path: bytes
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class SkippedEntry:
    """What is not a regular file, or could not be looked at.

    `subtree` says that this is a folder which could not be read: what lies below it is unknown, not gone.
    """

    path: bytes
    reason: Reason
    detail: str = ""
    subtree: bool = False


def walk_folder(
    root: bytes, files: FileSystem, ignore: frozenset[bytes] = frozenset()
) -> Iterator[FoundFile | SkippedEntry]:
    """All files below `root`, in the order of their paths' bytes, which is the same on every run.

    Symbolic links are never followed, so a walk ends. Hidden files count like others; a name in `ignore` is passed
    over with all below it. The walk keeps its own stack: a tree may be deeper than Python's.

    Raises
    ------
    UsageError : when `root` itself cannot be read as a folder
    """
    try:
        stack = [iter(_list_in_order(root, b"", files, ignore))]
    except OSError as error:
        raise UsageError(f"not a folder that can be read: {os.fsdecode(root)!r} ({error.strerror})") from error
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
            continue
        path, entry = step
        seen = _classify(path, entry)
        if seen is not None:
            yield seen
            continue
        try:
            stack.append(iter(_list_in_order(entry.path, path + b"/", files, ignore)))
        except OSError as error:
            yield _skip_unreadable(path, error, subtree=True)


def _list_in_order(
    folder: bytes, prefix: bytes, files: FileSystem, ignore: frozenset[bytes]
) -> list[tuple[bytes, os.DirEntry[bytes]]]:
    found = [(prefix + entry.name, entry) for entry in files.scan(folder) if entry.name not in ignore]
    return sorted(found, key=_sort_key)


def _sort_key(step: tuple[bytes, os.DirEntry[bytes]]) -> bytes:
    path, entry = step
    try:  # a folder sorts as its contents will: "a.jpg" comes before "a/b.jpg"
        return path + b"/" if entry.is_dir(follow_symlinks=False) else path
    except OSError:
        return path


def _classify(path: bytes, entry: os.DirEntry[bytes]) -> FoundFile | SkippedEntry | None:
    """What an entry is; None for a folder."""
    try:
        state = entry.stat(follow_symlinks=False)
    except OSError as error:
        return _skip_unreadable(path, error, subtree=not _is_file(entry))
    if stat.S_ISREG(state.st_mode):
        return FoundFile(path, state.st_size, state.st_mtime_ns)
    if stat.S_ISDIR(state.st_mode):
        return None
    if stat.S_ISLNK(state.st_mode):
        return SkippedEntry(path, Reason.LINK, "links are not followed")
    return SkippedEntry(path, Reason.NOT_REGULAR, file_kind(state.st_mode))


def _is_file(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _skip_unreadable(path: bytes, error: OSError, *, subtree: bool) -> SkippedEntry:
    gone = isinstance(error, FileNotFoundError | NotADirectoryError)
    return SkippedEntry(path, Reason.VANISHED if gone else Reason.UNREADABLE, error.strerror or "", subtree)
