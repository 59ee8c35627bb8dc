"""How fast the indexes search, and what they miss.

    python -m benchmarks.search [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

1. GIST of 50,000 small images, parts of the bundled photographs or of those of the folder, and of 200 others as
   queries. The vectors are mapped from a file, as in a collection.
2. Every index is built over them and searched with one query at a time, on one core; an index that visits a part of its
   cells (`probes`) with several numbers of them.
3. Its first ten are compared with the exact first ten.
"""

from __future__ import annotations

import dataclasses
import mmap
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import one_core
from nearsight.registry import methods, natural_metric, require_method
from nearsight.types import Descriptor, Ids, Image, Index, Metric, SearchableIndex

DESCRIPTOR = "gist"
ROWS, QUERIES = 50_000, 200
SIDE = 96
FIRST = 10
PROBES = (1, 5, 10, 20, 40)


@dataclass(frozen=True)
class Figures:
    """What was measured of one index: seconds of each query, ids `(Q, 10)`, bytes in memory and mapped from files."""

    queries: list[float]
    ids: Ids
    held: int
    mapped: int


def describe_crops(folder: Path, photos: list[Image], count: int, queries: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows `(count, D)`, mapped from a file, and those of other images `(queries, D)`."""
    descriptor = require_method(DESCRIPTOR)()
    assert isinstance(descriptor, Descriptor)
    crops = images.crops(photos, count + queries, SIDE)
    rows = np.concatenate([descriptor.describe(part) for part in _parts(crops)])
    return map_rows(folder, rows[queries:]), rows[:queries]


def map_rows(folder: Path, rows: NDArray[Any]) -> NDArray[Any]:
    """The rows, mapped from a file, with a file of their ids beside it."""
    np.save(folder / "rows.npy", rows, allow_pickle=False)
    np.save(folder / "ids.npy", np.arange(len(rows), dtype=np.int64), allow_pickle=False)
    found: NDArray[Any] = np.load(folder / "rows.npy", mmap_mode="r", allow_pickle=False)
    return found


def mapped_ids(rows: NDArray[Any]) -> Ids:
    """The ids of the rows, mapped from the file beside theirs, as those of a collection are."""
    path = Path(rows.filename) if isinstance(rows, np.memmap) and rows.filename else None
    if path is None:
        return np.arange(len(rows), dtype=np.int64)
    ids: Ids = np.load(path.with_name("ids.npy"), mmap_mode="r", allow_pickle=False)
    return ids


def _parts(crops: Iterator[Image]) -> Iterator[list[Image]]:
    while part := [crop for _, crop in zip(range(1024), crops, strict=False)]:
        yield part


def variants(index: Index) -> Iterator[tuple[str, Index]]:
    """The index with its defaults; where it has `probes`, with several numbers of them, up to all its cells."""
    if not any(each.name == "probes" for each in dataclasses.fields(index)):  # type: ignore[arg-type]
        yield "", index
        return
    cells = getattr(index, "cells", max(PROBES))
    for probes in sorted({each for each in PROBES if each < cells} | {cells}):
        yield f", {probes} of {cells} cells", dataclasses.replace(index, probes=probes)  # type: ignore[type-var]


def train_index(index: Any, metric: Metric, rows: NDArray[Any]) -> Mapping[str, NDArray[Any]] | None:  # noqa: ANN401
    """What an index learns from a sample of the rows, as large as it likes best; None where it learns nothing."""
    if not index.cache_params:
        return None
    chosen = np.linspace(0, len(rows) - 1, min(index.sample_size, len(rows))).astype(int)
    learnt: Mapping[str, NDArray[Any]] = index.train(np.ascontiguousarray(rows[chosen]), metric)
    return learnt


def build_index(index: Any, metric: Metric, rows: NDArray[Any], learnt: object) -> SearchableIndex:  # noqa: ANN401
    """The index over all rows."""
    empty: SearchableIndex = index.empty(metric) if learnt is None else index.empty(metric, learnt)
    return empty.add(mapped_ids(rows), rows)


def figures(made: SearchableIndex, queries: NDArray[Any]) -> Figures:
    """Ask with each query, count bytes."""
    ids, taken = [], []
    made.search(queries[:1], FIRST)
    for query in queries:
        start = time.perf_counter()
        hits = made.search(query[None], FIRST)
        taken.append(time.perf_counter() - start)
        ids.append(hits.ids[0])
    return Figures(taken, np.stack(ids), *count_bytes(made))


def exact(queries: NDArray[Any], rows: NDArray[Any]) -> Ids:
    """The ids `(Q, 10)` of the nearest rows by Euclidean distance, by a matrix product in double precision."""
    asked = queries.astype(np.float64)
    parts = []
    for start in range(0, len(rows), 5000):
        block = rows[start : start + 5000].astype(np.float64)
        parts.append(np.square(block).sum(1) - 2 * asked @ block.T)
    return np.argsort(np.hstack(parts), axis=1, kind="stable")[:, :FIRST]


def recall(found: Ids, exact: Ids) -> float:
    """The mean over the queries of how many of the exact first ten are among those found, divided by ten."""
    shared = [len(np.intersect1d(mine, right)) for mine, right in zip(found, exact, strict=True)]
    return float(np.mean(shared) / exact.shape[1])


def count_bytes(thing: object) -> tuple[int, int]:
    """The bytes of all arrays that an object holds, each once: in its own memory, and mapped from files."""
    seen: dict[int, NDArray[Any] | mmap.mmap] = {}
    _collect(thing, seen, set())
    own = sum(each.nbytes for each in seen.values() if isinstance(each, np.ndarray))
    mapped = sum(len(each) for each in seen.values() if isinstance(each, mmap.mmap))
    return own, mapped


def _collect(thing: object, seen: dict[int, Any], met: set[int]) -> None:
    """Walk attributes, lists and dictionaries down to the memory that arrays lie in."""
    if id(thing) in met or isinstance(thing, str | bytes | int | float | type):
        return
    met.add(id(thing))
    if isinstance(thing, np.ndarray):
        owner = _owner(thing)
        seen[id(owner)] = owner
    elif isinstance(thing, dict):
        for each in thing.values():
            _collect(each, seen, met)
    elif isinstance(thing, list | tuple | set):
        for each in thing:
            _collect(each, seen, met)
    elif type(thing).__module__.startswith("nearsight."):
        _collect(vars(thing), seen, met)


def _owner(array: NDArray[Any]) -> Any:  # noqa: ANN401
    """What the bytes of an array belong to: an array, or a map of a file."""
    owner: Any = array
    while isinstance(owner, np.ndarray) and owner.base is not None:
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return owner


def index_rows(index: Index, name: str, metric: Metric, rows: NDArray[Any], queries: NDArray[Any]) -> list[list[str]]:
    """The rows of the table for one index."""
    right = exact(queries, rows)
    start = time.perf_counter()
    learnt = train_index(index, metric, rows)
    learning, lines = time.perf_counter() - start, []
    for words, variant in variants(index):
        start = time.perf_counter()
        made = build_index(variant, metric, rows, learnt)
        adding = time.perf_counter() - start
        found = figures(made, queries)
        middle, slow = (1000 * np.percentile(found.queries, share) for share in (50, 99))
        own = count_bytes(learnt)[0]
        sizes = [f"{(found.held - own) / len(rows):,.1f}", f"{own / 1e6:.1f}", f"{found.mapped / len(rows):,.0f}"]
        times = [f"{middle:.2f}", f"{slow:.2f}", f"{learning:.1f}", f"{adding:.1f}"]
        lines.append([f"`{name}`{words}", f"{recall(found.ids, right):.3f}", *times, *sizes])
    return lines


def measure_section(options: Options) -> str:
    """The section's text."""
    count, queries = options.of(ROWS, 500), options.of(QUERIES, 10)
    photos = images.photographs(options.folder)
    lines: list[list[str]] = []
    with tempfile.TemporaryDirectory() as box, one_core():
        rows, asked = describe_crops(Path(box), photos, count, queries)
        descriptor = require_method(DESCRIPTOR)()
        assert isinstance(descriptor, Descriptor)
        metric = natural_metric(descriptor)
        assert isinstance(metric, Metric)
        for name, cls in methods("indexes").items():
            index = cls()
            assert isinstance(index, Index)
            if index.variable_length:
                continue  # visual words have lists of their own
            lines += index_rows(index, name, metric, rows, asked)
        del rows
    return TEXT.format(machine=machine(), count=count, width=descriptor.size, queries=queries, table=table(HEAD, lines))


HEAD = [
    "index",
    "recall@10",
    "ms a query, median",
    "ms a query, 99 %",
    "learning, s",
    "adding, s",
    "bytes an image in memory",
    "fitted, MB in memory",
    "bytes an image mapped",
]
TEXT = """## Searching

Measured on {machine}; pinned to one core, one thread in every library, one query at a time. {count:,} vectors of `gist`
({width} values) of images of at most 96 pixels, which are rotated parts of photographs with changed brightness. The
vectors are mapped from a file, as in a collection; the queries are {queries} other parts.

*recall@10* is the share of the exact first ten (by double-precision distances) that are among the ten found, *learning*
the training on a sample (64 vectors per cell), *adding* what the index does with all vectors. Bytes are those of the
arrays that the index holds: in memory, where what was trained (*fitted*) is counted separately, and mapped from the
files of vectors and ids, which the system reads as it needs them.

{table}
"""

if __name__ == "__main__":
    main("search", __doc__, measure_section)
