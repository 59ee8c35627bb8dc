"""The sum of squared differences of small images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics._image_warps import squared_distances_of_warps
from nearsight.types import Floats, Metric
from nearsight.types.metric import distances_in_blocks


@dataclass(frozen=True)
class Ssd(Metric):
    """The sum of the squared differences of two vectors, such as those of `tiny`, pixel by pixel.

    It ranks as L2 does. On the rows of `tiny` with zero mean and unit norm it is 2 - 2 correlation, and an upper
    bound of `warp`, which is one of `shift`.

    Returns
    -------
    `(Q, N) float32`, 0 or larger; the similarity is 1 / (1 + distance)

    Raises
    ------
    ValueError
        where the queries and the rows are not matrices of one width

    References
    ----------
    A. Torralba, R. Fergus and W. T. Freeman, 80 Million Tiny Images: A Large Data Set for Nonparametric Object and
    Scene Recognition, IEEE TPAMI 30(11), 2008, doi:10.1109/TPAMI.2008.128.

    Examples
    --------
    >>> Ssd().distances(np.float32([[0, 0]]), np.float32([[3, 4], [0, 0]])).tolist()
    [[25.0, 0.0]]
    """

    symbol = "SSD"

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        return distances_in_blocks(lambda block: _ssd_distances(queries, block), queries, rows)


def _ssd_distances(queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
    apart = np.empty((len(queries), len(rows)), np.float32)
    for line, query in zip(apart, queries, strict=True):
        line[:] = squared_distances_of_warps(query, rows)
    return apart
