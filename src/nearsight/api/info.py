"""What a collection says of itself: how many images, by what it can be searched, how large it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nearsight.errors import DamagedError, UsageError
from nearsight.files import FileSystem
from nearsight.ingest.words_tables import load_tables
from nearsight.pipeline import Pipeline
from nearsight.storage import cache_files
from nearsight.storage.array_file import SEGMENTS_FOLDER
from nearsight.storage.catalogue import INDEX_DIR_NAME, Catalogue, load_root
from nearsight.storage.details import Details
from nearsight.storage.file_rules import load_left_out, load_rules
from nearsight.storage.recipes import partition_recipes
from nearsight.storage.snapshot import Snapshot


def collection_info(home: Path, catalogue: Catalogue, snapshot: Snapshot, files: FileSystem) -> dict[str, Any]:
    """The facts by their names, ready for JSON."""
    return {
        "folder": str(load_root(catalogue, home)),
        "collection": str(home),
        "images": catalogue.count_images(),
        **Details(catalogue).counts(),
        "skipped": catalogue.skip_counts(),
        "left_out": [{**asdict(rule), **asdict(count)} for rule, count in load_left_out(catalogue).items()],
        "rules": asdict(load_rules(catalogue)),
        "words": catalogue.note_counts(),
        "tables": [os.fsdecode(table.path) for table in load_tables(catalogue)],
        "recipes": catalogue.recipes(),
        "unusable": unusable_recipes(home, catalogue),
        "indexes": _index_details(catalogue.recipes(), snapshot),
        "bytes": _size_on_disk(home, files),
        "generation": snapshot.generation,
    }


def _size_on_disk(home: Path, files: FileSystem) -> int:
    """What the collection takes on the disk; files that go meanwhile count nothing."""
    total = 0
    for folder in (home, home / SEGMENTS_FOLDER, home / cache_files.INDEXES_FOLDER):
        for name in files.listdir(folder) if files.exists(folder) else ():
            with suppress(FileNotFoundError):
                total += files.size(folder / name)
    return total


def unusable_recipes(home: Path, catalogue: Catalogue) -> dict[str, str]:
    """The recipes that cannot be used on this machine: by their names, why and what to do."""
    root = load_root(catalogue, home)
    lacking = partition_recipes(catalogue.recipes())[1]
    return {each.name: each.remedy(index_command(root, home, "--drop", each.name)) for each in lacking}


def _index_details(recipes: Mapping[str, str], snapshot: Snapshot) -> dict[str, str]:
    """Which index answers by each recipe, and why; none where the recipe cannot be used."""
    plans, lacking = partition_recipes(recipes)
    said = {each.name: f"none: {each.problem}" for each in lacking}
    said |= {each.name: _info_details(snapshot, each) for each in plans}
    return {name: said[name] for name in recipes}


def _info_details(snapshot: Snapshot, plan: Pipeline) -> str:
    try:
        return snapshot.index_status(plan)
    except (UsageError, DamagedError) as problem:
        return f"none: {problem}"


def index_command(root: Path, index_dir: Path, option: str, value: str) -> str:
    """Return the shell command that indexes a folder with one option."""
    own = index_dir == root / os.fsdecode(INDEX_DIR_NAME)
    words = ["nearsight", "index", str(root), option, value, *([] if own else ["--collection", str(index_dir)])]
    return shlex.join(words)
