"""Histogram intersection."""

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
class Intersection(Metric):
    """One minus what two histograms have in common.

    1. Rows are divided by their sums; a row of zeros counts as a bin of its own that no other row has.
    2. The distance is 1 - sum of min(q, r), computed as half the sum of |q - r|, so that equal rows are at exactly 0.

    Returns
    -------
    `(Q, N) float32` of 0 (the same) to 1 (no bin in common); the similarity is 1 - distance

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width, or a value is negative

    References
    ----------
    M. J. Swain and D. H. Ballard, Color Indexing, IJCV 7(1), 1991, doi:10.1007/BF00130487.

    Notes
    -----
    Departures: the paper divides the intersection by the model's count alone; with both rows normalised first it is
    the same for images of one size, and symmetric for all.

    Examples
    --------
    >>> Intersection().distances(np.float32([[1, 1]]), np.float32([[2, 2], [1, 0]])).tolist()
    [[0.0, 0.5]]
    """

    symbol = "∩"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        asked = normalise_histograms(queries) if queries.ndim == 2 else queries
        return distances_in_blocks(
            lambda block: np.clip(
                scipy.spatial.distance.cdist(asked, normalise_histograms(block), "cityblock") / 2, 0, 1
            ),
            queries,
            rows,
        )

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance."""
        return np.asarray(1 - distances, np.float32)
