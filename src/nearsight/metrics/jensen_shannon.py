"""The Jensen-Shannon distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from nearsight.metrics._histograms import normalise_histograms
from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_BLOCK_VALUES = 128_000
_LN2 = math.log(2)
_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class JensenShannon(Metric):
    """The Jensen-Shannon distance of histograms: how well a pixel's bin tells which image it came from.

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
    margin = (0, 1e-4)

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        return np.sqrt(_jensen_shannon_divergences(queries, rows, np.float64))

    def approximate(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """The divergences in single precision, which is not enough for their roots near 0."""
        return _jensen_shannon_divergences(queries, rows, np.float32)

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """Roots of shares: the Hellinger distance orders nearly alike."""
        return np.asarray(np.sqrt(normalise_histograms(rows)), np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance."""
        return np.asarray(1 - distances, np.float32)


def _jensen_shannon_divergences(queries: NDArray[Any], rows: NDArray[Any], float_dtype: DTypeLike) -> Floats:
    asked = normalise_histograms(queries, float_dtype) if queries.ndim == 2 else queries
    filled = [np.flatnonzero(query) for query in asked]

    def block_divergences(block: NDArray[Any]) -> NDArray[Any]:
        stored = normalise_histograms(block, float_dtype)
        apart = np.empty((len(asked), len(block)), float_dtype)
        for line, query, bins in zip(apart, asked, filled, strict=True):
            beside = np.einsum("ij,j->i", stored, (query == 0).astype(float_dtype))
            line[:] = _jensen_shannon_divergence(query[bins], stored[:, bins], beside)
        return np.clip(apart, 0, 1)

    return distances_in_blocks(block_divergences, queries, rows, block_values=_BLOCK_VALUES)


def _jensen_shannon_divergence(query: NDArray[Any], rows: NDArray[Any], outside_mass: NDArray[Any]) -> NDArray[Any]:
    """Divergences `(n,)` over the bins that the query fills; `outside_mass (n,)` is what rows have in the others.

    A bin adds (q log(2 q / (q + r)) + r log(2 r / (q + r))) / 2, each term on its own so that equal bins add just 0,
    and where q is 0 half of r.
    """
    halved = 2 / np.maximum(query + rows, _TINY)
    terms = query * cv2.log(query * halved)
    terms += rows * cv2.log(np.maximum(rows * halved, _TINY))
    return np.asarray((terms.sum(axis=1) / _LN2 + outside_mass) / 2)
