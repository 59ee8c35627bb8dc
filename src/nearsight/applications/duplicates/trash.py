"""The desktop's trash: what goes there, and where it lies, where the system says so.

References
----------
The FreeDesktop.org Trash specification 1.0: files in `files`, and for each a `.trashinfo` with where it was in `info`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

__all__ = ["find_in_trash", "move_to_trash", "take_from_trash"]

_INFO_SUFFIX = ".trashinfo"


def move_to_trash(path: Path) -> None:
    """Put a file into the trash. OSError where the system refuses."""
    from send2trash import send2trash  # type: ignore[import-untyped,unused-ignore]

    send2trash(os.fspath(path))


def find_in_trash(path: Path) -> Path | None:
    """Where a file lies that was last put into the trash from this path; None where the system does not say."""
    wanted, found = os.path.abspath(path), list[tuple[int, Path]]()
    for trash, top in _trash_folders(path):
        for info in (trash / "info").glob(f"*{_INFO_SUFFIX}"):
            file = trash / "files" / info.name.removesuffix(_INFO_SUFFIX)
            if file.exists() and _original_path(info, top) == wanted:
                found.append((info.stat().st_mtime_ns, file))
    return max(found)[1] if found else None


def take_from_trash(place: Path, path: Path) -> None:
    """Move a file from the trash to where it was. OSError where that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(place, path)
    (place.parent.parent / "info" / f"{place.name}{_INFO_SUFFIX}").unlink(missing_ok=True)


def _trash_folders(path: Path) -> Iterator[tuple[Path, Path]]:
    """The trashes that may hold a file, each with the folder that paths in it are relative to."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    yield data / "Trash", data
    if not hasattr(os, "getuid"):
        return
    top = path.parent.resolve()
    while not top.is_mount():
        top = top.parent
    yield top / ".Trash" / str(os.getuid()), top
    yield top / f".Trash-{os.getuid()}", top


def _original_path(info: Path, top: Path) -> str | None:
    """The path that a `.trashinfo` names."""
    try:
        lines = info.read_text("utf8", "surrogateescape").splitlines()
    except OSError:
        return None
    named = next((line.removeprefix("Path=") for line in lines if line.startswith("Path=")), None)
    return None if named is None else os.path.abspath(top / unquote(named, errors="surrogateescape"))
