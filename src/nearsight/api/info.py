"""What a collection says of itself: how many pictures, by what it can be searched, how large it is."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from nearsight.errors import DamagedError, RecipeError, UsageError
from nearsight.files import Files
from nearsight.pipeline import plan
from nearsight.storage import index_store
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.location import root_of
from nearsight.storage.segments import FOLDER
from nearsight.storage.snapshot import Snapshot


def info(home: Path, catalogue: Catalogue, snapshot: Snapshot, files: Files) -> dict[str, Any]:
    """The facts by their names, ready for JSON."""
    return {
        "folder": str(root_of(catalogue, home)),
        "collection": str(home),
        "images": catalogue.count(),
        "skipped": catalogue.skipped(),
        "words": catalogue.noted(),
        "recipes": catalogue.recipes(),
        "indexes": {name: _answers(snapshot, name, text) for name, text in catalogue.recipes().items()},
        "bytes": _bytes(home, files),
        "generation": snapshot.generation,
    }


def _bytes(home: Path, files: Files) -> int:
    """What the collection takes on the disk; files that go meanwhile count nothing."""
    total = 0
    for folder in (home, home / FOLDER, home / index_store.FOLDER):
        for name in files.listdir(folder) if files.exists(folder) else ():
            with suppress(FileNotFoundError):
                total += files.size(folder / name)
    return total


def _answers(snapshot: Snapshot, name: str, text: str) -> str:
    try:
        return snapshot.answers(plan(text, name))
    except RecipeError as problem:
        return f"none: {problem.problem}"
    except (UsageError, DamagedError) as problem:
        return f"none: {problem}"
