"""The mean absolute difference of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_BLOCK_VALUES = 128_000


@dataclass(frozen=True)
class ByteL1(Metric):
    """The mean of the absolute differences of two vectors of bytes, as numbers of 0..255.

    It ranks as L1 does, but works on the bytes themselves, and knows the largest distance that there can be.

    Returns
    -------
    `(Q, N) float32` of 0 to 255; the similarity is 1 - distance / 255

    Raises
    ------
    ValueError
        where the queries and the rows are not uint8 matrices of one width

    References
    ----------
    M. M. Deza and E. Deza, Encyclopedia of Distances, Springer, 2009, doi:10.1007/978-3-642-00234-2.

    Examples
    --------
    >>> ByteL1().distances(np.uint8([[0, 200]]), np.uint8([[3, 193], [0, 200]])).tolist()
    [[5.0, 0.0]]
    """

    symbol = "|Δ|"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        if queries.dtype != np.uint8 or rows.dtype != np.uint8:
            raise ValueError(f"byte_l1 compares bytes, uint8; got {queries.dtype} and {rows.dtype}")
        return distances_in_blocks(
            lambda block: _mean_differences(queries, block), queries, rows, block_values=_BLOCK_VALUES
        )

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance / 255."""
        return np.asarray(1 - distances / 255, np.float32)


def _mean_differences(queries: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.float64]:
    sums = np.empty((len(queries), len(rows)), np.uint32)
    for line, query in zip(sums, queries, strict=True):
        apart = np.maximum(query, rows) - np.minimum(query, rows)
        np.sum(apart, axis=1, dtype=np.uint32, out=line)
    return np.asarray(sums / max(1, rows.shape[1]))
