"""SPoC: the sum of all features of an image, those in its middle first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._pooling import Pooling
from nearsight.types import LocalFeatures


@dataclass(frozen=True)
class Spoc(Pooling):
    """The sum of all features of an image, with the largest weights in the middle: sum-pooled convolutional features.

    1. A feature at (x, y) of an image of W x H pixels has the weight exp(-((x - W/2)^2 + (y - H/2)^2) / (2 s^2)) with
       s = `sigma` min(W, H) / 2.
    2. The descriptors are multiplied by their weights and added.
    3. The row is divided by its length. Rows of several maps are added before.

    Images without features are zeros. The paper's next step is `pca(dim=256, whiten=1)`.

    Parameters
    ----------
    sigma : of the weights, as a part of the distance from the middle to the nearest edge, above 0

    Returns
    -------
    `(N, D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        where sigma is not above 0

    References
    ----------
    A. Babenko and V. Lempitsky, Aggregating Deep Convolutional Features for Image Retrieval, ICCV 2015,
    doi:10.1109/ICCV.2015.150, equations 3 and 4.

    Notes
    -----
    Departures: places are measured in pixels, not in cells, which differ where a map's cells are not quite square; so
    any local features can be pooled.

    Examples
    --------
    >>> points = np.float32([[30, 30], [30, 40]])
    >>> places = points, np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.eye(2, dtype=np.float32), (60, 60))
    >>> Spoc().encode([features], {}).astype(float).round(3).tolist()
    [[0.855, 0.519]]
    """

    sigma: float = 1 / 3

    def __post_init__(self) -> None:
        if not self.sigma > 0:
            raise ValueError(f"sigma is above 0; got {self.sigma}")

    def pool(self, features: LocalFeatures) -> NDArray[np.float64]:
        """The weighted sum."""
        return np.asarray(self._centre_weights(features) @ features.descriptors.astype(np.float64))

    def feature_contributions(self, features: LocalFeatures, values: NDArray[Any]) -> NDArray[np.float64]:
        """The inner product of each, weighted."""
        return np.asarray(self._centre_weights(features) * (features.descriptors @ values.astype(np.float64)))

    def _centre_weights(self, features: LocalFeatures) -> NDArray[np.float64]:
        """Of each feature, by its place."""
        size = np.array(features.size, np.float64)
        away = ((features.points - size / 2) ** 2).sum(axis=1)
        spread = self.sigma * size.min() / 2
        nearest = away.min()  # a common factor: far from the middle all weights would be 0
        return np.asarray(np.exp((nearest - away) / (2 * spread**2)))
