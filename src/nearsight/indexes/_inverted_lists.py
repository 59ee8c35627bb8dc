"""Rows by cell: what `ivf` and `gistis` share. A helper, not a method.

A cell is the set of rows that have the same nearest centroid. What is kept of the rows lies sorted by cell: `ids (n,)
uint32`, `codes (n, B)`, and `starts (cells + 1,) int64`, so a cell is a slice, and all of it can be memory-mapped.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import kmeans, map_chunks, nearest_centroids
from nearsight.indexes.flat import FlatSearcher, candidates_within_margin
from nearsight.types import Arrays, Floats, Hits, Ids, Index, Metric

MAX_PENDING = 1024
"""So many rows may wait uncoded; they are searched exactly."""
_SAMPLES_PER_CELL = 64

CellScanner: TypeAlias = Callable[[int, NDArray[Any], int], tuple[Floats, NDArray[np.intp] | slice]]
"""`(cell, codes (n, B), count)` to the distances of at least the `count` nearest, and their places in the codes."""


@dataclass(frozen=True)
class CellIndex(Index):
    """An index that scans the cells nearest to the query.

    A subclass writes `train_codes`, `compute_codes`, `make_scanner` and `n_candidates`.
    """

    metric: Metric | None = None
    cells: int = 200
    probes: int = 40
    exact_below: int = 20_000

    cache_params: ClassVar[tuple[str, ...]] = ("metric", "cells")

    def __post_init__(self) -> None:
        if not isinstance(self.metric, Metric | None):
            raise ValueError(f"metric is a metric such as L2(), or None; got {self.metric!r}")
        if not 1 <= self.probes <= self.cells:
            raise ValueError(f"probes is 1 to cells ({self.cells}); got {self.probes}")
        if self.exact_below < 0:
            raise ValueError(f"exact_below is 0 or larger; got {self.exact_below}")

    def supports_metric(self, metric: Metric) -> bool:
        """Metrics with a Euclidean form, in which cells are clustered."""
        return (self.metric or metric).has_euclidean_form

    @property
    def sample_size(self) -> int:
        """How many rows `fit` is best given."""
        return _SAMPLES_PER_CELL * self.cells

    def train(self, sample: NDArray[Any], metric: Metric) -> Arrays:
        """Centroids by k-means, and what the subclass learns; fewer cells where the sample is small."""
        rows = _to_euclidean(self.metric or metric, sample)
        if rows is None or not len(rows):
            raise ValueError(f"cells are made of rows with a metric such as L2(); got {len(sample)} and {metric!r}")
        count = max(1, min(self.cells, len(rows) // 8))
        centroids = kmeans(rows, count)
        return {"centroids": centroids, **self.train_codes(rows, centroids, nearest_centroids(rows, centroids))}

    def encode(self, ids: Ids, rows: NDArray[Any], metric: Metric, fitted: Arrays) -> Arrays:
        """The codes of these rows, sorted by cell."""
        if len(ids) and int(ids.max()) >> 32:
            raise ValueError(f"ids of cells are below 2^32; got {int(ids.max())}")
        flat = cast(Floats, (self.metric or metric).to_euclidean(rows))
        cells = nearest_centroids(flat, fitted["centroids"])
        return _sort_into_lists(
            cells, ids.astype(np.uint32), self.compute_codes(rows, flat, cells, fitted), len(fitted["centroids"])
        )

    def merge(self, kept: Sequence[Arrays], without: Ids) -> Arrays:
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
        return {"ids": ids[order], "codes": codes, "starts": _cell_offsets(cells[stays], count)}

    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> CellSearcher:
        """An index without rows. Raises ValueError where nothing was fitted."""
        if not fitted:
            raise ValueError("this index is fitted before rows are added: empty(metric, fit(sample, metric))")
        ranked = self.metric or metric
        return CellSearcher(self, ranked, fitted, FlatSearcher(ranked), tuple(kept))

    @abstractmethod
    def train_codes(self, vectors: Floats, centroids: Floats, cells: NDArray[np.int64]) -> Arrays:
        """What else is fitted on rows `(N, E)` that lie in `cells (N,)`."""

    @abstractmethod
    def compute_codes(self, rows: NDArray[Any], flat: Floats, cells: NDArray[np.int64], fitted: Arrays) -> NDArray[Any]:
        """The codes `(N, B)` of rows `(N, D)`, which are flattened `(N, E)`, in their cells."""

    @abstractmethod
    def make_scanner(
        self, query: NDArray[Any], euclidean: Floats, centroid_distances: Floats, metric: Metric, trained: Arrays
    ) -> CellScanner:
        """Return the scanner of one query `(D,)`, given its Euclidean form `(E,)` and its distance to each centroid."""

    @abstractmethod
    def n_candidates(self, k: int) -> int:
        """How many of the nearest codes are looked at exactly, for k hits."""


@dataclass(frozen=True, eq=False)
class CellSearcher:
    """Rows by cell in parts, and the rows themselves, which have the last word.

    `pending` are sorted ids that are in no part yet: they are searched exactly until there are enough to be coded.
    """

    index: CellIndex
    metric: Metric
    trained: Arrays
    exact: FlatSearcher
    parts: tuple[Arrays, ...] = ()
    pending: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.exact)

    def add(self, ids: Ids, vectors: NDArray[Any]) -> CellSearcher:
        """With these rows too. Raises ValueError as `FlatRows.add` does."""
        known = self._has_code(ids) & ~np.isin(ids, self.exact.deleted)
        more = replace(self, exact=self.exact.add(ids, vectors), pending=np.union1d(self.pending, ids[~known]))
        return more if len(more.pending) <= MAX_PENDING else more._encode_pending()

    def remove(self, ids: Ids) -> CellSearcher:
        """Without these ids; unknown ones are ignored."""
        return replace(self, exact=self.exact.remove(ids), pending=np.setdiff1d(self.pending, ids))

    def search(self, queries: NDArray[Any], k: int, allow: Ids | None = None) -> Hits:
        """The k nearest among the rows of the cells looked into, in the order of the metric itself.

        With `allow`, more cells are looked into, so that as many rows are compared as without it.

        Raises
        ------
        ValueError
            where k is below 1, or the queries are not of the width and dtype of the rows, or not finite
        """
        self.exact.check_query(queries, k)
        if not self.parts or (allow is not None and len(allow) <= max(MAX_PENDING, k)):
            return self.exact.search(queries, k, allow)
        keeps, flat = self._id_filter(allow), cast(Floats, self.metric.to_euclidean(queries))
        fresh = self.pending if allow is None else np.intersect1d(self.pending, allow)
        found = []
        for query, straight in zip(queries, flat, strict=True):
            near = self._candidates(query, straight, max(k, 0 if allow is None else self._mean_scan_size), k, keeps)
            found.append(self.exact.search(query[None], k, np.union1d(near, fresh)))
        none = Hits(np.empty((0, k), np.int64), np.empty((0, k), np.float32))
        return Hits(*(np.concatenate([getattr(each, name) for each in (none, *found)]) for name in ("ids", "scores")))

    @property
    def _mean_scan_size(self) -> int:
        """How many rows a query is compared with on the average."""
        return sum(len(part["ids"]) for part in self.parts) * self.index.probes // len(self.trained["centroids"])

    def _candidates(
        self, query: NDArray[Any], euclidean: Floats, min_scan_size: int, k: int, id_filter: IdFilter | None
    ) -> Ids:
        """Ids worth an exact look: the best of at least `probes` cells that hold at least `min_scan_size` rows."""
        depth = self.index.n_candidates(k)
        away = np.linalg.norm(self.trained["centroids"] - euclidean, axis=1).astype(np.float32)
        compare = self.index.make_scanner(query, euclidean, away, self.metric, self.trained)
        order = np.argsort(away, kind="stable")
        distances, ids, seen = [np.empty(0, np.float32)], [np.empty(0, np.uint32)], 0
        for turn, cell in enumerate(order.tolist()):
            if turn >= self.index.probes and seen >= min_scan_size:
                break
            for part in self.parts:
                some, codes = _cell_entries(part, cell, id_filter)
                if len(some):
                    near, at = compare(cell, codes, min(depth, len(some)))
                    distances.append(near)
                    ids.append(some[at])
                    seen += len(some)
        return np.concatenate(ids)[candidates_within_margin(np.concatenate(distances), depth, 0, 0)].astype(np.int64)

    def _has_code(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of these ids have codes."""
        coded = np.zeros(len(ids), bool)
        for part in self.parts:
            coded |= np.isin(ids, part["ids"], kind="table")
        return coded

    def _encode_pending(self) -> CellSearcher:
        """With a code for every row."""
        positions = self.exact.vectors.find_positions(self.pending)
        ids, start, made = self.exact.vectors.ids(positions), 0, []
        for rows in self.exact.vectors.iter_vectors(positions):
            made.append(self.index.encode(ids[start : start + len(rows)], rows, self.metric, self.trained))
            start += len(rows)
        nothing = np.empty(0, np.int64)
        parts = compact_parts(self.index, [*self.parts, self.index.merge(made, nothing)], nothing)
        return replace(self, parts=tuple(parts), pending=nothing)

    def _id_filter(self, allow: Ids | None) -> IdFilter | None:
        """What is left of the ids of a cell; None where all are."""
        if allow is None:
            gone = self._deleted_ids
            return (
                (lambda ids: gone[np.minimum(np.searchsorted(gone, ids), len(gone) - 1)] != ids) if len(gone) else None
            )
        top = max(int(part["ids"].max(initial=0)) for part in self.parts)
        table = np.zeros(top + 1, bool)
        table[allow[(allow >= 0) & (allow <= top)]] = True
        table[self._deleted_ids] = False
        return lambda ids: table[ids]

    @cached_property
    def _deleted_ids(self) -> NDArray[np.uint32]:
        """Sorted ids that have codes and no row."""
        every = np.arange(len(self.exact.vectors))
        live = np.setdiff1d(self.exact.vectors.ids(every), self.exact.deleted, assume_unique=True)
        lost = [part["ids"][~np.isin(part["ids"], live, kind="table")] for part in self.parts]
        return np.unique(np.concatenate(lost)) if lost else np.empty(0, np.uint32)


