"""The first, quick look of the exact index at all rows, and what it leaves to be measured; helpers, not a method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.cosine import Cosine
from nearsight.metrics.hamming import Hamming
from nearsight.metrics.l2 import L2
from nearsight.types import Floats, Metric

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


def _squared_distances(queries: NDArray[Any], vectors: NDArray[Any]) -> Floats:
    """Squared Euclidean distances, differences formed before they are squared."""
    return _apply_kernel(_faiss_kernels.fvec_L2sqr_ny, queries, vectors)


def _negative_cosines(queries: NDArray[Any], vectors: NDArray[Any]) -> Floats:
    """Minus the cosines; 0 for rows of zeros."""
    products = _apply_kernel(_faiss_kernels.fvec_inner_products_ny, queries, vectors)
    return -products / _norms(queries)[:, None] / _norms(vectors)


def _norms(vectors: NDArray[Any]) -> Floats:
    values = np.asarray(vectors, np.float32)
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", values, values))
    return np.where(norms == 0, np.float32(1), norms)


def _apply_kernel(kernel: Callable[..., None], queries: NDArray[Any], vectors: NDArray[Any]) -> Floats:
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
    L2: ApproximateDistance(_squared_distances, 1e-3, 1e-30),
    Cosine: ApproximateDistance(_negative_cosines, 0, 1e-4),
    Hamming: ApproximateDistance(_differing_bits, 0, 0),
}
