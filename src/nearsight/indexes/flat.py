"""The exact index: every row is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.indexes.blocks import Block, Blocks
from nearsight.metrics.cosine import Cosine
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.l2 import L2
from nearsight.types import NO_ID, Arrays, Floats, Hits, Ids, Index, Metric

First: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]

_kernels: Any = faiss  # its stubs leave these functions out
_FIRST_DISTANCES = 1 << 22
_FIRST_MEASURED = 16
_ROUNDING = (1e-5, 1e-6)


@dataclass(frozen=True)
class Flat(Index):
    """Looks at every row: exact, no training, fast enough for some hundred thousand pictures.

    1. A first distance to every row that is neither removed nor left out by `allow` is computed in single precision.
    2. All rows that could be among the k nearest within its rounding error are measured again by the metric itself.
    3. They are ordered by that distance, equal ones by their id.

    A costly metric that offers a lower bound, such as `emd`, measures rows in the order of that bound, and only until
    none of the rest can be among the k nearest.

    So the answer is that of the metric, whatever the order in which rows came, and filters never cost a hit.

    Parameters
    ----------
    metric : what to rank by; None for the descriptor's natural metric

    Returns
    -------
    Hits of `ids (Q, k) int64` and `scores (Q, k) float32`; a score is minus the distance

    Raises
    ------
    ValueError
        where k is below 1, an id comes twice, or rows differ in width or dtype from those in the index

    References
    ----------
    M. Douze et al., The Faiss Library, 2024, doi:10.48550/arXiv.2401.08281.

    Notes
    -----
    Departures: the library's single kernels are used, not its index, whose order among equal distances depends on
    how many are asked for.

    Examples
    --------
    >>> rows = Flat().empty(L2()).add(np.array([7, 8, 9]), np.float32([[0, 0], [3, 4], [1, 0]]))
    >>> hits = rows.search(np.float32([[0, 0]]), k=2)
    >>> hits.ids.tolist(), hits.scores.tolist()
    ([[7, 9]], [[0.0, -1.0]])
    """

    metric: Metric | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.metric, Metric | None):
            raise ValueError(f"metric is a metric such as L2(), or None; got {self.metric!r}")

    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> FlatRows:
        """An index without rows that ranks by this index's metric, or where it has none by `metric`."""
        return FlatRows(self.metric or metric)


