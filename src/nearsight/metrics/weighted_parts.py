"""The distance of rows that are put together of parts, each with a metric and a weight of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.l1 import L1
from nearsight.metrics.l2 import L2
from nearsight.types import Floats, Metric
from nearsight.types.metric import check_widths

_BYTES = {"uint8": 1, "float32": 4}


@dataclass(frozen=True)
class WeightedParts(Metric):
    """The weighted mean of the distances of the parts of two vectors, each part by a metric of its own.

    1. A row is bytes: the parts one after the other, part i of `sizes[i]` values of `dtypes[i]`.
    2. The distance d of a part becomes 1 - s(d) with the similarity s of its metric, 0 (the same) to 1: so distances
       of different units can be added, and a single part is ranked as by its metric alone.
    3. These are multiplied by their weights, added, and divided by the sum of the weights.

    Parameters
    ----------
    metrics : the metric of each part
    sizes : how many values each part has, 1 or more
    dtypes : "float32" or "uint8" for each part
    weights : the weight of each part, above 0; none for equal ones

    Returns
    -------
    `(Q, N) float32` of 0 (the same) to 1; the similarity is 1 - distance

    Raises
    ------
    ValueError
        where the parameters are not of one length or out of their range, or rows are not of the bytes that they say

    References
    ----------
    J. Hafner et al., Efficient Color Histogram Indexing for Quadratic Form Distance Functions, IEEE Transactions on
    Pattern Analysis and Machine Intelligence 17(7), 1995, doi:10.1109/34.391417, for ranking by weighted sums and
    their lower bounds; A. K. Jain and A. Vailaya, Image Retrieval Using Color and Shape, Pattern Recognition 29(8),
    1996, doi:10.1016/0031-3203(95)00160-3, for integrating similarities by weights.

    Examples
    --------
    >>> rows = np.float32([[0, 0], [1, 0], [0, 3]]).view(np.uint8)
    >>> both = WeightedParts(metrics=(L2(), L2()), sizes=(1, 1), dtypes=("float32", "float32"), weights=(3, 1))
    >>> both.distances(rows[:1], rows).tolist()
    [[0.0, 0.375, 0.1875]]
    """

    metrics: tuple[Metric, ...] = (L2(), L1())
    sizes: tuple[int, ...] = (12, 12)
    dtypes: tuple[Literal["float32", "uint8"], ...] = ("uint8", "uint8")
    weights: tuple[float, ...] | None = None

    symbol = "parts"

    def __post_init__(self) -> None:
        count = len(self.metrics)
        if not count or not all(isinstance(metric, Metric) for metric in self.metrics):
            raise ValueError(f"metrics holds one metric or more, such as L2(); got {self.metrics!r}")
        lengths = {len(self.sizes), len(self.dtypes), *([len(self.weights)] if self.weights is not None else [])}
        if lengths != {count}:
            raise ValueError(f"there are {count} parts; sizes, dtypes and weights have {sorted(lengths)} values")
        if any(size < 1 for size in self.sizes) or any(dtype not in _BYTES for dtype in self.dtypes):
            raise ValueError(f"sizes are 1 or more, dtypes float32 or uint8; got {self.sizes} and {self.dtypes}")
        if not all(0 < weight < math.inf for weight in self.weights or ()):
            raise ValueError(f"weights are above 0; got {self.weights}")

    @property
    def is_expensive(self) -> bool:
        """Whether one of the metrics is."""
        return any(metric.is_expensive for metric in self.metrics)

    @property
    def has_euclidean_form(self) -> bool:
        """Whether all of the metrics have one."""
        return all(metric.has_euclidean_form for metric in self.metrics)

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        return self._combine(queries, rows, lambda metric, asked, stored: metric.distances(asked, stored))

    def lower_bound(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats | None:
        """A lower bound, where a costly part has one and all costly parts have; otherwise None."""
        if not self.is_expensive:
            return None
        parts = [(m, a[:1], s[:1]) for m, _, a, s in self._iter_parts(queries, rows) if m.is_expensive]
        if any(metric.lower_bound(asked, stored) is None for metric, asked, stored in parts):
            return None
        return self._combine(queries, rows, _weighted_part_bounds)

    def to_euclidean(self, rows: NDArray[Any]) -> Floats | None:
        """The parts' own flattened rows side by side, by the roots of their weights; None where one has none."""
        found = [(metric.to_euclidean(part), weight) for metric, weight, part, _ in self._iter_parts(rows, rows)]
        if any(flat is None for flat, _ in found):
            return None
        return np.hstack([np.float32(math.sqrt(weight)) * flat for flat, weight in found if flat is not None])

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance."""
        return np.asarray(1 - distances, np.float32)

    def _combine(
        self,
        queries: NDArray[Any],
        rows: NDArray[Any],
        measure: Callable[[Metric, NDArray[Any], NDArray[Any]], Floats],
    ) -> Floats:
        apart = np.zeros((len(queries), len(rows)), np.float32)
        for metric, weight, asked, stored in self._iter_parts(queries, rows):
            apart += np.float32(weight) * (1 - metric.similarity(measure(metric, asked, stored)))
        return apart

    def _iter_parts(
        self, queries: NDArray[Any], rows: NDArray[Any]
    ) -> Iterator[tuple[Metric, float, NDArray[Any], NDArray[Any]]]:
        """Each metric with its weight, which sum to 1, and the part of the queries and of the rows that it compares."""
        check_widths(queries, rows)
        weights = self.weights or (1.0,) * len(self.metrics)
        ends = np.cumsum([size * _BYTES[dtype] for size, dtype in zip(self.sizes, self.dtypes, strict=True)]).tolist()
        if queries.dtype != np.uint8 or rows.dtype != np.uint8 or rows.shape[1] != ends[-1]:
            raise ValueError(f"rows of these parts are {ends[-1]} uint8; got {rows.shape[1]} {rows.dtype}")
        start = 0
        for metric, weight, dtype, end in zip(self.metrics, weights, self.dtypes, ends, strict=True):
            parts = [np.ascontiguousarray(each[:, start:end]).view(dtype) for each in (queries, rows)]
            yield metric, weight / sum(weights), parts[0], parts[1]
            start = end


def _weighted_part_bounds(metric: Metric, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
    """What is known of the distances at little cost; all of it where the metric is not costly."""
    bound = metric.lower_bound(queries, rows) if metric.is_expensive else metric.distances(queries, rows)
    assert bound is not None
    return bound
