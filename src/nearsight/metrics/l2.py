"""The Euclidean distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_BLOCK_VALUES = 250_000


@dataclass(frozen=True)
class L2(Metric):
    """The Euclidean distance: the root of the sum of the squared differences.

    Differences are formed before they are squared, in double precision, so that equal rows are at exactly 0.

    Returns
    -------
    `(Q, N) float32`, 0 or larger, in the unit of the rows; the similarity is 1 / (1 + distance)

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width

    References
    ----------
    M. M. Deza and E. Deza, Encyclopedia of Distances, Springer, 2009, doi:10.1007/978-3-642-00234-2.

    Examples
    --------
    >>> L2().distances(np.float32([[0, 0]]), np.float32([[3, 4], [0, 0]])).tolist()
    [[5.0, 0.0]]
    """

    symbol = "L2"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        return distances_in_blocks(
            lambda block: scipy.spatial.distance.cdist(queries, block, "euclidean"),
            queries,
            rows,
            block_values=_BLOCK_VALUES,
        )

    def to_euclidean(self, rows: NDArray[Any]) -> Floats:
        """The rows themselves."""
        return np.asarray(rows, np.float32)
