"""Where a collection lies, who may write to it, and what it remembers of itself: its folder and its recipes."""

from __future__ import annotations

import json
import os
import shlex
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nearsight.errors import DamagedError, FormatError, LockedError, StorageError, UsageError
from nearsight.files import FileSystem
from nearsight.pipeline import Pipeline, build_pipelines
from nearsight.senses import DEFAULT_SENSES, SENSES
from nearsight.storage import checksums
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.recipes import sorted_out

INDEX_DIR_NAME = b".nearsight"
LOCK = "write.lock"
WRITER = "writer.json"
HOLDER_TRIES = 50
HOLDER_PAUSE = 0.01
"""Seconds between two looks at who holds the lock: half a second in all."""


def locate(folder: str | Path = ".", collection: str | Path | None = None) -> Path:
    """Where the collection of a folder lies."""
    if collection is not None:
        home = Path(collection).expanduser().resolve()
        if not (home / CATALOGUE_FILE).exists():
            raise UsageError(f"{collection} holds no collection; make one: nearsight index FOLDER --collection {home}")
        return home
    start = Path(folder).expanduser().resolve()
    for place in (start, *start.parents):
        home = place / os.fsdecode(INDEX_DIR_NAME)
        if (home / CATALOGUE_FILE).exists():
            return home
    raise UsageError(f"no collection holds {start}; make one: nearsight index {folder}")


def index_command(root: Path, home: Path, option: str, value: str) -> str:
    """The command that indexes a folder with one option, to be typed as it is."""
    own = home == root / os.fsdecode(INDEX_DIR_NAME)
    words = ["nearsight", "index", str(root), option, value, *([] if own else ["--collection", str(home)])]
    return shlex.join(words)


@contextmanager
def writer_lock(index_dir: Path, files: FileSystem) -> Iterator[None]:
    """Hold the writer's lock. Raises LockedError that names the holder, StorageError on read-only media."""
    lock = FileLock(index_dir / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(
            f"{index_dir} is being written by {_lock_holder(index_dir, files)}; try again when it has finished"
        ) from None
    except OSError as problem:
        raise StorageError(
            f"{index_dir} cannot be written ({problem.strerror}): choose another with --collection"
        ) from None
    try:
        writer = {"pid": os.getpid(), "host": socket.gethostname()}
        files.write_new(index_dir / WRITER, [json.dumps(writer).encode()])
        yield
    except OSError as problem:
        raise StorageError(f"{index_dir}: {problem.strerror or problem}") from problem
    finally:
        with suppress(OSError, StorageError):
            files.remove(index_dir / WRITER)
        lock.release()


def _lock_holder(index_dir: Path, files: FileSystem) -> str:
    """Who holds the lock. It may have it only just now, and say who it is in a moment."""
    for _ in range(HOLDER_TRIES):
        with suppress(OSError, ValueError, KeyError, StorageError):
            writer = json.loads(bytes(files.map(index_dir / WRITER)))
            if _is_alive(int(writer["pid"]), writer["host"]):
                return f"process {writer['pid']} on {writer['host']}"
        time.sleep(HOLDER_PAUSE)
    return "another process"


def _is_alive(pid: int, host: str) -> bool:
    """Whether this may be the writer, rather than one that was killed before."""
    return host != socket.gethostname() or Path(f"/proc/{pid}").exists()


@contextmanager
def open_catalogue(index_dir: Path, files: FileSystem) -> Iterator[CatalogueWriter]:
    """A catalogue to write to, closed at the end; where all went well the checksums of its file are noted."""
    catalogue = CatalogueWriter(index_dir)
    try:
        yield catalogue
        checksums.checkpoint_catalogue(index_dir, catalogue, files)
    finally:
        catalogue.close()


def save_root(catalogue: CatalogueWriter, root: Path, index_dir: Path) -> None:
    """Remember the folder: relative where the collection lies in it, so that both can be moved together."""
    known = catalogue.meta("root")
    wanted = "" if index_dir == root / os.fsdecode(INDEX_DIR_NAME) else str(root)
    if known is None:
        with catalogue.transaction():
            catalogue.put_meta("root", wanted)
    elif known != wanted:
        raise UsageError(
            f"{index_dir} is the collection of {known or index_dir.parent}, not of {root}: use another --collection"
        )


def load_root(catalogue: Catalogue, index_dir: Path) -> Path:
    """The folder of the images."""
    known = catalogue.meta("root")
    if known is None:
        raise FormatError(f"{index_dir} is a half-made collection: run nearsight index again")
    return Path(known) if known else index_dir.parent


def update_recipes(catalogue: CatalogueWriter, requested: list[Pipeline]) -> list[Pipeline]:
    """The plans of a collection: its own and those asked for; the default senses where there are none.

    Recipes of its own that cannot be used stay in it, and have no plan.
    """
    recipes = catalogue.recipes()
    held, _ = sorted_out(recipes)
    known = {each.recipe for each in held}
    new = [each for each in requested if each.recipe not in known or each.name in SENSES]
    if not recipes and not new:
        new = build_pipelines(DEFAULT_SENSES)
    wanted = {each.name: each for each in (*held, *new)}
    texts = recipes | {each.name: each.recipe for each in wanted.values()}
    if recipes != texts:
        with catalogue.transaction():
            for name, text in texts.items():
                catalogue.put_recipe(name, text)
    return list(wanted.values())


def salvage(index_dir: Path) -> tuple[Path, dict[str, str]]:
    """The folder and the recipes of a collection, as far as they can still be read."""
    root, recipes = index_dir.parent, dict[str, str]()
    with suppress(DamagedError), closing(Catalogue(index_dir)) as catalogue:
        root = load_root(catalogue, index_dir)
        recipes = catalogue.recipes()
    return root, recipes
