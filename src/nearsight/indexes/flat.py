"""The exact index: every row is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.indexes._vector_blocks import BlockedVectors, SearchScope, VectorBlock
from nearsight.metrics.cosine import Cosine
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.l2 import L2
from nearsight.types import NO_ID, Arrays, Floats, Hits, Ids, Index, Metric
from nearsight.wording import plural

DistanceFunction: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
ExactDistances: TypeAlias = Callable[[NDArray[np.intp]], Floats]

_faiss_kernels: Any = faiss  # its stubs leave these functions out
_SUBSAMPLING = 16
_MIN_CANDIDATES = 16


@dataclass(frozen=True)
class ApproximateDistance:
    """Quick numbers in the order of the distances.

    `compute(queries, rows)` is right within a relative and an absolute margin; where `is_lower_bound`, it is a lower
    bound of the distances instead. `step` is how many vectors are measured at once for a lower bound; None for all.
    """

    compute: DistanceFunction
    relative_margin: float
    absolute_margin: float
    is_lower_bound: bool = False
    batch_size: int | None = None


def approximation_for(metric: Metric, no_vectors: NDArray[Any]) -> ApproximateDistance:
    """The quick numbers of a metric for rows as wide as `no_vectors (0, D)`."""
    if metric.lower_bound(no_vectors, no_vectors) is not None:
        return ApproximateDistance(
            cast(DistanceFunction, metric.lower_bound),
            0,
            0,
            is_lower_bound=True,
            batch_size=_MIN_CANDIDATES if metric.is_expensive else None,
        )
    return _APPROXIMATIONS.get(type(metric), ApproximateDistance(metric.approximate, *metric.margin))


def refine_candidates(
    approximation: ApproximateDistance, approximate_distances: NDArray[Any], k: int, exact: ExactDistances
) -> tuple[NDArray[np.intp], Floats]:
    """The places of all that could be among the k nearest, by their quick numbers `(n,)`, and their distances.

    `exact(places)` are the distances at sorted places. A place whose number is NaN is none.
    """
    if not approximation.is_lower_bound:
        near = candidates_within_margin(
            approximate_distances, k, approximation.relative_margin, approximation.absolute_margin
        )
        return near, exact(near)
    near = candidates_within_margin(approximate_distances, max(k, _MIN_CANDIDATES), 0, 0)
    distances = exact(near)
    nearer = approximate_distances <= _kth_smallest(distances, k)
    nearer[near] = False
    others = np.flatnonzero(nearer)
    others = others[np.argsort(approximate_distances[others], kind="stable")]
    step = approximation.batch_size or max(1, len(others))
    for start in range(0, len(others), step):
        if approximate_distances[others[start]] > _kth_smallest(distances, k):
            break
        some = np.sort(others[start : start + step])
        near, distances = np.append(near, some), np.append(distances, exact(some))
    return near, distances


def candidates_within_margin(
    distances: NDArray[Any], k: int, relative_margin: float, absolute_margin: float
) -> NDArray[np.intp]:
    """Sorted positions of all that could be among the k nearest, where distances are only known within a margin."""
    if len(distances) <= k:
        return np.flatnonzero(~np.isnan(distances))
    some = distances[:: max(1, min(_SUBSAMPLING, len(distances) // k))]  # the k nearest of some are not too near
    around = distances[distances <= _kth_smallest(some, k)]
    return np.flatnonzero(distances <= _kth_smallest(around, k) * (1 + relative_margin) + absolute_margin)


def _kth_smallest(distances: NDArray[Any], k: int) -> float:
    """The k-th smallest; infinite where there are not so many, or not so many numbers."""
    return float(np.fmin(np.partition(distances, k - 1)[k - 1], np.inf)) if len(distances) >= k else np.inf


def _flat_squared_distances(queries: NDArray[Any], vectors: NDArray[Any]) -> Floats:
    """Squared Euclidean distances, differences formed before they are squared."""
    return _flat_kernel(_faiss_kernels.fvec_L2sqr_ny, queries, vectors)


def _negative_cosines(queries: NDArray[Any], vectors: NDArray[Any]) -> Floats:
    """Minus the cosines; 0 for rows of zeros."""
    products = _flat_kernel(_faiss_kernels.fvec_inner_products_ny, queries, vectors)
    return -products / _flat_norms(queries)[:, None] / _flat_norms(vectors)


def _flat_norms(vectors: NDArray[Any]) -> Floats:
    values = np.asarray(vectors, np.float32)
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", values, values))
    return np.where(norms == 0, np.float32(1), norms)


def _flat_kernel(kernel: Callable[..., None], queries: NDArray[Any], vectors: NDArray[Any]) -> Floats:
    """One of faiss's kernels "one vector against many" for each query, `(Q, N)`."""
    asked, stored = (np.ascontiguousarray(values, np.float32) for values in (queries, vectors))
    answers = np.empty((len(asked), len(stored)), np.float32)
    for query, answer in zip(asked, answers, strict=True):
        kernel(*map(_faiss_kernels.swig_ptr, (answer, query, stored)), stored.shape[1], len(stored))
    return answers


