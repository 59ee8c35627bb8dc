"""What encoders learn of a collection's images, vocabularies above all: learnt once, kept beside the rows.

Rows depend on what was learnt: its checksum is a part of their key. Where it is lost, it is learnt again from the same
sample, and where that gives something else, the rows are made anew.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nearsight.encoded import DescriptorChain
from nearsight.errors import DamagedError, StorageError, UsageError
from nearsight.files import FileSystem
from nearsight.pipeline import Pipeline, buildable_pipelines
from nearsight.storage import index_store
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.records import CacheEntry
from nearsight.types import Arrays

TrainedState = dict[str, Arrays]
"""By the plan's key, the arrays of all its encoders; each name begins with the number of its encoder and a slash."""

_READ_ERRORS = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)
"""What NumPy and JSON say of files that are something else."""


def apply_trained_state(pipeline: Pipeline, arrays: Sequence[Arrays] | None) -> Pipeline:
    """The plan with what its encoders have learnt. UsageError where they have not."""
    if arrays is None:
        raise UsageError(f"{pipeline.name} has learnt nothing from these images yet: nearsight index does it")
    assert isinstance(pipeline.descriptor, DescriptorChain)
    return replace(pipeline, descriptor=replace(pipeline.descriptor, trained=tuple(arrays)))


def load_trained_arrays(
    entries: Iterable[CacheEntry], pipeline: Pipeline, folder: Path, files: FileSystem
) -> list[Arrays] | None:
    """What the encoders of a plan have learnt, the newest; None where they have not. DamagedError where it is lost."""
    assert isinstance(pipeline.descriptor, DescriptorChain)
    if not pipeline.descriptor.needs_training:
        return [{} for _ in pipeline.descriptor.encoders]
    entry, _ = index_store.find_entries(entries, index_store.trained_state_key(pipeline))
    if entry is None:
        return None
    return split_by_encoder(pipeline, index_store.read_cache(folder, entry, files))


def split_by_encoder(pipeline: Pipeline, arrays: Arrays) -> list[Arrays]:
    """What was learnt, for each encoder of a plan on its own."""
    assert isinstance(pipeline.descriptor, DescriptorChain)
    made: list[Arrays] = [{} for _ in pipeline.descriptor.encoders]
    for name, array in arrays.items():
        number, _, inner = name.partition("/")
        made[int(number)] = {**made[int(number)], inner: array}
    return made


def matches_trained_state(pipeline: Pipeline, trained: TrainedState) -> bool:
    """Whether a plan has learnt what is given for it, if something is."""
    arrays = trained.get(index_store.trained_state_key(pipeline))
    return arrays is None or apply_trained_state(pipeline, split_by_encoder(pipeline, arrays)).key == pipeline.key


def trained_pipelines(
    pipelines: Iterable[Pipeline], index_dir: Path, catalogue: Catalogue, files: FileSystem
) -> list[Pipeline]:
    """Those of the plans that can describe images, with what they have learnt; what is damaged is as not learnt."""
    entries, found = catalogue.caches(), list[Pipeline]()
    for plan in pipelines:
        try:
            arrays = (
                None
                if plan.is_trained
                else load_trained_arrays(entries, plan, index_dir / index_store.INDEXES_FOLDER, files)
            )
        except DamagedError:
            arrays = None
        if plan.is_trained or arrays is not None:
            found.append(plan if plan.is_trained else apply_trained_state(plan, arrays))
    return found


def vector_keys(recipes: Iterable[str], index_dir: Path, catalogue: Catalogue, files: FileSystem) -> list[str]:
    """The keys of the rows that these recipes search, each once."""
    return list(
        dict.fromkeys(plan.key for plan in trained_pipelines(buildable_pipelines(recipes), index_dir, catalogue, files))
    )


def save_trained_state(trained: TrainedState, path: Path) -> None:
    """Write what was learnt to a file, to be used by other collections. StorageError where that cannot be."""
    keys = list(trained)
    arrays = {f"{keys.index(key)}/{name}": array for key in keys for name, array in trained[key].items()}
    about = np.frombuffer(json.dumps(keys).encode(), np.uint8)
    try:
        with path.open("wb") as file:
            np.savez(file, keys=about, **arrays)  # type: ignore[arg-type]
    except OSError as problem:
        raise StorageError(f"{path} cannot be written: {problem.strerror}") from None


def load_trained_state(path: Path) -> TrainedState:
    """What was learnt, from a file. UsageError where it is none."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            keys = json.loads(stored["keys"].tobytes())
            made: TrainedState = {key: {} for key in keys}
            for name in stored.files:
                number, _, inner = name.partition("/")
                if inner:
                    made[keys[int(number)]] = {**made[keys[int(number)]], inner: stored[name]}
    except _READ_ERRORS as problem:
        raise UsageError(f"{path} is no file of nearsight train: {problem}") from None
    return made


def load_trained_files(paths: Iterable[Path], pipelines: Sequence[Pipeline]) -> TrainedState:
    """What was learnt, from files. UsageError where one is none, or holds nothing that any of these plans needs."""
    made, known = TrainedState(), {index_store.trained_state_key(plan) for plan in pipelines}
    for path in paths:
        held = load_trained_state(path)
        if not known & held.keys():
            names = ", ".join(index_store.recipe_of_key(key) for key in held)
            raise UsageError(f"{path} is for recipes that begin with {names}; none that is asked for does")
        made |= held
    return made
