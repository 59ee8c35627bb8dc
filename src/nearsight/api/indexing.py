"""Creating, updating and repairing the collection of a folder, and training encoders."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from nearsight.api.collection import Collection
from nearsight.clock import Clock, SystemClock
from nearsight.descriptor_chain import DescriptorChain
from nearsight.errors import UsageError
from nearsight.files import FileSystem, FollowingFileSystem, LocalFileSystem
from nearsight.images.ignore_rules import FileRules, relative_glob
from nearsight.images.walk import FoundFile, walk_folder
from nearsight.ingest import words_tables
from nearsight.ingest.run import Ingest, IngestProgress, IngestSettings, IngestSummary, Watch
from nearsight.ingest.scan import USUAL_SELECTION, Selection
from nearsight.ingest.train_encoders import EncoderTrainer
from nearsight.ingest.training_pairs import Pairs, resolve_pairs
from nearsight.metadata.sidecars.words_table import TableColumns, column_names
from nearsight.pipeline import Pipeline, build_pipelines, buildable_pipelines
from nearsight.storage import cache_files, drop_recipes, integrity
from nearsight.storage.catalogue import INDEX_DIR_NAME, locate
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.collection_metadata import (
    open_catalogue,
    salvage_recipes,
    salvage_root,
    save_root,
    update_recipes,
)
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.file_rules import load_rules
from nearsight.storage.lock import writer_lock
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
    exclude: str | Iterable[str] = (),
    include: str | Iterable[str] = (),
    follow_links: bool | None = None,
    reset_rules: bool = False,
    again: bool | str | Path | Iterable[str | Path] = False,
    words_from: str | Path | None = None,
    file_column: str = "",
    text_columns: str | Iterable[str] = (),
    tag_columns: str | Iterable[str] = (),
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
    files: FileSystem | None = None,
    clock: Clock | None = None,
) -> Collection:
    """Create the collection of a folder, or bring it up to date, and open it.

    Parameters
    ----------
    by : senses to index by, in addition to those of an existing collection; `copy` and `colour` by default
    recipe : a recipe's text, or several
    drop : recipes to drop: a sense's name or a recipe's text, or several. Their vectors, index caches and trained
        states are removed, as far as no other recipe uses them; `dropped` counts them. A recipe whose method is not
        installed can be dropped too
    collection : the folder of the index, `FOLDER/.nearsight` by default
    trained : files of `train`, such as a vocabulary, for recipes that need training; without one they are trained on
        the folder. Vectors that were computed with another trained state are computed again
    exclude : patterns of files and folders that are left out, such as `*.png`, `private/` or `/2012/**/raw`, by git's
        rules; an image that was indexed leaves the collection. The collection remembers them, with those of before
    include : patterns of what is taken although a rule or the list of system folders leaves it out, such as `@eaDir`;
        remembered too
    follow_links : whether symbolic links are followed, each folder once; remembered, and False at first
    reset_rules : forget the patterns and `follow_links` of earlier calls
    again : files or folders that are read again although nothing seems changed, by paths relative to the folder or as
        they are; True for all. What has the same content keeps its vectors
    words_from : a table with words about the images, such as a CSV file, in the folder or elsewhere. The collection
        remembers it, with its columns, and reads it again when it has changed; "none" forgets all tables
    file_column : the column of the table that names the images: a path, a file name with or without its ending, or an
        address that ends in one
    text_columns, tag_columns : the columns of captions and of tags, or one text with commas between them; without any
        of them, those with the usual headings
    watch : called with the progress
    files : the file system; one that is given follows links itself, if they are to be followed

    Raises
    ------
    UsageError : the folder, a sense or a recipe does not exist, a file of `trained` is for none of the recipes, or no
        recipe would be left; a pattern is none, the rules would leave out every image, or a path of `again` is not
        there; a table cannot be read or lacks a column
    ModelError : a recipe's model is not installed, or is not what its card says
    LockedError : another process is writing to the collection
    StorageError : the disk refused; what was committed is intact
    """
    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        raise UsageError(f"{folder} is not a folder")
    index_dir = Path(collection).expanduser().resolve() if collection else root / os.fsdecode(INDEX_DIR_NAME)
    new_rules = FileRules().extend(_globs_of(exclude, root), _globs_of(include, root))
    paths_again = _paths_again(again, root)
    given, files, clock = files, files or LocalFileSystem(), clock or SystemClock()
    columns = TableColumns(file_column, column_names(text_columns), column_names(tag_columns))
    table = _table_of(words_from, columns, root, files)
    asked = build_pipelines(by, [recipe] if isinstance(recipe, str) else recipe)
    drop = [drop] if isinstance(drop, str) else list(drop)
    if drop and not files.exists(index_dir / CATALOGUE_FILE):
        raise UsageError(f"{folder} is not indexed yet, so there is nothing to drop")
    for each in asked:
        each.descriptor.load()
    files.make_folder(index_dir)
    with writer_lock(index_dir, files), open_catalogue(index_dir, files) as catalogue:
        trained_state = load_trained_files(
            map(Path, trained), [*asked, *buildable_pipelines(catalogue.recipes().values())]
        )
        save_root(catalogue, root, index_dir)
        before = FileRules() if reset_rules else load_rules(catalogue)
        rules = before.extend(new_rules.exclude, new_rules.include, follow_links)
        if table is not None:
            words_tables.save_table(catalogue, table)
        elif words_from is not None:
            words_tables.forget_tables(catalogue)
        words_tables.check_tables(catalogue, os.fsencode(root), files)
        leaving = drop_recipes.resolve_names(drop, catalogue.recipes(), asked)
        wanted = [each for each in update_recipes(catalogue, asked) if each.name not in leaving]
        dropped = drop_recipes.drop(index_dir, catalogue, files, leaving)
        summary = _ingest_and_train(
            root,
            index_dir,
            catalogue,
            wanted,
            FollowingFileSystem() if rules.follow_links and given is None else files,
            clock,
            watch or _ignore_indexing,
            settings or IngestSettings(),
            trained_state,
            Selection(rules, paths_again),
        )
    return Collection(index_dir, files=files, clock=clock, summary=summary, dropped=dropped)


def _globs_of(globs: str | Iterable[str], root: Path) -> list[str]:
    return [relative_glob(glob, str(root)) for glob in ([globs] if isinstance(globs, str) else globs)]


def _paths_again(again: bool | str | Path | Iterable[str | Path], root: Path) -> frozenset[bytes]:
    """The paths below the folder that are read again; an empty one stands for all."""
    if isinstance(again, bool):
        return frozenset([b""] if again else [])
    return frozenset(_path_below(each, root) for each in ([again] if isinstance(again, str | Path) else again))


def _path_below(path: str | Path, root: Path) -> bytes:
    """A path relative to the folder, from one that is relative to it or to where the user is, or absolute."""
    places = (root / path, Path(path).expanduser())
    found = next((place for place in places if os.path.lexists(place)), None)
    whole = Path(os.path.abspath(found)) if found is not None else None
    for place in () if whole is None else (whole, whole.parent.resolve() / whole.name):
        if place == root or root in place.parents:
            return os.fsencode(place.relative_to(root)) if place != root else b""
    why = f"{root} holds no such file" if whole is None else f"it is not in {root}"
    raise UsageError(f"{path} cannot be read again: {why}")


def _table_of(
    words_from: str | Path | None, columns: TableColumns, root: Path, files: FileSystem
) -> words_tables.WordsTable | None:
    """The table that is to be remembered, if one is. UsageError where it cannot be read or lacks a column."""
    if words_from is None and columns != TableColumns():
        raise UsageError("the columns are those of a table: name it with words_from (--words-from FILE)")
    if words_from is None or str(words_from) == words_tables.FORGET:
        return None
    place = os.fsencode(Path(words_from).expanduser())
    return words_tables.locate_table(place, os.fsencode(root), columns, files)


def _ingest_and_train(
    root: Path,
    index_dir: Path,
    catalogue: CatalogueWriter,
    wanted: list[Pipeline],
    files: FileSystem,
    clock: Clock,
    watch: Watch,
    settings: IngestSettings,
    trained_state: TrainedState,
    selection: Selection = USUAL_SELECTION,
) -> IngestSummary:
    """Ingest with the trained pipelines; then train the others on the stored images, and ingest with all."""

    def run(pipelines: list[Pipeline]) -> IngestSummary:
        return Ingest(
            root,
            index_dir,
            catalogue,
            pipelines,
            files=files,
            clock=clock,
            watch=watch,
            settings=settings,
            selection=selection,
        ).run()

    start = clock.monotonic()
    now = [
        pipeline
        for pipeline in trained_pipelines(wanted, index_dir, catalogue, files)
        if matches_trained_state(pipeline, trained_state)
    ]
    if len(now) == len(wanted):
        return run(now)
    first = run(now)
    known = {pipeline.recipe for pipeline in now}
    lacking = [pipeline for pipeline in wanted if pipeline.recipe not in known]
    if not catalogue.count_images():
        return first
    found = {key: arrays for key, arrays in trained_state.items() if key in map(cache_files.trained_state_key, lacking)}
    lacking = [pipeline for pipeline in lacking if cache_files.trained_state_key(pipeline) not in found]

    def some(count: int) -> list[bytes]:
        chosen = set(catalogue.sample_ids(count))
        return [os.path.join(os.fsencode(root), each.path) for each in catalogue.images() if each.id in chosen]

    found |= _encoder_trainer(files, watch, settings).run(lacking, some)
    old = [entry for entry in catalogue.caches() if entry.key in found]
    cache_files.write_caches(index_dir, catalogue, files, [(key, 0, arrays) for key, arrays in found.items()], old)
    both = first.combine(run(trained_pipelines(wanted, index_dir, catalogue, files)))
    return replace(both, seconds=clock.monotonic() - start)


def _encoder_trainer(files: FileSystem, watch: Watch, settings: IngestSettings) -> EncoderTrainer:
    def report(step: str, done: int, total: int) -> None:
        watch(IngestProgress(step, done, total))

    return EncoderTrainer(files, report, settings.workers, settings.limits, settings.worker_limits)


def train(
    folders: Sequence[str | Path],
    recipe: str | Iterable[str],
    out: str | Path,
    *,
    pairs: Pairs = (),
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
) -> list[str]:
    """Train the encoders of recipes, such as a vocabulary, on folders of images, and write them to a file.

    Parameters
    ----------
    recipe : a recipe's text, or several
    out : the file that is written
    pairs : for encoders that train on images of the same thing: a CSV file of two columns, paths relative to their
        folder; `folders` if the images of each folder show one thing; or the pairs of paths themselves
    watch : called with the progress

    Returns
    -------
    the recipes that were trained, with all defaults

    Raises
    ------
    UsageError : a folder is not there, no recipe needs training, the images have nothing to train on, or pairs are
        missing, wrong, or of no use to these recipes
    StorageError : the file cannot be written
    """
    asked = build_pipelines((), [recipe] if isinstance(recipe, str) else recipe)
    wanted = [each for each in asked if isinstance(each.descriptor, DescriptorChain) and each.descriptor.needs_training]
    if not wanted:
        raise UsageError("these recipes need no training: they can be used as they are")
    if not Path(out).absolute().parent.is_dir():
        raise UsageError(f"{out} cannot be written: {Path(out).absolute().parent} is not a folder")
    paired = any(isinstance(step, Encoder) and step.trains_on_pairs for each in wanted for step in each.embedding_steps)
    if pairs and not paired:
        raise UsageError("none of these recipes trains on pairs; pair_whitening does")
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

    both = resolve_pairs(pairs, found) if pairs else []
    save_trained_state(
        _encoder_trainer(files, watch or _ignore_indexing, settings or IngestSettings()).run(wanted, some, both),
        Path(out),
    )
    return [each.recipe for each in wanted]


def repair(
    folder: str | Path = ".",
    *,
    collection: str | Path | None = None,
    root: str | Path | None = None,
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
) -> tuple[list[Problem], IngestSummary]:
    """Drop what is damaged, keep what is sound, describe the rest again from the images.

    Parameters
    ----------
    root : the folder of the images, needed where the collection lies elsewhere and its record of the folder is lost

    Returns
    -------
    what was dropped, and what the ingest then did

    Raises
    ------
    UsageError : there is no collection, or `root` is needed, is not a folder or is not the folder of this collection
    """
    index_dir = locate(folder, collection)
    files = LocalFileSystem()
    if root is not None and not Path(root).expanduser().is_dir():
        raise UsageError(f"{root} is not a folder")
    images = salvage_root(index_dir, None if root is None else Path(root).expanduser().resolve())
    recipes = salvage_recipes(index_dir)
    with writer_lock(index_dir, files):
        problems = integrity.repair_storage(index_dir, files)
        with open_catalogue(index_dir, files) as catalogue:
            if catalogue.meta("root") is None:
                save_root(catalogue, images, index_dir)
            with catalogue.transaction():
                for name, text in recipes.items():
                    catalogue.put_recipe(name, text)
            wanted = update_recipes(catalogue, [])
            told, how = watch or _ignore_indexing, settings or IngestSettings()
            reading = FollowingFileSystem() if load_rules(catalogue).follow_links else files
            return problems, _ingest_and_train(
                images, index_dir, catalogue, wanted, reading, SystemClock(), told, how, {}
            )


def _ignore_indexing(progress: IngestProgress) -> None:
    """Ignore the progress."""
