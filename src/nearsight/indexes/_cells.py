"""Rows by cell: what `ivf` and `gistis` share. A helper, not a method.

A cell is the set of rows that have the same nearest centroid. What is kept of the rows lies sorted by cell: `ids (n,)
uint32`, `codes (n, B)`, and `starts (cells + 1,) int64`, so a cell is a slice, and all of it can be memory-mapped.
"""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import assigned, kmeans
from nearsight.indexes._first import nearest
from nearsight.indexes.flat import FlatRows
from nearsight.types import Arrays, Floats, Hits, Ids, Index, Metric

FRESH = 1024
"""So many rows may wait uncoded; they are searched exactly."""
_PER_CELL = 64
_PIECE = 512

Nearest: TypeAlias = Callable[[int, NDArray[Any], int], tuple[Floats, NDArray[np.intp] | slice]]
"""`(cell, codes (n, B), count)` to the distances of at least the `count` nearest, and their places in the codes."""


@dataclass(frozen=True)
class CellIndex(Index):
    """An index that looks into the cells nearest to the query. A subclass writes `learn`, `encode` and `asking`."""

    metric: Metric | None = None
    cells: int = 200
    probes: int = 40
    exact_below: int = 20_000

    kept_by: ClassVar[tuple[str, ...]] = ("metric", "cells")

    def __post_init__(self) -> None:
        if not isinstance(self.metric, Metric | None):
            raise ValueError(f"metric is a metric such as L2(), or None; got {self.metric!r}")
        if not 1 <= self.probes <= self.cells:
            raise ValueError(f"probes is 1 to cells ({self.cells}); got {self.probes}")
        if self.exact_below < 0:
            raise ValueError(f"exact_below is 0 or larger; got {self.exact_below}")

    def serves(self, metric: Metric) -> bool:
        """Whether cells can be made for this metric."""
        wanted = self.metric or metric
        return any(
            _flat(wanted, some) is not None for some in (np.zeros((1, 8), np.float32), np.zeros((1, 8), np.uint8))
        )

    @property
    def sample(self) -> int:
        """How many rows `fit` is best given."""
        return _PER_CELL * self.cells

    def fit(self, sample: NDArray[Any], metric: Metric) -> Arrays:
        """Centroids by k-means, and what the subclass learns; fewer cells where the sample is small."""
        rows = _flat(self.metric or metric, sample)
        if rows is None or not len(rows):
            raise ValueError(f"cells are made of rows with a metric such as L2(); got {len(sample)} and {metric!r}")
        count = max(1, min(self.cells, len(rows) // 8))
        centroids = kmeans(rows, count)
        return {"centroids": centroids, **self.learn(rows, centroids, assigned(rows, centroids))}

    def keep(self, ids: Ids, rows: NDArray[Any], metric: Metric, fitted: Arrays) -> Arrays:
        """The codes of these rows, sorted by cell."""
        if len(ids) and int(ids.max()) >> 32:
            raise ValueError(f"ids of cells are below 2^32; got {int(ids.max())}")
        flat = cast(Floats, (self.metric or metric).flattened(rows))
        cells = assigned(flat, fitted["centroids"])
        return _sorted(cells, ids.astype(np.uint32), self.encode(rows, flat, cells, fitted), len(fitted["centroids"]))

    def join(self, kept: Sequence[Arrays], without: Ids) -> Arrays:
        """Several parts as one, without some ids."""
        ids = np.concatenate([part["ids"] for part in kept])
        count = len(kept[0]["starts"]) - 1
        cells = np.concatenate([np.repeat(np.arange(count), np.diff(part["starts"])) for part in kept])
        stays = np.flatnonzero(~np.isin(ids, without))
        order = stays[np.lexsort((ids[stays], cells[stays]))]
        places = np.full(len(ids), -1)
        places[order] = np.arange(len(order))
        codes, start = np.empty((len(order), *kept[0]["codes"].shape[1:]), kept[0]["codes"].dtype), 0
        for part in kept:  # straight into their places: codes are most of what is kept
            to = places[start : start + len(part["ids"])]
            codes[to[to >= 0]] = part["codes"][to >= 0]
            start += len(to)
        return {"ids": ids[order], "codes": codes, "starts": _starts(cells[stays], count)}

    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> CellRows:
        """An index without rows. Raises ValueError where nothing was fitted."""
        if not fitted:
            raise ValueError("this index is fitted before rows are added: empty(metric, fit(sample, metric))")
        ranked = self.metric or metric
        return CellRows(self, ranked, fitted, FlatRows(ranked), tuple(kept))

    @abstractmethod
    def learn(self, rows: Floats, centroids: Floats, cells: NDArray[np.int64]) -> Arrays:
        """What else is fitted on rows `(N, E)` that lie in `cells (N,)`."""

    @abstractmethod
    def encode(self, rows: NDArray[Any], flat: Floats, cells: NDArray[np.int64], fitted: Arrays) -> NDArray[Any]:
        """The codes `(N, B)` of rows `(N, D)`, which are flattened `(N, E)`, in their cells."""

    @abstractmethod
    def asking(self, query: NDArray[Any], flat: Floats, away: Floats, metric: Metric, fitted: Arrays) -> Nearest:
        """How one query `(D,)`, flattened `(E,)`, which is `away (cells,)` from the centroids, is compared."""

    @abstractmethod
    def depth(self, k: int) -> int:
        """How many of the nearest codes are looked at exactly, for k hits."""


@dataclass(frozen=True, eq=False)
class CellRows:
    """Rows by cell in parts, and the rows themselves, which have the last word.

    `fresh` are sorted ids that are in no part yet: they are searched exactly until there are enough to be coded.
    """

    index: CellIndex
    metric: Metric
    fitted: Arrays
    exact: FlatRows
    parts: tuple[Arrays, ...] = ()
    fresh: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.exact)

    def add(self, ids: Ids, rows: NDArray[Any]) -> CellRows:
        """With these rows too. Raises ValueError as `FlatRows.add` does."""
        known = self._coded(ids) & ~np.isin(ids, self.exact.dead)
        more = replace(self, exact=self.exact.add(ids, rows), fresh=np.union1d(self.fresh, ids[~known]))
        return more if len(more.fresh) <= FRESH else more._code()

    def remove(self, ids: Ids) -> CellRows:
        """Without these ids; unknown ones are ignored."""
        return replace(self, exact=self.exact.remove(ids), fresh=np.setdiff1d(self.fresh, ids))

    def search(self, queries: NDArray[Any], k: int, allow: Ids | None = None) -> Hits:
        """The k nearest among the rows of the cells looked into, in the order of the metric itself.

        With `allow`, more cells are looked into, so that as many rows are compared as without it.

        Raises
        ------
        ValueError
            where k is below 1, or the queries are not of the width and dtype of the rows, or not finite
        """
        self.exact.check_query(queries, k)
        if not self.parts or (allow is not None and len(allow) <= max(FRESH, k)):
            return self.exact.search(queries, k, allow)
        keeps, flat = self._filter(allow), cast(Floats, self.metric.flattened(queries))
        fresh = self.fresh if allow is None else np.intersect1d(self.fresh, allow)
        found = []
        for query, straight in zip(queries, flat, strict=True):
            near = self._candidates(query, straight, max(k, 0 if allow is None else self._share), k, keeps)
            found.append(self.exact.search(query[None], k, np.union1d(near, fresh)))
        none = Hits(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
        return Hits(*(np.concatenate([getattr(each, name) for each in (none, *found)]) for name in ("ids", "scores")))

    @property
    def _share(self) -> int:
        """How many rows a query is compared with on the average."""
        return sum(len(part["ids"]) for part in self.parts) * self.index.probes // len(self.fitted["centroids"])

    def _candidates(self, query: NDArray[Any], flat: Floats, enough: int, k: int, keeps: Keeps | None) -> Ids:
        """Ids worth an exact look: the best of at least `probes` cells that hold at least `enough` rows."""
        depth = self.index.depth(k)
        away = np.linalg.norm(self.fitted["centroids"] - flat, axis=1).astype(np.float32)
        compare = self.index.asking(query, flat, away, self.metric, self.fitted)
        order = np.argsort(away, kind="stable")
        distances, ids, seen = [np.empty(0, np.float32)], [np.empty(0, np.uint32)], 0
        for turn, cell in enumerate(order.tolist()):
            if turn >= self.index.probes and seen >= enough:
                break
            for part in self.parts:
                some, codes = _cell(part, cell, keeps)
                if len(some):
                    near, at = compare(cell, codes, min(depth, len(some)))
                    distances.append(near)
                    ids.append(some[at])
                    seen += len(some)
        return np.concatenate(ids)[nearest(np.concatenate(distances), depth, 0, 0)].astype(np.int64)

    def _coded(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of these ids have codes."""
        coded = np.zeros(len(ids), bool)
        for part in self.parts:
            coded |= np.isin(ids, part["ids"], kind="table")
        return coded

    def _code(self) -> CellRows:
        """With a code for every row."""
        positions = self.exact.stored.find(self.fresh)
        ids, start, made = self.exact.stored.ids(positions), 0, []
        for rows in self.exact.stored.rows(positions):
            made.append(self.index.keep(ids[start : start + len(rows)], rows, self.metric, self.fitted))
            start += len(rows)
        nothing = np.empty(0, np.int64)
        parts = stacked(self.index, [*self.parts, self.index.join(made, nothing)], nothing)
        return replace(self, parts=tuple(parts), fresh=nothing)

    def _filter(self, allow: Ids | None) -> Keeps | None:
        """What is left of the ids of a cell; None where all are."""
        if allow is None:
            gone = self._gone
            return (
                (lambda ids: gone[np.minimum(np.searchsorted(gone, ids), len(gone) - 1)] != ids) if len(gone) else None
            )
        top = max(int(part["ids"].max(initial=0)) for part in self.parts)
        table = np.zeros(top + 1, bool)
        table[allow[(allow >= 0) & (allow <= top)]] = True
        table[self._gone] = False
        return lambda ids: table[ids]

    @cached_property
    def _gone(self) -> NDArray[np.uint32]:
        """Sorted ids that have codes and no row."""
        every = np.arange(len(self.exact.stored))
        live = np.setdiff1d(self.exact.stored.ids(every), self.exact.dead, assume_unique=True)
        lost = [part["ids"][~np.isin(part["ids"], live, kind="table")] for part in self.parts]
        return np.unique(np.concatenate(lost)) if lost else np.empty(0, np.uint32)


Keeps: TypeAlias = Callable[[NDArray[np.uint32]], NDArray[np.bool_]]


def stacked(index: Index, parts: Sequence[Arrays], without: Ids) -> list[Arrays]:
    """Parts of falling size: a part is joined with the one before it that is not four times as large."""
    kept = list(parts)
    while len(kept) > 1 and len(kept[-2]["ids"]) < 4 * len(kept[-1]["ids"]):
        kept[-2:] = [index.join(kept[-2:], without)]
    return kept


def _cell(part: Arrays, cell: int, keeps: Keeps | None) -> tuple[NDArray[np.uint32], NDArray[Any]]:
    start, stop = part["starts"][cell : cell + 2].tolist()
    ids, codes = part["ids"][start:stop], part["codes"][start:stop]
    if keeps is None or not len(ids):
        return ids, codes
    stays = keeps(ids)
    return (ids, codes) if stays.all() else (ids[stays], codes[stays])


def _flat(metric: Metric, rows: NDArray[Any]) -> Floats | None:
    """The rows flattened, a piece at a time: on the way some metrics need many times as much memory."""
    try:
        first = metric.flattened(rows[:_PIECE])
    except ValueError:
        return None
    if first is None or len(rows) <= _PIECE or np.shares_memory(first, rows):
        return first if first is None or len(rows) <= _PIECE else metric.flattened(rows)
    shape = (len(rows), first.shape[1])
    with tempfile.TemporaryFile() as file:  # it may be large, and is only read
        flat = np.memmap(file, np.float32, "w+", 0, shape)
    for start in range(0, len(rows), _PIECE):
        flat[start : start + _PIECE] = metric.flattened(rows[start : start + _PIECE])
    return flat


def _sorted(cells: NDArray[np.int64], ids: NDArray[np.uint32], codes: NDArray[Any], count: int) -> Arrays:
    order = np.lexsort((ids, cells))
    return {"ids": ids[order], "codes": codes[order], "starts": _starts(cells, count)}


def _starts(cells: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=count))]).astype(np.int64)
