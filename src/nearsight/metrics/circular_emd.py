"""The earth mover's distance around a circle, for histograms of hues or directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics._histograms import normalise_histograms
from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks


@dataclass(frozen=True)
class CircularEmd(Metric):
    """How far the mass of one histogram has to move around the circle to become another.

    1. Rows are divided by their sums. Bins lie evenly on a circle, the last beside the first: hues, or directions.
    2. F is the sum of q - r up to each bin. Along a line the distance would be the sum of |F|; on a circle some flow
       passes over the cut, and the best one is the median of F: the distance is the mean of |F - median|.

    A row of zeros is at 0 from another one and at a half from all others.

    Returns
    -------
    `(Q, N) float32` of 0 (the same) to 1/2 (all mass at opposite places), in turns of the circle; the similarity is
    1 - 2 distance

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width, or a value is negative

    References
    ----------
    J. Rabin, J. Delon and Y. Gousseau, Transportation Distances on the Circle, Journal of Mathematical Imaging and
    Vision 41, 2011, doi:10.1007/s10851-011-0284-0.

    Examples
    --------
    >>> CircularEmd().distances(np.eye(4, dtype=np.float32)[:1], np.eye(4, dtype=np.float32)).tolist()
    [[0.0, 0.25, 0.5, 0.25]]
    """

    symbol = "EMD"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        asked = normalise_histograms(queries) if queries.ndim == 2 else queries
        return distances_in_blocks(lambda block: _circular_distances(asked, normalise_histograms(block)), queries, rows)

    def similarity(self, distances: Floats) -> Floats:
        """1 - 2 distance."""
        return np.asarray(1 - 2 * distances, np.float32)


def _circular_distances(queries: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    width = rows.shape[1] - 1
    apart = np.empty((len(queries), len(rows)))
    for line, query in zip(apart, queries, strict=True):
        flow = np.cumsum((query - rows)[:, :-1], axis=1)
        median = np.partition(flow, width // 2, axis=1)[:, width // 2, None]
        line[:] = np.abs(flow - median).sum(axis=1) / width
    one_empty = queries[:, -1:] != rows[:, -1]
    return np.where(one_empty, 0.5, np.clip(apart, 0, 0.5))