def _differing_bits(queries: NDArray[Any], vectors: NDArray[Any]) -> NDArray[np.int32]:
    """Differing bits."""
    asked, stored = np.ascontiguousarray(queries), np.ascontiguousarray(vectors)
    answers = np.empty((len(asked), len(stored)), np.int32)
    asked_at, stored_at, answers_at = map(_faiss_kernels.swig_ptr, (asked, stored, answers))
    _faiss_kernels.hammings(asked_at, stored_at, len(asked), len(stored), stored.shape[1], answers_at)
    return answers


_APPROXIMATIONS: dict[type[Metric], ApproximateDistance] = {
    L2: ApproximateDistance(_flat_squared_distances, 1e-3, 1e-30),
    Cosine: ApproximateDistance(_negative_cosines, 0, 1e-4),
    Hamming: ApproximateDistance(_differing_bits, 0, 0),
}


_MAX_BATCH_DISTANCES = 1 << 22
_MAX_SELECTED_SHARE = 1 / 4


@dataclass(frozen=True)
class Flat(Index):
    """Compares every vector: exact, no training, fast enough for some hundred thousand images.

    1. A first distance to every row is computed in single precision; rows that are removed, or left out by `allow`,
       are left out of it.
    2. All rows that could be among the k nearest within its rounding error are measured again by the metric itself.
    3. They are ordered by that distance, equal ones by their id.

    Where the metric offers a lower bound of its distances, that is the first look: the k rows with the smallest are
    measured, then all that could be nearer than the k-th of these; by a costly metric, such as `emd`, a few at a time.

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
    >>> from nearsight.metrics.l2 import L2
    >>> rows = Flat().empty(L2()).add(np.array([7, 8, 9]), np.float32([[0, 0], [3, 4], [1, 0]]))
    >>> hits = rows.search(np.float32([[0, 0]]), k=2)
    >>> hits.ids.tolist(), hits.scores.tolist()
    ([[7, 9]], [[0.0, -1.0]])
    """

    metric: Metric | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.metric, Metric | None):
            raise ValueError(f"metric is a metric such as L2(), or None; got {self.metric!r}")

    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> FlatSearcher:
        """An index without rows that ranks by this index's metric, or where it has none by `metric`."""
        return FlatSearcher(self.metric or metric)


