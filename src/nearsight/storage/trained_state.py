"""The trained state of encoders, such as vocabularies: trained once per collection, and stored as a cache.

Its checksum is part of the vectors' key. A lost state is trained again on the same sample; if the result differs, the
vectors are computed again.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nearsight.descriptor_chain import DescriptorChain
from nearsight.errors import DamagedError, StorageError, UsageError
from nearsight.files import FileSystem
from nearsight.pipeline import Pipeline, buildable_pipelines
from nearsight.storage import cache_files
from nearsight.storage.array_file import CacheEntry
from nearsight.storage.catalogue import Catalogue
from nearsight.types import Arrays

TrainedState = dict[str, Arrays]
"""Arrays of all encoders by the pipeline's key; each name begins with its encoder's number and a slash."""

_READ_ERRORS = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)
"""What NumPy and JSON raise for other files."""


def apply_trained_state(pipeline: Pipeline, arrays: Sequence[Arrays] | None) -> Pipeline:
    """Return the pipeline with its trained state. UsageError if there is none."""
    if arrays is None:
        raise UsageError(f"{pipeline.name} is not trained on these images yet: run nearsight index")
    assert isinstance(pipeline.descriptor, DescriptorChain)
    return replace(pipeline, descriptor=replace(pipeline.descriptor, trained=tuple(arrays)))


def load_trained_arrays(
    entries: Iterable[CacheEntry], pipeline: Pipeline, folder: Path, files: FileSystem
) -> list[Arrays] | None:
    """Load the newest trained state of a pipeline, by encoder; None if there is none. DamagedError if it is lost."""
    assert isinstance(pipeline.descriptor, DescriptorChain)
    if not pipeline.descriptor.needs_training:
        return [{} for _ in pipeline.descriptor.encoders]
    entry, _ = cache_files.find_entries(entries, cache_files.trained_state_key(pipeline))
    if entry is None:
        return None
    return split_by_encoder(pipeline, cache_files.read_cache(folder, entry, files))


def split_by_encoder(pipeline: Pipeline, arrays: Arrays) -> list[Arrays]:
    """Split a trained state by encoder."""
    assert isinstance(pipeline.descriptor, DescriptorChain)
    made: list[Arrays] = [{} for _ in pipeline.descriptor.encoders]
    for name, array in arrays.items():
        number, _, inner = name.partition("/")
        made[int(number)] = {**made[int(number)], inner: array}
    return made


def matches_trained_state(pipeline: Pipeline, trained: TrainedState) -> bool:
    """Whether a pipeline has the trained state that is given for it, if there is one."""
    arrays = trained.get(cache_files.trained_state_key(pipeline))
    return arrays is None or apply_trained_state(pipeline, split_by_encoder(pipeline, arrays)).key == pipeline.key


def trained_pipelines(
    pipelines: Iterable[Pipeline], index_dir: Path, catalogue: Catalogue, files: FileSystem
) -> list[Pipeline]:
    """Return the pipelines that are trained, with their state; a damaged state counts as none."""
    entries, found = catalogue.caches(), list[Pipeline]()
    for pipeline in pipelines:
        try:
            arrays = (
                None
                if pipeline.is_trained
                else load_trained_arrays(entries, pipeline, index_dir / cache_files.INDEXES_FOLDER, files)
            )
        except DamagedError:
            arrays = None
        if pipeline.is_trained or arrays is not None:
            found.append(pipeline if pipeline.is_trained else apply_trained_state(pipeline, arrays))
    return found


def vector_keys(recipes: Iterable[str], index_dir: Path, catalogue: Catalogue, files: FileSystem) -> list[str]:
    """Keys of the vectors that these recipes search, each once."""
    return list(
        dict.fromkeys(
            pipeline.key for pipeline in trained_pipelines(buildable_pipelines(recipes), index_dir, catalogue, files)
        )
    )


def save_trained_state(trained: TrainedState, path: Path) -> None:
    """Write trained states to a file for other collections. StorageError if it cannot be written."""
    keys = list(trained)
    arrays = {f"{keys.index(key)}/{name}": array for key in keys for name, array in trained[key].items()}
    about = np.frombuffer(json.dumps(keys).encode(), np.uint8)
    try:
        with path.open("wb") as file:
            np.savez(file, keys=about, **arrays)  # type: ignore[arg-type]
    except OSError as problem:
        raise StorageError(f"{path} cannot be written: {problem.strerror}") from None


def load_trained_state(path: Path) -> TrainedState:
    """Load trained states from a file. UsageError if it is another file."""
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
    """Load trained states from files. UsageError if one is another file or serves none of these pipelines."""
    made, known = TrainedState(), {cache_files.trained_state_key(pipeline) for pipeline in pipelines}
    for path in paths:
        held = load_trained_state(path)
        if not known & held.keys():
            names = ", ".join(cache_files.recipe_of_key(key) for key in held)
            raise UsageError(f"{path} is for recipes that begin with {names}; none of the requested recipes does")
        made |= held
    return made
