"""The Hamming distance of packed bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_BLOCK_VALUES = 128_000


@dataclass(frozen=True)
class Hamming(Metric):
    """The number of bits in which two hashes differ.

    Rows are bytes of eight bits each. Whole numbers up to 2^24 are exact in the distances' float32. As the number of
    bits is not known from a distance, the similarity halves at 8 differing bits: 1 / (1 + distance / 8).

    Returns
    -------
    `(Q, N) float32`, whole numbers of 0 to 8 D

    Raises
    ------
    ValueError
        where the queries and the rows are not uint8 matrices of one width

    References
    ----------
    R. W. Hamming, Error Detecting and Error Correcting Codes, Bell System Technical Journal 29(2), 1950,
    doi:10.1002/j.1538-7305.1950.tb00463.x.

    Examples
    --------
    >>> Hamming().distances(np.uint8([[0b1010, 0]]), np.uint8([[0b0110, 255], [0b1010, 0]])).tolist()
    [[10.0, 0.0]]
    """

    symbol = "bits"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        if queries.dtype != np.uint8 or rows.dtype != np.uint8:
            raise ValueError(f"hamming compares packed bits, uint8; got {queries.dtype} and {rows.dtype}")
        return distances_in_blocks(
            lambda block: _count_differing_bits(queries, block), queries, rows, block_values=_BLOCK_VALUES
        )

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """A value for each bit; the squared distance counts those that differ."""
        if rows.dtype != np.uint8:
            raise ValueError(f"hamming compares packed bits, uint8; got {rows.dtype}")
        return np.unpackbits(rows, axis=1).astype(np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 / (1 + distance / 8)."""
        return np.asarray(1 / (1 + distances / 8), np.float32)


def _count_differing_bits(queries: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.int32]:
    asked, stored = _as_widest_integers(queries), _as_widest_integers(rows)
    counts = [np.bitwise_count(stored ^ query).sum(axis=1, dtype=np.int32) for query in asked]
    return np.array(counts, np.int32).reshape(len(queries), len(rows))


def _as_widest_integers(rows: NDArray[np.uint8]) -> NDArray[Any]:
    """The same bytes as the widest whole numbers that fit their width."""
    rows = np.ascontiguousarray(rows)
    return rows.view(np.uint64) if rows.shape[1] % 8 == 0 and rows.shape[1] else rows
