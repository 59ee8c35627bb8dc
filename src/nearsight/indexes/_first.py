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

Measure: TypeAlias = Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
Exact: TypeAlias = Callable[[NDArray[np.intp]], Floats]

_kernels: Any = faiss  # its stubs leave these functions out
_THINNED = 16
_FEW = 16


@dataclass(frozen=True)
class First:
    """Quick numbers in the order of the distances.

    `measure(queries, rows)` is right within a relative and an absolute margin; where `below`, it is a lower bound of
    the distances instead. `step` is how many rows are measured at once for a lower bound; None for all that it leaves.
    """

    measure: Measure
    relative: float
    absolute: float
    below: bool = False
    step: int | None = None


def first_of(metric: Metric, nothing: NDArray[Any]) -> First:
    """The quick numbers of a metric for rows as wide as `nothing (0, D)`."""
    if metric.at_least(nothing, nothing) is not None:
        return First(cast(Measure, metric.at_least), 0, 0, below=True, step=_FEW if metric.costly else None)
    return _FIRST.get(type(metric), First(metric.first, *metric.margin))


def refined(first: First, quick: NDArray[Any], k: int, exact: Exact) -> tuple[NDArray[np.intp], Floats]:
    """The places of all that could be among the k nearest, by their quick numbers `(n,)`, and their distances.

    `exact(places)` are the distances at sorted places. A place whose number is NaN is none.
    """
    if not first.below:
        near = nearest(quick, k, first.relative, first.absolute)
        return near, exact(near)
    near = nearest(quick, max(k, _FEW), 0, 0)
    distances = exact(near)
    nearer = quick <= _farthest(distances, k)
    nearer[near] = False
    others = np.flatnonzero(nearer)
    others = others[np.argsort(quick[others], kind="stable")]
    step = first.step or max(1, len(others))
    for start in range(0, len(others), step):
        if quick[others[start]] > _farthest(distances, k):
            break
        some = np.sort(others[start : start + step])
        near, distances = np.append(near, some), np.append(distances, exact(some))
    return near, distances


def nearest(distances: NDArray[Any], k: int, relative: float, absolute: float) -> NDArray[np.intp]:
    """Sorted positions of all that could be among the k nearest, where distances are only known within a margin."""
    if len(distances) <= k:
        return np.flatnonzero(~np.isnan(distances))
    some = distances[:: max(1, min(_THINNED, len(distances) // k))]  # the k nearest of some are not too near
    around = distances[distances <= _farthest(some, k)]
    return np.flatnonzero(distances <= _farthest(around, k) * (1 + relative) + absolute)


def _farthest(distances: NDArray[Any], k: int) -> float:
    """The k-th smallest; infinite where there are not so many, or not so many numbers."""
    return float(np.fmin(np.partition(distances, k - 1)[k - 1], np.inf)) if len(distances) >= k else np.inf


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


_FIRST: dict[type[Metric], First] = {
    L2: First(_squared, 1e-3, 1e-30),
    Cosine: First(_turned, 0, 1e-4),
    Hamming: First(_differing, 0, 0),
}
