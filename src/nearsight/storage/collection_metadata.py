"""What a collection stores about itself: the folder of its images and its recipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from nearsight.errors import DamagedError, UsageError
from nearsight.files import FileSystem
from nearsight.pipeline import Pipeline, build_pipelines
from nearsight.senses import DEFAULT_SENSES, SENSES, required_senses
from nearsight.storage.catalogue import INDEX_DIR_NAME, Catalogue, load_root
from nearsight.storage.catalogue_checksums import checkpoint_catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.recipes import partition_recipes


@contextmanager
def open_catalogue(index_dir: Path, files: FileSystem) -> Iterator[CatalogueWriter]:
    """Open a catalogue for writing. When the block succeeds, its log is folded in and its checksums are written."""
    catalogue = CatalogueWriter(index_dir)
    try:
        yield catalogue
        checkpoint_catalogue(index_dir, catalogue, files)
    finally:
        catalogue.close()


def save_root(catalogue: CatalogueWriter, root: Path, index_dir: Path) -> None:
    """Store the folder: empty where the collection lies in it as `.nearsight`, so that both can be moved together.

    Raises
    ------
    UsageError
        the collection is another folder's
    """
    known = catalogue.meta("root")
    wanted = "" if index_dir == root / os.fsdecode(INDEX_DIR_NAME) else str(root)
    if known is None:
        with catalogue.transaction():
            catalogue.put_meta("root", wanted)
    elif known != wanted:
        raise UsageError(
            f"{index_dir} is the collection of {known or index_dir.parent}, not of {root}: use another --collection"
        )


def update_recipes(catalogue: CatalogueWriter, requested: list[Pipeline]) -> list[Pipeline]:
    """Store the requested recipes; return the pipelines of all, of the default senses where there are none.

    Those of the senses that others require are stored too.

    Stored recipes that cannot be used here stay stored, and have no pipeline.
    """
    recipes = catalogue.recipes()
    stored, _ = partition_recipes(recipes)
    known = {each.recipe for each in stored}
    new = [each for each in requested if each.recipe not in known or each.name in SENSES]
    if not recipes and not new:
        new = build_pipelines(DEFAULT_SENSES)
    asked = {each.name: each for each in (*stored, *new)}
    required = build_pipelines(sense for name in asked for sense in required_senses(name))
    wanted = asked | {each.name: each for each in required if each.name not in asked}
    texts = recipes | {each.name: each.recipe for each in wanted.values()}
    if recipes != texts:
        with catalogue.transaction():
            for name, text in texts.items():
                catalogue.put_recipe(name, text)
    return list(wanted.values())


def salvage_root(index_dir: Path, folder: Path | None) -> Path:
    """Return the folder of a collection that may be damaged; `folder` is what its user says.

    A folder is never guessed: an ingest of a wrong one takes every image out of the collection. A directory that is
    called `.nearsight` lies in its folder; for any other one whose record is lost, the user has to say.

    Raises
    ------
    UsageError
        the record is lost and no folder is given, or the record names another folder
    """
    known: Path | None = None
    with suppress(DamagedError), closing(Catalogue(index_dir)) as catalogue:
        if catalogue.meta("root") is not None:
            known = load_root(catalogue, index_dir)
    if known is None and folder is None and index_dir.name == os.fsdecode(INDEX_DIR_NAME):
        known = index_dir.parent
    if known is None and folder is None:
        raise UsageError(
            f"the record of the folder that {index_dir} indexes is damaged: name the folder of the images, "
            f"nearsight repair --collection {index_dir} --folder FOLDER"
        )
    if known is not None and folder is not None and known != folder:
        raise UsageError(f"{index_dir} is the collection of {known}, not of {folder}: leave out --folder")
    return known or folder or index_dir.parent


def salvage_recipes(index_dir: Path) -> dict[str, str]:
    """Return the recipes of a collection that may be damaged, as far as they can be read."""
    with suppress(DamagedError), closing(Catalogue(index_dir)) as catalogue:
        return catalogue.recipes()
    return {}
