"""What encoders learn of a collection's pictures, vocabularies above all: learnt once, kept beside the rows.

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

from nearsight.encoded import Encoded
from nearsight.errors import DamagedError, StorageError, UsageError
from nearsight.files import Files
from nearsight.pipeline import Plan, usable
from nearsight.storage import index_store
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.records import CacheEntry
from nearsight.types import Arrays

Learnt = dict[str, Arrays]
"""By the plan's key, the arrays of all its encoders; each name begins with the number of its encoder and a slash."""

_NO_FILE = (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, zipfile.BadZipFile)
"""What NumPy and JSON say of files that are something else."""


def with_learnt(plan: Plan, arrays: Sequence[Arrays] | None) -> Plan:
    """The plan with what its encoders have learnt. UsageError where they have not."""
    if arrays is None:
        raise UsageError(f"{plan.name} has learnt nothing from these pictures yet: nearsight index does it")
    assert isinstance(plan.descriptor, Encoded)
    return replace(plan, descriptor=replace(plan.descriptor, fitted=tuple(arrays)))


def learnt(entries: Iterable[CacheEntry], plan: Plan, folder: Path, files: Files) -> list[Arrays] | None:
    """What the encoders of a plan have learnt, the newest; None where they have not. DamagedError where it is lost."""
    assert isinstance(plan.descriptor, Encoded)
    if not plan.descriptor.learns:
        return [{} for _ in plan.descriptor.encoders]
    entry, _ = index_store.held(entries, index_store.learnt_key(plan))
    if entry is None:
        return None
    return by_encoder(plan, index_store.read(folder, entry, files))


def by_encoder(plan: Plan, arrays: Arrays) -> list[Arrays]:
    """What was learnt, for each encoder of a plan on its own."""
    assert isinstance(plan.descriptor, Encoded)
    made: list[Arrays] = [{} for _ in plan.descriptor.encoders]
    for name, array in arrays.items():
        number, _, inner = name.partition("/")
        made[int(number)] = {**made[int(number)], inner: array}
    return made


def agrees(plan: Plan, given: Learnt) -> bool:
    """Whether a plan has learnt what is given for it, if something is."""
    arrays = given.get(index_store.learnt_key(plan))
    return arrays is None or with_learnt(plan, by_encoder(plan, arrays)).key == plan.key


def ready(plans: Iterable[Plan], home: Path, catalogue: Catalogue, files: Files) -> list[Plan]:
    """Those of the plans that can describe pictures, with what they have learnt; what is damaged is as not learnt."""
    entries, found = catalogue.caches(), list[Plan]()
    for plan in plans:
        try:
            arrays = None if plan.ready else learnt(entries, plan, home / index_store.FOLDER, files)
        except DamagedError:
            arrays = None
        if plan.ready or arrays is not None:
            found.append(plan if plan.ready else with_learnt(plan, arrays))
    return found


def keys(recipes: Iterable[str], home: Path, catalogue: Catalogue, files: Files) -> list[str]:
    """The keys of the rows that these recipes search, each once."""
    return list(dict.fromkeys(plan.key for plan in ready(usable(recipes), home, catalogue, files)))


def save(learnt: Learnt, path: Path) -> None:
    """Write what was learnt to a file, to be used by other collections. StorageError where that cannot be."""
    keys = list(learnt)
    arrays = {f"{keys.index(key)}/{name}": array for key in keys for name, array in learnt[key].items()}
    about = np.frombuffer(json.dumps(keys).encode(), np.uint8)
    try:
        with path.open("wb") as file:
            np.savez(file, keys=about, **arrays)  # type: ignore[arg-type]
    except OSError as problem:
        raise StorageError(f"{path} cannot be written: {problem.strerror}") from None


def load(path: Path) -> Learnt:
    """What was learnt, from a file. UsageError where it is none."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            keys = json.loads(stored["keys"].tobytes())
            made: Learnt = {key: {} for key in keys}
            for name in stored.files:
                number, _, inner = name.partition("/")
                if inner:
                    made[keys[int(number)]] = {**made[keys[int(number)]], inner: stored[name]}
    except _NO_FILE as problem:
        raise UsageError(f"{path} is no file of nearsight learn: {problem}") from None
    return made


def given(paths: Iterable[Path], plans: Sequence[Plan]) -> Learnt:
    """What was learnt, from files. UsageError where one is none, or holds nothing that any of these plans needs."""
    made, known = Learnt(), {index_store.learnt_key(plan) for plan in plans}
    for path in paths:
        held = load(path)
        if not known & held.keys():
            names = ", ".join(index_store.shown_key(key) for key in held)
            raise UsageError(f"{path} is for recipes that begin with {names}; none that is asked for does")
        made |= held
    return made