@dataclass(frozen=True, eq=False)
class FlatRows:
    """Rows in blocks, and the ids among them that were removed, sorted. Adding and removing share the blocks."""

    metric: Metric
    stored: Blocks = field(default_factory=Blocks)
    dead: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.stored) - len(self.dead)

    def add(self, ids: Ids, rows: NDArray[Any]) -> FlatRows:
        """With these rows `(N, D)` too, float32 or uint8; they are kept as they are, without a copy.

        Raises
        ------
        ValueError
            where an id is there already or comes twice, or rows are not of the width and dtype of the others
        """
        if rows.ndim != 2 or ids.shape != (len(rows),):
            raise ValueError(f"rows are (N, D) with ids (N,); got {rows.shape} and {ids.shape}")
        self._check(rows)
        self.metric.distances(rows[:1], rows[:1])
        self._check_new(ids)
        back = self._forget(np.intersect1d(ids, self.dead))
        return replace(back, stored=Blocks((*back.stored.blocks, Block(ids, rows)))) if len(ids) else self

    def remove(self, ids: Ids) -> FlatRows:
        """Without these ids; unknown ones are ignored."""
        return replace(self, dead=np.union1d(self.dead, self.stored.ids(self.stored.find(np.unique(ids)))))

    def holds(self, ids: Ids) -> NDArray[np.bool_]:
        """Which of these ids are here."""
        live = np.setdiff1d(ids, self.dead)
        return np.isin(ids, self.stored.ids(self.stored.find(live)))

    def search(self, queries: NDArray[Any], k: int, allow: Ids | None = None) -> Hits:
        """The k nearest rows for `queries (Q, D)`, only among `allow` where given; equal distances by id.

        Raises
        ------
        ValueError
            where k is below 1, or the queries are not of the width and dtype of the rows, or not finite
        """
        self.check_query(queries, k)
        hits = Hits(np.full((len(queries), k), NO_ID, np.int64), np.full((len(queries), k), -np.inf, np.float32))
        kept = self._kept(allow)
        step = max(1, _FIRST_DISTANCES // max(1, len(kept)))
        for start in range(0, len(queries), step):
            self._fill(hits, slice(start, start + step), queries, kept)
        return hits

    def check_query(self, queries: NDArray[Any], k: int) -> None:
        """Raise ValueError where this cannot be asked."""
        if k < 1:
            raise ValueError(f"k is 1 or larger; got {k}")
        if queries.ndim != 2:
            raise ValueError(f"queries are (Q, D); got {queries.shape}")
        self._check(queries)
        if not np.isfinite(queries).all():
            raise ValueError("queries are finite; got one with NaN or infinity")

    def _check(self, rows: NDArray[Any]) -> None:
        if rows.dtype not in (np.float32, np.uint8):
            raise ValueError(f"rows are float32 or uint8; got {rows.dtype}")
        for others in (block.rows for block in self.stored.blocks[:1]):
            if (rows.shape[1], rows.dtype) != (others.shape[1], others.dtype):
                wanted, got = (f"{some.shape[1]} values of {some.dtype}" for some in (others, rows))
                raise ValueError(f"rows of this index have {wanted}; got {got}")

    def _check_new(self, ids: Ids) -> None:
        if ids.dtype != np.int64 or (ids < 0).any():
            raise ValueError(f"ids are int64, 0 or larger; got {ids.dtype} {ids[ids < 0][:1]}")
        ordered = np.sort(ids)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        there = np.setdiff1d(self.stored.ids(self.stored.find(ordered)), self.dead)
        for problem, wrong in (("comes twice", twice), ("is in the index already", there)):
            if len(wrong):
                raise ValueError(f"each id is added once; id {wrong[0]} {problem}")

    def _forget(self, ids: Ids) -> FlatRows:
        """Without any trace of these removed ids, so that they can come back."""
        if not len(ids):
            return self
        stays = [(~np.isin(block.ids, ids), block) for block in self.stored.blocks]
        blocks = [b if flags.all() else Block(b.ids[flags], b.rows[np.flatnonzero(flags)]) for flags, b in stays]
        return replace(self, stored=Blocks(blocks), dead=np.setdiff1d(self.dead, ids))

    def _kept(self, allow: Ids | None) -> NDArray[np.intp]:
        """Sorted positions of the rows that may be found."""
        if allow is not None:
            return self.stored.find(np.setdiff1d(allow, self.dead))
        keep = np.ones(len(self.stored), bool)
        keep[self.stored.find(self.dead)] = False
        return np.flatnonzero(keep)

    def _fill(self, hits: Hits, part: slice, queries: NDArray[Any], kept: NDArray[np.intp]) -> None:
        """Write the hits of one part of the queries."""
        asked = queries[part]
        if len(kept) and self.metric.at_least(asked[:1], next(self.stored.rows(kept[:1]))) is not None:
            for number, query in enumerate(asked, part.start):
                self._fill_bounded(hits, number, query, kept)
            return
        first, margin = first_distances(self.metric)
        distances = np.empty((len(asked), len(kept)), np.float32)
        start = 0
        for rows in self.stored.rows(kept):
            distances[:, start : start + len(rows)] = first(asked, rows)
            start += len(rows)
        for number, query, row in zip(range(part.start, part.stop), asked, distances, strict=False):
            near = kept[nearest(row, hits.ids.shape[1], *margin)]
            self._fill_one(hits, number, query, near)

    def _fill_bounded(self, hits: Hits, number: int, query: NDArray[Any], kept: NDArray[np.intp]) -> None:
        """Write the hits of one query by a metric that has a lower bound."""
        k = hits.ids.shape[1]
        bounds = np.concatenate([_bounds(self.metric, query, rows) for rows in self.stored.rows(kept)])
        order = np.argsort(bounds, kind="stable")
        near, exact = np.empty(0, np.intp), np.empty(0, np.float32)
        while len(near) < len(kept):
            if len(near) >= k and np.partition(exact, k - 1)[k - 1] < bounds[order[len(near)]]:
                break
            some = np.sort(kept[order[len(near) : len(near) + max(k, _FIRST_MEASURED)]])
            near, exact = np.append(near, some), np.append(exact, self._measured(query, some))
        self._write(hits, number, near, exact)

    def _fill_one(self, hits: Hits, number: int, query: NDArray[Any], near: NDArray[np.intp]) -> None:
        """Write the hits of one query, all of which are among the positions `near`."""
        if len(near):
            self._write(hits, number, near, self._measured(query, near))

    def _measured(self, query: NDArray[Any], positions: NDArray[np.intp]) -> Floats:
        """The distances `(n,)` of the rows at these sorted positions, at least one, by the metric itself."""
        pieces = self.stored.rows(positions)
        return np.concatenate([self.metric.distances(query[None], rows)[0] for rows in pieces])

    def _write(self, hits: Hits, number: int, near: NDArray[np.intp], exact: Floats) -> None:
        order = np.argsort(near)
        near, exact = near[order], exact[order]
        ids = self.stored.ids(near)
        best = np.lexsort((ids, exact))[: hits.ids.shape[1]]
        hits.ids[number, : len(best)] = ids[best]
        hits.scores[number, : len(best)] = 0 - exact[best]


def _bounds(metric: Metric, query: NDArray[Any], rows: NDArray[Any]) -> Floats:
    bounds = metric.at_least(query[None], rows)
    assert bounds is not None
    return np.asarray(bounds[0])


def nearest(distances: NDArray[Any], k: int, relative: float, absolute: float) -> NDArray[np.intp]:
    """Sorted positions of all that could be among the k nearest, where distances are only known within a margin."""
    if len(distances) <= k:
        return np.flatnonzero(~np.isnan(distances))
    farthest = np.fmin(np.partition(distances, k - 1)[k - 1], np.inf)
    return np.flatnonzero(distances <= farthest * (1 + relative) + absolute)


def _squared(queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
    """Squared Euclidean distances, differences formed before they are squared."""
    return _each(_kernels.fvec_L2sqr_ny, queries, rows)


def _turned(queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
    """Minus the cosines; 0 for rows of zeros."""
    products = _each(_kernels.fvec_inner_products_ny, queries, rows)
    return -products / _norms(queries)[:, None] / _norms(rows)


def _norms(rows: NDArray[Any]) -> Floats:
    values = np.asarray(rows, np.float32)
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", values, values))
    return np.where(norms == 0, np.float32(1), norms)


def _each(kernel: Callable[..., None], queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
    """One of faiss's kernels "one vector against many" for each query, `(Q, N)`."""
    asked, stored = (np.ascontiguousarray(values, np.float32) for values in (queries, rows))
    answers = np.empty((len(asked), len(stored)), np.float32)
    for query, answer in zip(asked, answers, strict=True):
        kernel(*map(_kernels.swig_ptr, (answer, query, stored)), stored.shape[1], len(stored))
    return answers


def _differing(queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[np.int32]:
    """Differing bits."""
    asked, stored = np.ascontiguousarray(queries), np.ascontiguousarray(rows)
    answers = np.empty((len(asked), len(stored)), np.int32)
    asked_at, stored_at, answers_at = map(_kernels.swig_ptr, (asked, stored, answers))
    _kernels.hammings(asked_at, stored_at, len(asked), len(stored), stored.shape[1], answers_at)
    return answers


_FIRST: dict[type[Metric], tuple[First, tuple[float, float]]] = {
    L2: (_squared, (1e-3, 1e-30)),
    Cosine: (_turned, (0.0, 1e-4)),
    Hamming: (_differing, (0.0, 0.0)),
}


def first_distances(metric: Metric) -> tuple[First, tuple[float, float]]:
    """Quick distances in the order of a metric, with the relative and absolute margin of their rounding."""
    return _FIRST.get(type(metric), (metric.distances, _ROUNDING))
