"""The L1 distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import scipy
from numpy.typing import NDArray

from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks

_BLOCK_VALUES = 250_000


@dataclass(frozen=True)
class L1(Metric):
    """The sum of the absolute differences, also called city-block distance.

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
    >>> L1().distances(np.float32([[0, 0]]), np.float32([[3, 4], [0, 0]])).tolist()
    [[7.0, 0.0]]
    """

    symbol = "L1"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        return distances_in_blocks(
            lambda block: scipy.spatial.distance.cdist(queries, block, "cityblock"),
            queries,
            rows,
            block_values=_BLOCK_VALUES,
        )
