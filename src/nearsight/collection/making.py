"""Making the collection of a folder, and mending it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from nearsight.clock import Clock, SystemClock
from nearsight.collection import check
from nearsight.collection.collection import Collection
from nearsight.collection.compare import OWN_FOLDER
from nearsight.collection.home import home_of, keep_recipes, keep_root, opened, root_of, salvaged, writing
from nearsight.collection.ingest import Ingest, Progress, Settings, Summary, Watch
from nearsight.collection.plan import plans
from nearsight.collection.rows import Problem
from nearsight.errors import UsageError
from nearsight.files import Files, LocalFiles


def index(
    folder: str | Path,
    by: Iterable[str] = (),
    recipe: str | Iterable[str] = (),
    *,
    collection: str | Path | None = None,
    settings: Settings | None = None,
    watch: Watch | None = None,
    files: Files | None = None,
    clock: Clock | None = None,
) -> Collection:
    """Create the collection of a folder, or bring it up to date, and open it.

    Parameters
    ----------
    by : senses to index by; an existing collection keeps its own beside them; `copy` and `colour` where none is named
    recipe : a recipe's text, or several
    collection : where the collection lies, `FOLDER/.nearsight` by default
    watch : is told of the progress

    Raises
    ------
    UsageError : the folder, a sense or a recipe is not there
    ModelError : a recipe's model is not there, or is not what its card says
    LockedError : another process is writing to the collection
    StorageError : the disk refused; what was committed is intact
    """
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise UsageError(f"{folder} is not a folder")
    home = Path(collection).expanduser().resolve() if collection else root / os.fsdecode(OWN_FOLDER)
    files, clock = files or LocalFiles(), clock or SystemClock()
    asked = plans(by, [recipe] if isinstance(recipe, str) else recipe)
    for each in asked:
        each.descriptor.load()
    files.make_folder(home)
    with writing(home, files), opened(home, files) as catalogue:
        keep_root(catalogue, root, home)
        wanted = keep_recipes(catalogue, asked)
        run = Ingest(
            root,
            home,
            catalogue,
            wanted,
            files=files,
            clock=clock,
            watch=watch or _ignore,
            settings=settings or Settings(),
        )
        summary = run.run()
    return Collection(home, files=files, clock=clock, summary=summary)


def repair(
    folder: str | Path = ".",
    *,
    collection: str | Path | None = None,
    settings: Settings | None = None,
    watch: Watch | None = None,
) -> tuple[list[Problem], Summary]:
    """Drop what is damaged, keep what is sound, describe the rest again from the pictures.

    Returns
    -------
    what was dropped, and what the ingest then did
    """
    home = home_of(folder, collection)
    files = LocalFiles()
    root, recipes = salvaged(home)
    with writing(home, files):
        problems = check.repair(home, files)
        with opened(home, files) as catalogue:
            if catalogue.meta("root") is None:
                keep_root(catalogue, root, home)
            with catalogue.transaction():
                for name, text in recipes.items():
                    catalogue.put_recipe(name, text)
            wanted = keep_recipes(catalogue, [])
            run = Ingest(
                root_of(catalogue, home),
                home,
                catalogue,
                wanted,
                files=files,
                clock=SystemClock(),
                watch=watch or _ignore,
                settings=settings or Settings(),
            )
            return problems, run.run()


def _ignore(progress: Progress) -> None:
    """Watch nothing."""
