"""The chi-square distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics._histograms import check_nonnegative, normalise_histograms
from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class Chi2(Metric):
    """The chi-square distance of histograms: differences count less in bins that are full anyway.

    Half the sum of (q - r)^2 / (q + r) over the bins that are not empty in both. Between histograms of sum 1 it is
    0 (the same) to 1 (nothing in common). Rows are taken as they are, not normalised.

    Returns
    -------
    `(Q, N) float32`, 0 or larger; the similarity is 1 / (1 + distance)

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width, or a value is negative

    References
    ----------
    Y. Rubner, C. Tomasi and L. J. Guibas, The Earth Mover's Distance as a Metric for Image Retrieval, IJCV 40(2),
    2000, doi:10.1023/A:1026543900054.

    Notes
    -----
    Departures: the paper divides by the mean of the two bins and sums (q - mean)^2 / mean, which is the same value.

    Examples
    --------
    >>> Chi2().distances(np.float32([[1, 0]]), np.float32([[1, 0], [0, 1]])).tolist()
    [[0.0, 1.0]]
    """

    symbol = "χ²"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        check_nonnegative(queries)
        return distances_in_blocks(lambda block: _chi2(queries.astype(np.float32), block), queries, rows)

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """Roots of shares: the Hellinger distance orders nearly alike."""
        return np.asarray(np.sqrt(normalise_histograms(rows)), np.float32)


def _chi2(queries: Floats, block: NDArray[Any]) -> Floats:
    check_nonnegative(block)
    rows = block.astype(np.float32, order="C")
    distances = np.empty((len(queries), len(rows)), np.float32)
    for number, query in enumerate(queries):
        terms = np.square(query - rows)
        terms /= np.maximum(query + rows, _TINY)
        distances[number] = terms.sum(axis=1) / 2
    return distances
