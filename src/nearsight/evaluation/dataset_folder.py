"""What lies in the folder of a data set: its images by name, its lists, and clear words where something lacks."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import LocalFileSystem

__all__ = ["ImageNames", "find_first", "list_images", "list_subfolders", "read_list_bytes"]

IMAGE_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".heic", ".heif", ".avif", ".jp2"),
    )
)
"""What the name of an image ends with."""

LIST_LIMIT = 64 << 20
"""The largest list that is read, in bytes."""


def list_images(folder: Path) -> tuple[str, ...]:
    """The images below a folder by their names relative to it, with slashes, sorted; hidden folders are left out.

    Raises
    ------
    UsageError
        where it is not a folder
    """
    found, waiting = list[str](), [folder]
    while waiting:
        below = waiting.pop()
        for entry in _scan_dataset_folder(below):
            name = os.fsdecode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                waiting += [below / name] * (not name.startswith("."))
            elif Path(name).suffix.lower() in IMAGE_SUFFIXES:
                found.append((below / name).relative_to(folder).as_posix())
    return tuple(sorted(found))


def list_subfolders(folder: Path) -> list[str]:
    """The names of the folders in a folder, sorted; hidden ones are left out."""
    names = (os.fsdecode(entry.name) for entry in _scan_dataset_folder(folder) if entry.is_dir(follow_symlinks=False))
    return sorted(name for name in names if not name.startswith("."))


def find_first(data: Path, choices: Iterable[str], what: str) -> Path:
    """The first of some files or folders that is in the data folder.

    Raises
    ------
    UsageError
        where none is, with all names that would do
    """
    choices = list(choices)
    if not data.exists():
        raise UsageError(f"{data} is not there: --data takes the folder of the data set")
    for name in choices:
        if (data / name).exists():
            return data / name
    raise UsageError(f"{data} lacks {what}: expected {' or '.join(choices)} in it")


def read_list_bytes(path: Path) -> bytes:
    """The bytes of a list, which may be none. Raises UsageError where it cannot be read."""
    try:
        return LocalFileSystem().read(os.fsencode(path.resolve()), LIST_LIMIT)[0]
    except ImageError as problem:
        if problem.reason is Reason.EMPTY:
            return b""
        raise UsageError(f"{path} cannot be read: {problem}") from None


class ImageNames:
    """Finds images by what a list calls them: their name, with or without folders and ending."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by: dict[str, set[str]] = {}
        for name in names:
            path = Path(name)
            for key in {name, path.with_suffix("").as_posix(), path.name, path.stem}:
                self._by.setdefault(key, set()).add(name)

    def find(self, name: str, where: Path) -> str:
        """The image of this name; UsageError where there is none, or more than one.

        An image that a list names as it is wins over others that only look like it.
        """
        found = self._by.get(name, set())
        if name in found:
            return name
        if len(found) != 1:
            rest = f"{len(found)} images are called so: {', '.join(sorted(found)[:3])}" if found else "there is none"
            raise UsageError(f'{where} names the image "{name}", but {rest}')
        return next(iter(found))


def _scan_dataset_folder(folder: Path) -> list[os.DirEntry[bytes]]:
    try:
        return LocalFileSystem().scan(os.fsencode(folder))
    except OSError as problem:
        raise UsageError(f"{folder} cannot be listed: {problem.strerror}") from None
