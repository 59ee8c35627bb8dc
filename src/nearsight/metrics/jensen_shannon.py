"""The Jensen-Shannon distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.blocks import in_blocks, shares
from nearsight.types import Floats, Metric

_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class JensenShannon(Metric):
    """The Jensen-Shannon distance of histograms: how well a pixel's bin tells which picture it came from.

    1. Rows are divided by their sums; a row of zeros counts as a bin of its own that no other row has.
    2. The divergence is H((q + r) / 2) - (H(q) + H(r)) / 2 with the entropy H in bits.
    3. The distance is its square root, which obeys the triangle inequality.

    Returns
    -------
    `(Q, N) float32` of 0 (the same) to 1 (no bin in common); the similarity is 1 - distance

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width, or a value is negative

    References
    ----------
    D. M. Endres and J. E. Schindelin, A New Metric for Probability Distributions, IEEE Transactions on Information
    Theory 49(7), 2003, doi:10.1109/TIT.2003.813506.

    Notes
    -----
    Departures: the paper's distance is the root of twice the divergence in nats; this one is the root of the
    divergence in bits, so that it ends at 1.

    Examples
    --------
    >>> JensenShannon().distances(np.float32([[1, 0]]), np.float32([[2, 0], [0, 1]])).tolist()
    [[0.0, 1.0]]
    """

    symbol = "JS"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        asked = shares(queries) if queries.ndim == 2 else queries
        return in_blocks(lambda block: _jensen_shannon(asked, shares(block)), queries, rows)

    def flattened(self, rows: NDArray[Any]) -> Floats:
        """Roots of shares: the Hellinger distance orders nearly alike."""
        return np.sqrt(shares(rows)).astype(np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance."""
        return np.asarray(1 - distances, np.float32)


def _jensen_shannon(queries: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = (_information(queries)[:, None] + _information(rows)) / 2
    halves = rows / 2
    for number, query in enumerate(queries):
        apart[number] -= _information(halves + query / 2)
    return np.sqrt(np.clip(apart, 0, 1))


def _information(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The negative entropy of each row in bits, `(N,)`."""
    bits = np.log2(np.maximum(rows, _TINY))
    bits *= rows
    return np.asarray(bits.sum(axis=1))