@dataclass(frozen=True, eq=False)
class FlatSearcher:
    """Rows in blocks, and the ids among them that were removed, sorted. Adding and removing share the blocks."""

    metric: Metric
    vectors: BlockedVectors = field(default_factory=BlockedVectors)
    deleted: Ids = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.vectors) - len(self.deleted)

    def add(self, ids: Ids, vectors: NDArray[Any]) -> FlatSearcher:
        """With these rows `(N, D)` too, float32 or uint8; they are kept as they are, without a copy.

        Raises
        ------
        ValueError
            where an id is there already or comes twice, or rows are not of the width and dtype of the others
        """
        if vectors.ndim != 2 or ids.shape != (len(vectors),):
            raise ValueError(f"rows are (N, D) with ids (N,); got {vectors.shape} and {ids.shape}")
        self._check_vectors(vectors)
        self.metric.distances(vectors[:1], vectors[:1])
        live = np.setdiff1d(self.vectors.ids(self.vectors.find_positions(np.sort(ids))), self.deleted)
        check_new_ids(ids, live)
        back = self._purge(np.intersect1d(ids, self.deleted))
        return (
            replace(back, vectors=BlockedVectors((*back.vectors.blocks, VectorBlock(ids, vectors))))
            if len(ids)
            else self
        )

    def remove(self, ids: Ids) -> FlatSearcher:
        """Without these ids; unknown ones are ignored."""
        return replace(
            self, deleted=np.union1d(self.deleted, self.vectors.ids(self.vectors.find_positions(np.unique(ids))))
        )

    def search(self, queries: NDArray[Any], k: int, allow: Ids | None = None) -> Hits:
        """The k nearest rows for `queries (Q, D)`, only among `allow` where given; equal distances by id.

        Raises
        ------
        ValueError
            where k is below 1, or the queries are not of the width and dtype of the rows, or not finite
        """
        self.check_query(queries, k)
        hits = Hits(np.full((len(queries), k), NO_ID, np.int64), np.full((len(queries), k), -np.inf, np.float32))
        sought = self._scope(allow)
        step = max(1, _MAX_BATCH_DISTANCES // max(1, len(sought)))
        for start in range(0, len(queries), step):
            self._search_batch(hits, slice(start, start + step), queries, sought)
        return hits

    def check_query(self, queries: NDArray[Any], k: int) -> None:
        """Raise ValueError where this cannot be asked."""
        if k < 1:
            raise ValueError(f"k is 1 or larger; got {k}")
        if queries.ndim != 2:
            raise ValueError(f"queries are (Q, D); got {queries.shape}")
        self._check_vectors(queries)
        if not np.isfinite(queries).all():
            raise ValueError("queries are finite; got one with NaN or infinity")

    def _check_vectors(self, vectors: NDArray[Any]) -> None:
        if vectors.dtype not in (np.float32, np.uint8):
            raise ValueError(f"rows are float32 or uint8; got {vectors.dtype}")
        for others in (block.vectors for block in self.vectors.blocks[:1]):
            if (vectors.shape[1], vectors.dtype) != (others.shape[1], others.dtype):
                wanted, got = (f"{plural(some.shape[1], 'value')} of {some.dtype}" for some in (others, vectors))
                raise ValueError(f"rows of this index have {wanted}; got {got}")

    def _purge(self, ids: Ids) -> FlatSearcher:
        """Without any trace of these removed ids, so that they can come back."""
        if not len(ids):
            return self
        stays = [(~np.isin(block.ids, ids), block) for block in self.vectors.blocks]
        blocks = [
            b if flags.all() else VectorBlock(b.ids[flags], b.vectors[np.flatnonzero(flags)]) for flags, b in stays
        ]
        return replace(self, vectors=BlockedVectors(blocks), deleted=np.setdiff1d(self.deleted, ids))

    def _scope(self, allow: Ids | None) -> SearchScope:
        """The rows to look at: where many may be found, all side by side, which is faster than picking those out."""
        if allow is None:
            return SearchScope(self.vectors, self.vectors.find_positions(self.deleted))
        if self.metric.is_expensive or len(allow) < _MAX_SELECTED_SHARE * len(self.vectors):
            return SearchScope(self.vectors, selected=self.vectors.find_positions(np.setdiff1d(allow, self.deleted)))
        hidden = np.ones(len(self.vectors), bool)
        hidden[self.vectors.find_positions(np.sort(allow))] = False
        hidden[self.vectors.find_positions(self.deleted)] = True
        return SearchScope(self.vectors, np.flatnonzero(hidden))

    def _search_batch(self, hits: Hits, part: slice, queries: NDArray[Any], scope: SearchScope) -> None:
        """Write the hits of one part of the queries."""
        asked, first = queries[part], approximation_for(self.metric, queries[:0])
        quick, start = np.empty((len(asked), len(scope)), np.float32), 0
        for rows in scope.iter_vectors():
            quick[:, start : start + len(rows)] = first.compute(asked, rows)
            start += len(rows)
        quick[:, scope.excluded] = np.nan
        for number, query, row in zip(range(part.start, part.stop), asked, quick, strict=False):
            near, distances = refine_candidates(
                first, row, hits.ids.shape[1], partial(self._exact_distances, query, scope)
            )
            self._write_hits(hits, number, scope.to_positions(near), distances)

    def _exact_distances(self, query: NDArray[Any], scope: SearchScope, indices: NDArray[np.intp]) -> Floats:
        """The distances `(n,)` of the rows at these sorted places among those sought, by the metric itself."""
        pieces = self.vectors.iter_vectors(scope.to_positions(indices))
        found = [self.metric.distances(query[None], rows)[0] for rows in pieces]
        return np.concatenate([np.empty(0, np.float32), *found])

    def _write_hits(self, hits: Hits, number: int, positions: NDArray[np.intp], exact: Floats) -> None:
        order = np.argsort(positions)
        positions, exact = positions[order], exact[order]
        ids = self.vectors.ids(positions)
        best = np.lexsort((ids, exact))[: hits.ids.shape[1]]
        hits.ids[number, : len(best)] = ids[best]
        hits.scores[number, : len(best)] = 0 - exact[best]


def check_new_ids(ids: Ids, live: Ids) -> None:
    """Raise ValueError where ids are not int64 of 0 or larger, come twice, or are among the sorted ids `live`."""
    if ids.dtype != np.int64 or (ids < 0).any():
        raise ValueError(f"ids are int64, 0 or larger; got {ids.dtype} {ids[ids < 0][:1]}")
    ordered = np.sort(ids)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    for problem, wrong in (("comes twice", twice), ("is in the index already", np.intersect1d(ordered, live))):
        if len(wrong):
            raise ValueError(f"each id is added once; id {wrong[0]} {problem}")
