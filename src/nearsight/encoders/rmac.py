"""R-MAC: the maxima of many regions of an image, added."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._pooling import Pooling
from nearsight.encoders._region_pooling import pool_areas
from nearsight.encoders.regions import check_levels, rmac_regions
from nearsight.types import LocalFeatures


@dataclass(frozen=True)
class Rmac(Pooling):
    """The maxima of many regions of an image, added: regional maximum activations of convolutions.

    1. Square regions of `levels` sizes are laid over the map; `regions` says how.
    2. Of each region the maximum of each value is taken, and divided by the length of all.
    3. These are added, and the row is divided by its length. Rows of several maps are added before.

    Images without features are zeros. Features that are no whole map lie on the image's pixels instead of cells. In
    the paper, the regions are whitened before they are added:
    `mobilenetv2 | regions | pca(dim=512, whiten=1) | average(unit=true)` does that.

    Parameters
    ----------
    levels : sizes of regions, 1 to 8

    Returns
    -------
    `(N, D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        where levels is out of its range

    References
    ----------
    G. Tolias, R. Sicre and H. Jégou, Particular Object Retrieval with Integral Max-Pooling of CNN Activations, ICLR
    2016, doi:10.48550/arXiv.1511.05879, section 3.2 and equation 3.

    Examples
    --------
    >>> at = np.float32([[1, 1], [3, 1]]), np.float32([2, 2]), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*at, np.float32([[5, 0], [0, 1]]), (4, 2), grids=((2, 1),))
    >>> Rmac(levels=1).encode([features], {}).astype(float).round(3).tolist()
    [[0.894, 0.447]]
    """

    levels: int = 3

    def __post_init__(self) -> None:
        check_levels(self.levels)

    def pool(self, features: LocalFeatures) -> NDArray[np.float64]:
        """The sum of the regions."""
        found = pool_areas(features, partial(rmac_regions, levels=self.levels), "max")
        return np.asarray(found.descriptors.sum(axis=0, dtype=np.float64))
