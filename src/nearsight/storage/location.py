"""Where the collection of a folder lies."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from nearsight.errors import FormatError, UsageError
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.database import CATALOGUE_FILE

INDEX_DIR_NAME = b".nearsight"


def locate(folder: str | Path = ".", collection: str | Path | None = None) -> Path:
    """Return the directory of a folder's collection: `collection`, or the nearest `.nearsight` upwards of the folder.

    Raises
    ------
    UsageError
        there is no collection
    """
    if collection is not None:
        index_dir = Path(collection).expanduser().resolve()
        if not (index_dir / CATALOGUE_FILE).exists():
            command = f"nearsight index FOLDER --collection {index_dir}"
            raise UsageError(f"{collection} holds no collection; make one: {command}")
        return index_dir
    start = Path(folder).expanduser().resolve()
    for place in (start, *start.parents):
        index_dir = place / os.fsdecode(INDEX_DIR_NAME)
        if (index_dir / CATALOGUE_FILE).exists():
            return index_dir
    raise UsageError(f"no collection holds {start}; make one: nearsight index {folder}")


def load_root(catalogue: Catalogue, index_dir: Path) -> Path:
    """Return the folder of the images."""
    known = catalogue.meta("root")
    if known is None:
        raise FormatError(f"{index_dir} is a half-made collection: run nearsight index again")
    return Path(known) if known else index_dir.parent


def index_command(root: Path, index_dir: Path, option: str, value: str) -> str:
    """Return the shell command that indexes a folder with one option."""
    own = index_dir == root / os.fsdecode(INDEX_DIR_NAME)
    words = ["nearsight", "index", str(root), option, value, *([] if own else ["--collection", str(index_dir)])]
    return shlex.join(words)
