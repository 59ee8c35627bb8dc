"""Pairs of images of the same thing, from a file, from folders or from the caller."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np

from nearsight.errors import UsageError

BY_FOLDER = "folders"
MAX_PAIRS = 50_000
"""Maximum number of training pairs."""
_SEED = 20181111

Pairs: TypeAlias = "str | Path | Iterable[tuple[str, str]]"
"""Where pairs come from: a CSV file of two columns, `folders`, or the pairs of paths themselves."""


def resolve_pairs(given: Pairs, found: Mapping[bytes, list[bytes]]) -> list[tuple[bytes, bytes]]:
    """Resolve pairs to whole paths, which `found` holds by relative path; at most `MAX_PAIRS`, drawn at random.

    Raises
    ------
    UsageError
        the file cannot be read, a line is no pair, or a path is no image
    """
    if given == BY_FOLDER:
        whole = sorted(path for paths in found.values() for path in paths)
        every = _sample_training_pairs(_pairs_of_folders(whole))
    elif isinstance(given, str | Path):
        every = [_resolve_pair(one, other, found, where) for where, one, other in _iter_lines(Path(given))]
    else:
        every = [_resolve_pair(one, other, found, f"pair {at}") for at, (one, other) in enumerate(given, 1)]
    if not every:
        raise UsageError("there are no pairs of images of the same thing to train on")
    return _sample_training_pairs(every)


def _pairs_of_folders(paths: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Yield all pairs of each folder; large folders are sampled, to some 20 times `MAX_PAIRS` in total."""
    groups: dict[bytes, list[bytes]] = {}
    for path in paths:
        groups.setdefault(os.path.dirname(path), []).append(path)
    rng, made = np.random.default_rng(_SEED), list[tuple[bytes, bytes]]()
    most = int((20 * MAX_PAIRS / max(1, len(groups))) ** 0.5) + 2
    for group in groups.values():
        chosen = group if len(group) <= most else [group[at] for at in np.sort(rng.permutation(len(group))[:most])]
        made += combinations(chosen, 2)
    return made


def _sample_training_pairs(pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    if len(pairs) <= MAX_PAIRS:
        return pairs
    return [pairs[at] for at in np.sort(np.random.default_rng(_SEED).permutation(len(pairs))[:MAX_PAIRS])]


def _iter_lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the position and the two cells of each line of a file."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            rows = csv.reader(file)
            for row in rows:
                if not row:
                    continue
                if len(row) != 2:
                    raise UsageError(f"{path}, line {rows.line_num}: a line is two paths with a comma; got {row}")
                yield f"{path}, line {rows.line_num}", row[0], row[1]
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from None
    except csv.Error as problem:
        raise UsageError(f"{path} is no table of two columns: {problem}") from None


def _resolve_pair(one: str, other: str, found: Mapping[bytes, list[bytes]], where: str) -> tuple[bytes, bytes]:
    first, second = (_resolve_pair_path(each.strip(), found, where) for each in (one, other))
    if first == second:
        raise UsageError(f"{where}: a pair is of two images; got {one} twice")
    return first, second


def _resolve_pair_path(path: str, found: Mapping[bytes, list[bytes]], where: str) -> bytes:
    paths = found.get(os.fsencode(path).removeprefix(b"./"), [])
    if not paths:
        raise UsageError(f"{where}: there is no {path} in these folders; name paths as they are below them")
    if len(paths) > 1:
        raise UsageError(f"{where}: {path} is in several of these folders; train on one of them")
    return paths[0]
