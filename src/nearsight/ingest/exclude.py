"""Images that their user removes from a collection, and restores. The files stay where they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from nearsight.errors import Reason
from nearsight.files import FileSystem
from nearsight.images.pages import split_page_path
from nearsight.storage.collection_metadata import open_catalogue
from nearsight.storage.lock import writer_lock
from nearsight.storage.records import SkipRecord


def remove_images(index_dir: Path, files: FileSystem, paths: Sequence[str]) -> int:
    """Remove images or whole subfolders, by paths relative to the folder; later ingests skip them. Return the count."""
    places = _to_bytes(paths)
    with writer_lock(index_dir, files), open_catalogue(index_dir, files) as catalogue:
        chosen = [each for each in catalogue.images() if _is_below(each.path, places)]
        if chosen:
            with catalogue.transaction():
                for each in chosen:
                    catalogue.drop_image(each.id)
                    catalogue.put_skip(SkipRecord(each.path, each.size, each.mtime_ns, Reason.REMOVED, ""))
    return len(chosen)


def restore_images(index_dir: Path, files: FileSystem, paths: Sequence[str]) -> int:
    """Undo `remove_images`: the next ingest adds these images again. Return the count."""
    places = _to_bytes(paths)
    with writer_lock(index_dir, files), open_catalogue(index_dir, files) as catalogue:
        removed = [each for each in catalogue.skips() if each.reason is Reason.REMOVED and _is_below(each.path, places)]
        if removed:
            with catalogue.transaction():
                for each in removed:
                    catalogue.drop_skip(each.path)
                    if (file := catalogue.image_at(split_page_path(each.path)[0])) is not None:
                        catalogue.details.forget(file.id)  # it is asked for its pages again
    return len(removed)


def _to_bytes(paths: Sequence[str]) -> list[bytes]:
    return [os.fsencode(path).removeprefix(b"./").rstrip(b"/") for path in paths]


def _is_below(path: bytes, places: Iterable[bytes]) -> bool:
    file = split_page_path(path)[0]  # with a file go its pages
    return any(each in (path, file) or path.startswith(each + b"/") for each in places)
