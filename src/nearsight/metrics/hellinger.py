"""The Hellinger distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.metrics._histograms import normalise_histograms
from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks


@dataclass(frozen=True)
class Hellinger(Metric):
    """The Euclidean distance of the roots of two histograms: small bins count for more than in L1 or L2.

    1. Rows are divided by their sums; a row of zeros counts as a bin of its own that no other row has.
    2. The distance is the root of half the sum of (√q - √r)^2, which obeys the triangle inequality.

    Returns
    -------
    `(Q, N) float32` of 0 (the same) to 1 (no bin in common); the similarity is 1 - distance

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width, or a value is negative

    References
    ----------
    R. Arandjelović and A. Zisserman, Three Things Everyone Should Know to Improve Object Retrieval, CVPR 2012,
    doi:10.1109/CVPR.2012.6248018.

    Notes
    -----
    Departures: the paper takes the roots of the descriptors and compares by L2; this is that distance by √2, so that
    it ends at 1.

    Examples
    --------
    >>> Hellinger().distances(np.float32([[1, 0]]), np.float32([[2, 0], [0, 1]])).tolist()
    [[0.0, 1.0]]
    """

    symbol = "H"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        asked = np.sqrt(normalise_histograms(queries)) if queries.ndim == 2 else queries
        return distances_in_blocks(
            lambda block: _hellinger_distances(asked, np.sqrt(normalise_histograms(block))), queries, rows
        )

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """Roots of shares: their straight distance is this one, by √2."""
        return np.asarray(np.sqrt(normalise_histograms(rows)), np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance."""
        return np.asarray(1 - distances, np.float32)


def _hellinger_distances(queries: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(scipy.spatial.distance.cdist(queries, rows) / np.sqrt(2), 0, 1))
