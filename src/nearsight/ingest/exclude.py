"""Images that their user wants out of a collection for good, and back in. The files stay where they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from nearsight.errors import Reason
from nearsight.files import FileSystem
from nearsight.storage.location import open_catalogue, writer_lock
from nearsight.storage.records import SkipRecord


def remove(home: Path, files: FileSystem, paths: Sequence[str]) -> int:
    """Take images out, by path relative to the folder, or whole subfolders; how many were taken out."""
    wanted = _encoded(paths)
    with writer_lock(home, files), open_catalogue(home, files) as catalogue:
        chosen = [each for each in catalogue.images() if _chosen(each.path, wanted)]
        if chosen:
            with catalogue.transaction():
                for each in chosen:
                    catalogue.drop_image(each.id)
                    catalogue.put_skip(SkipRecord(each.path, each.size, each.mtime_ns, Reason.REMOVED, ""))
    return len(chosen)


def restore(home: Path, files: FileSystem, paths: Sequence[str]) -> int:
    """Undo `remove`: the next ingest takes these in again; how many."""
    wanted = _encoded(paths)
    with writer_lock(home, files), open_catalogue(home, files) as catalogue:
        out = [each for each in catalogue.skips() if each.reason is Reason.REMOVED and _chosen(each.path, wanted)]
        if out:
            with catalogue.transaction():
                for each in out:
                    catalogue.drop_skip(each.path)
    return len(out)


def _encoded(paths: Sequence[str]) -> list[bytes]:
    return [os.fsencode(path).removeprefix(b"./").rstrip(b"/") for path in paths]


def _chosen(path: bytes, wanted: Iterable[bytes]) -> bool:
    return any(path == each or path.startswith(each + b"/") for each in wanted)
