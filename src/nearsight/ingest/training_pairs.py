"""Pairs of images of the same thing, as somebody has written them down or sorted them into folders."""

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
MOST = 50_000
"""Pairs that are learnt from, at most."""
_SEED = 20181111

Pairs: TypeAlias = "str | Path | Iterable[tuple[str, str]]"
"""Where pairs come from: a CSV file of two columns, `folders`, or the pairs of paths themselves."""


def pairs_of(given: Pairs, found: Mapping[bytes, list[bytes]]) -> list[tuple[bytes, bytes]]:
    """The pairs of paths; `affine` holds whole paths by those below their folders. At most `MOST`, drawn by chance.

    Raises
    ------
    UsageError
        where the file cannot be read, a line is no pair, or a path is none of an image
    """
    if given == BY_FOLDER:
        whole = sorted(path for paths in found.values() for path in paths)
        every = _some(_of_folders(whole))
    elif isinstance(given, str | Path):
        every = [_pair(one, other, found, where) for where, one, other in _lines(Path(given))]
    else:
        every = [_pair(one, other, found, f"pair {at}") for at, (one, other) in enumerate(given, 1)]
    if not every:
        raise UsageError("there are no pairs of images of the same thing to learn from")
    return _some(every)


def _of_folders(paths: list[bytes]) -> list[tuple[bytes, bytes]]:
    """All pairs of each folder; of large ones so many that all together are some times more than are learnt from."""
    groups: dict[bytes, list[bytes]] = {}
    for path in paths:
        groups.setdefault(os.path.dirname(path), []).append(path)
    rng, made = np.random.default_rng(_SEED), list[tuple[bytes, bytes]]()
    most = int((20 * MOST / max(1, len(groups))) ** 0.5) + 2
    for group in groups.values():
        chosen = group if len(group) <= most else [group[at] for at in np.sort(rng.permutation(len(group))[:most])]
        made += combinations(chosen, 2)
    return made


def _some(pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    if len(pairs) <= MOST:
        return pairs
    return [pairs[at] for at in np.sort(np.random.default_rng(_SEED).permutation(len(pairs))[:MOST])]


def _lines(path: Path) -> Iterator[tuple[str, str, str]]:
    """Of each line of a file where it is, and its two cells."""
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


def _pair(one: str, other: str, found: Mapping[bytes, list[bytes]], where: str) -> tuple[bytes, bytes]:
    first, second = (_whole(each.strip(), found, where) for each in (one, other))
    if first == second:
        raise UsageError(f"{where}: a pair is of two images; got {one} twice")
    return first, second


def _whole(path: str, found: Mapping[bytes, list[bytes]], where: str) -> bytes:
    paths = found.get(os.fsencode(path).removeprefix(b"./"), [])
    if not paths:
        raise UsageError(f"{where}: there is no {path} in these folders; name paths as they are below them")
    if len(paths) > 1:
        raise UsageError(f"{where}: {path} is in several of these folders; learn from one of them")
    return paths[0]
