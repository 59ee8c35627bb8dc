"""The cosine distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_BLOCK_VALUES = 32_000


@dataclass(frozen=True)
class Cosine(Metric):
    """One minus the cosine of the angle between two vectors; their lengths do not count.

    A row of zeros has no direction: it is at 0 from another row of zeros and at 1 from everything else.

    Returns
    -------
    `(Q, N) float32` of 0 (same direction) to 2 (opposite); the similarity is 1 - distance / 2

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width

    References
    ----------
    G. Salton, A. Wong and C. S. Yang, A Vector Space Model for Automatic Indexing, Communications of the ACM 18(11),
    1975, doi:10.1145/361219.361220.

    Examples
    --------
    >>> Cosine().distances(np.float32([[1, 0]]), np.float32([[5, 0], [0, 1], [-1, 0]])).tolist()
    [[0.0, 1.0, 2.0]]
    """

    symbol = "cos"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        heads = _unit_vectors(queries) if queries.ndim == 2 else queries
        return distances_in_blocks(
            lambda block: _cosine_distances(heads, block), queries, rows, block_values=_BLOCK_VALUES
        )

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """Rows of norm 1."""
        return _unit_vectors(rows).astype(np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 - distance / 2."""
        return np.asarray(1 - distances / 2, np.float32)


def _cosine_distances(query_directions: NDArray[np.float64], block: NDArray[Any]) -> NDArray[np.float64]:
    values = block.astype(np.float64)
    norms = np.sqrt(np.einsum("ij,ij->i", values, values))
    cosines = query_directions[:, :-1] @ values.T / np.where(norms == 0, 1, norms)
    cosines += query_directions[:, -1:] * (norms == 0)
    return np.clip(1 - cosines, 0, 2)


def _unit_vectors(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Rows of norm 1, `(N, D + 1)`: a row of zeros points along the last axis."""
    values = rows.astype(np.float64)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    nowhere = norms == 0
    return np.hstack([values / np.where(nowhere, 1, norms), nowhere])