IdFilter: TypeAlias = Callable[[NDArray[np.uint32]], NDArray[np.bool_]]


def compact_parts(index: Index, parts: Sequence[Arrays], without: Ids) -> list[Arrays]:
    """Parts of falling size: a part is joined with the one before it that is not four times as large."""
    kept = list(parts)
    while len(kept) > 1 and len(kept[-2]["ids"]) < 4 * len(kept[-1]["ids"]):
        kept[-2:] = [index.merge(kept[-2:], without)]
    return kept


def _cell_entries(part: Arrays, cell: int, id_filter: IdFilter | None) -> tuple[NDArray[np.uint32], NDArray[Any]]:
    start, stop = part["starts"][cell : cell + 2].tolist()
    ids, codes = part["ids"][start:stop], part["codes"][start:stop]
    if id_filter is None or not len(ids):
        return ids, codes
    stays = id_filter(ids)
    return (ids, codes) if stays.all() else (ids[stays], codes[stays])


def _to_euclidean(metric: Metric, vectors: NDArray[Any]) -> Floats | None:
    """The Euclidean form of vectors; some metrics need many times as much memory on the way, so some at a time."""
    if not metric.has_euclidean_form:
        return None
    first = metric.to_euclidean(vectors[:1])
    if first is not None and np.shares_memory(first, vectors):
        return metric.to_euclidean(vectors)
    return map_chunks(vectors, lambda piece: cast(Floats, metric.to_euclidean(piece)))


def _sort_into_lists(cells: NDArray[np.int64], ids: NDArray[np.uint32], codes: NDArray[Any], n_cells: int) -> Arrays:
    order = np.lexsort((ids, cells))
    return {"ids": ids[order], "codes": codes[order], "starts": _cell_offsets(cells, n_cells)}


def _cell_offsets(cells: NDArray[np.int64], n_cells: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=n_cells))]).astype(np.int64)
