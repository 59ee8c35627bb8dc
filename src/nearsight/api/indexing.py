"""Making the collection of a folder, and mending it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from nearsight.api.collection import Collection
from nearsight.clock import Clock, SystemClock
from nearsight.encoded import DescriptorChain
from nearsight.errors import UsageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images.walk import FoundFile, walk_folder
from nearsight.ingest.run import Ingest, Progress, Settings, Summary, Watch
from nearsight.ingest.train_encoders import Learner
from nearsight.ingest.training_pairs import Pairs, pairs_of
from nearsight.pipeline import Pipeline, build_pipelines, buildable_pipelines
from nearsight.storage import drop_recipes, index_store, integrity
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.location import (
    INDEX_DIR_NAME,
    load_root,
    locate,
    open_catalogue,
    salvage,
    save_root,
    update_recipes,
    writer_lock,
)
from nearsight.storage.records import Problem
from nearsight.storage.trained_state import (
    TrainedState,
    load_trained_files,
    matches_trained_state,
    save_trained_state,
    trained_pipelines,
)
from nearsight.types import Encoder


def index(
    folder: str | Path,
    by: Iterable[str] = (),
    recipe: str | Iterable[str] = (),
    *,
    drop: str | Iterable[str] = (),
    collection: str | Path | None = None,
    trained: Iterable[str | Path] = (),
    settings: Settings | None = None,
    watch: Watch | None = None,
    files: FileSystem | None = None,
    clock: Clock | None = None,
) -> Collection:
    """Create the collection of a folder, or bring it up to date, and open it.

    Parameters
    ----------
    by : senses to index by; an existing collection keeps its own beside them; `copy` and `colour` where none is named
    recipe : a recipe's text, or several
    drop : recipes that are taken out of the collection: a sense's name or a recipe's text, or several. Their rows go,
        what their indexes keep and what they learnt, as far as no other recipe uses it; `dropped` says how much that
        was. A recipe whose method is not installed can be dropped too
    collection : where the collection lies, `FOLDER/.nearsight` by default
    trained : files of `train`: what recipes need, such as a vocabulary; without them recipes are trained on the folder.
        Vectors that were computed with another file are recomputed
    watch : is told of the progress

    Raises
    ------
    UsageError : the folder, a sense or a recipe is not there, a file of `trained` is for none of the recipes, or no
        recipe would be left
    ModelError : a recipe's model is not there, or is not what its card says
    LockedError : another process is writing to the collection
    StorageError : the disk refused; what was committed is intact
    """
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise UsageError(f"{folder} is not a folder")
    home = Path(collection).expanduser().resolve() if collection else root / os.fsdecode(INDEX_DIR_NAME)
    files, clock = files or LocalFileSystem(), clock or SystemClock()
    asked = build_pipelines(by, [recipe] if isinstance(recipe, str) else recipe)
    drop = [drop] if isinstance(drop, str) else list(drop)
    if drop and not files.exists(home / CATALOGUE_FILE):
        raise UsageError(f"{folder} is not indexed yet, so there is nothing to drop")
    for each in asked:
        each.descriptor.load()
    files.make_folder(home)
    with writer_lock(home, files), open_catalogue(home, files) as catalogue:
        taught = load_trained_files(map(Path, trained), [*asked, *buildable_pipelines(catalogue.recipes().values())])
        save_root(catalogue, root, home)
        leaving = drop_recipes.named(drop, catalogue.recipes(), asked)
        wanted = [each for each in update_recipes(catalogue, asked) if each.name not in leaving]
        dropped = drop_recipes.drop(home, catalogue, files, leaving)
        summary = _ingested(
            root, home, catalogue, wanted, files, clock, watch or _ignore, settings or Settings(), taught
        )
    return Collection(home, files=files, clock=clock, summary=summary, dropped=dropped)


def _ingested(
    root: Path,
    home: Path,
    catalogue: CatalogueWriter,
    wanted: list[Pipeline],
    files: FileSystem,
    clock: Clock,
    watch: Watch,
    settings: Settings,
    taught: TrainedState,
) -> Summary:
    """An ingest by what is ready; then the others learn from the images that are there, and an ingest by all."""

    def run(plans: list[Pipeline]) -> Summary:
        return Ingest(root, home, catalogue, plans, files=files, clock=clock, watch=watch, settings=settings).run()

    start = clock.monotonic()
    now = [plan for plan in trained_pipelines(wanted, home, catalogue, files) if matches_trained_state(plan, taught)]
    if len(now) == len(wanted):
        return run(now)
    first = run(now)
    known = {plan.recipe for plan in now}
    lacking = [plan for plan in wanted if plan.recipe not in known]
    if not catalogue.count_images():
        return first
    found = {key: arrays for key, arrays in taught.items() if key in map(index_store.trained_state_key, lacking)}
    lacking = [plan for plan in lacking if index_store.trained_state_key(plan) not in found]

    def some(count: int) -> list[bytes]:
        chosen = set(catalogue.sample_ids(count))
        return [os.path.join(os.fsencode(root), each.path) for each in catalogue.images() if each.id in chosen]

    found |= _learner(files, watch, settings).run(lacking, some)
    old = [entry for entry in catalogue.caches() if entry.key in found]
    index_store.write_caches(home, catalogue, files, [(key, 0, arrays) for key, arrays in found.items()], old)
    both = first.then(run(trained_pipelines(wanted, home, catalogue, files)))
    return replace(both, seconds=clock.monotonic() - start)


def _learner(files: FileSystem, watch: Watch, settings: Settings) -> Learner:
    def report(step: str, done: int, total: int) -> None:
        watch(Progress(step, done, total))

    return Learner(files, report, settings.workers, settings.limits, settings.worker_limits)


def train(
    folders: Sequence[str | Path],
    recipe: str | Iterable[str],
    out: str | Path,
    *,
    pairs: Pairs = (),
    settings: Settings | None = None,
    watch: Watch | None = None,
) -> list[str]:
    """Train what recipes need, such as a vocabulary, from folders of images, into a file for any collection.

    Parameters
    ----------
    recipe : a recipe's text, or several
    out : the file that is written
    pairs : matching images, for recipes that are trained on pairs: a CSV file of two columns, paths below the folder;
        `folders` where the images of each folder show one thing; or the pairs of paths themselves
    watch : is told of the progress

    Returns
    -------
    the recipes that were trained, with every default written out

    Raises
    ------
    UsageError : a folder is not there, no recipe needs training, the images have no features to train on, or pairs
        are missing, malformed, or of no use to these recipes
    StorageError : the file cannot be written
    """
    asked = build_pipelines((), [recipe] if isinstance(recipe, str) else recipe)
    wanted = [each for each in asked if isinstance(each.descriptor, DescriptorChain) and each.descriptor.needs_training]
    if not wanted:
        raise UsageError("these recipes need no training: use them as they are")
    if not Path(out).absolute().parent.is_dir():
        raise UsageError(f"{out} cannot be written: {Path(out).absolute().parent} is not a folder")
    paired = any(isinstance(step, Encoder) and step.trains_on_pairs for each in wanted for step in each.embedding_steps)
    if pairs and not paired:
        raise UsageError("none of these recipes is trained on pairs; pair_whitening is")
    files, found = LocalFileSystem(), dict[bytes, list[bytes]]()
    for folder in folders:
        if not Path(folder).is_dir():
            raise UsageError(f"{folder} is not a folder")
        root = os.path.realpath(os.fsencode(folder))
        seen = walk_folder(root, files, frozenset({INDEX_DIR_NAME}))
        for each in seen:
            if isinstance(each, FoundFile):
                found.setdefault(each.path, []).append(os.path.join(root, each.path))

    def some(count: int) -> list[bytes]:
        whole = (path for paths in found.values() for path in paths)
        ordered = sorted(whole, key=lambda path: hashlib.sha256(os.path.basename(path)).digest())
        return sorted(ordered[:count])

    both = pairs_of(pairs, found) if pairs else []
    save_trained_state(_learner(files, watch or _ignore, settings or Settings()).run(wanted, some, both), Path(out))
    return [each.recipe for each in wanted]


def repair(
    folder: str | Path = ".",
    *,
    collection: str | Path | None = None,
    settings: Settings | None = None,
    watch: Watch | None = None,
) -> tuple[list[Problem], Summary]:
    """Drop what is damaged, keep what is sound, describe the rest again from the images.

    Returns
    -------
    what was dropped, and what the ingest then did
    """
    home = locate(folder, collection)
    files = LocalFileSystem()
    root, recipes = salvage(home)
    with writer_lock(home, files):
        problems = integrity.repair_storage(home, files)
        with open_catalogue(home, files) as catalogue:
            if catalogue.meta("root") is None:
                save_root(catalogue, root, home)
            with catalogue.transaction():
                for name, text in recipes.items():
                    catalogue.put_recipe(name, text)
            wanted, folder = update_recipes(catalogue, []), load_root(catalogue, home)
            told, how = watch or _ignore, settings or Settings()
            return problems, _ingested(folder, home, catalogue, wanted, files, SystemClock(), told, how, {})


def _ignore(progress: Progress) -> None:
    """Watch nothing."""
