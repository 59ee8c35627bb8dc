"""The image querying metric of wavelet signatures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import check_widths, distances_in_blocks

_BLOCK_VALUES = 128_000
_SQUARE = 128
_N_COEFFICIENTS = _SQUARE * _SQUARE
# For Y, I and Q: the weight of the mean, then of coefficients with the larger of x and y at 1, 2, 3, 4 and beyond.
_WEIGHTS = {
    "scanned": (
        (5.00, 0.83, 1.01, 0.52, 0.47, 0.30),
        (19.21, 1.26, 0.44, 0.53, 0.28, 0.14),
        (34.37, 0.36, 0.45, 0.14, 0.18, 0.27),
    ),
    "painted": (
        (4.04, 0.78, 0.46, 0.42, 0.41, 0.32),
        (15.14, 0.92, 0.53, 0.26, 0.14, 0.07),
        (22.62, 0.40, 0.63, 0.25, 0.15, 0.38),
    ),
}


@dataclass(frozen=True)
class WaveletMatch(Metric):
    """How many of the query's large wavelet coefficients another image lacks, at the same place and sign.

    1. A row is three means, then the signed places of as many coefficients for each of the channels Y, I, Q; 0 is
       none.
    2. The distance is the sum of the weighted differences of the means, and of the weights of those coefficients of
       the query that the other row has not. Coarse coefficients weigh more than fine ones.

    It is not symmetric: a query with little detail may match an image with much.

    Parameters
    ----------
    query : the weights fitted by the paper for "scanned" queries, which suit photographs, or for "painted" ones

    Returns
    -------
    `(Q, N) float32`, 0 or larger; the similarity halves at 20: 1 / (1 + distance / 20)

    Raises
    ------
    ValueError
        where `query` is none of these, the queries and the rows are not matrices of one width, that width is no
        multiple of 3, or a place is no whole number within 128 x 128

    References
    ----------
    C. E. Jacobs, A. Finkelstein and D. H. Salesin, Fast Multiresolution Image Querying, SIGGRAPH 1995,
    doi:10.1145/218380.218454.

    Notes
    -----
    Departures: the paper's score leaves out the constant sum of the query's weights, so it is this minus a constant.

    Examples
    --------
    >>> rows = np.float32([[0.5, 0, 0, 1, 0, 0], [0.5, 0, 0, -1, 0, 0], [0.7, 0, 0, 1, 0, 0]])
    >>> WaveletMatch().distances(rows[:1], rows).round(2).tolist()[0][1:]
    [0.8299999833106995, 1.0]
    """

    query: Literal["scanned", "painted"] = "scanned"

    symbol = "wavelets"

    def __post_init__(self) -> None:
        if self.query not in _WEIGHTS:
            raise ValueError(f'query is "scanned" or "painted"; got {self.query!r}')

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        check_widths(queries, rows)
        if queries.shape[1] % 3:
            raise ValueError(f"a signature is 3 means and 3 times as many places; got {queries.shape[1]} values")
        return distances_in_blocks(
            lambda block: self._wavelet_distances(queries, block), queries, rows, block_values=_BLOCK_VALUES
        )

    def similarity(self, distances: Floats) -> Floats:
        """1 / (1 + distance / 20)."""
        return np.asarray(1 / (1 + distances / 20), np.float32)

    def _wavelet_distances(self, queries: NDArray[Any], block: NDArray[Any]) -> NDArray[np.float64]:
        weights, means = _coefficient_weights(self.query), np.array(_WEIGHTS[self.query])[:, 0]
        apart = np.abs(queries[:, None, :3].astype(np.float64) - block[:, :3]) @ means
        stored = _coefficient_indices(block)
        for number, places in enumerate(_coefficient_indices(queries)):
            had = np.zeros(len(weights), np.float32)
            had[places] = weights[places]
            apart[number] += weights[places].sum() - had[stored].sum(axis=1)
        return np.asarray(np.maximum(apart, 0))


def _coefficient_indices(rows: NDArray[Any]) -> NDArray[np.int64]:
    """The places of the coefficients of signatures in `_coefficient_weights`, `(n, 3 m)`."""
    signed = rows[:, 3:].astype(np.int64)
    if (signed != rows[:, 3:]).any() or (np.abs(signed) >= _N_COEFFICIENTS).any():
        raise ValueError(f"the places of a signature are whole numbers within +-{_N_COEFFICIENTS - 1}")
    return signed + np.repeat(np.arange(3) * 2 * _N_COEFFICIENTS + _N_COEFFICIENTS, signed.shape[1] // 3)


@lru_cache(maxsize=2)
def _coefficient_weights(query: str) -> Floats:
    """The weight of each signed place of each channel, `(3 * 2 * 128 * 128,)`."""
    larger = np.maximum(*np.divmod(np.arange(_N_COEFFICIENTS), _SQUARE))
    weights = np.array(_WEIGHTS[query])[:, np.minimum(larger, 5)]
    weights[:, 0] = 0
    both = np.concatenate([np.zeros((3, 1)), weights[:, :0:-1], weights], 1)
    return np.asarray(both.ravel(), np.float32)
