"""CroW: the sum of all features of an image, weighed by place and by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._pooling import Pooling
from nearsight.types import LocalFeatures


@dataclass(frozen=True)
class Crow(Pooling):
    """The sum of all features of an image, weighted by the activation at their position and the rarity of their values.

    1. S is the sum of the values at each place, and the place's weight sqrt(S / |S|), |S| being the Euclidean length
       over all places: places where much is seen weigh more.
    2. Q_k is the share of places where value k is not 0, and the value's weight log(sum Q / Q_k), 0 where Q_k is 0:
       what is seen everywhere weighs less.
    3. The descriptors are added by the weights of their places, and each value of the sum multiplied by its own.
    4. The row is divided by its length. Rows of several maps are added before.

    Images without features are zeros. The paper's next step is `pca(dim=512, whiten=1)`.

    Returns
    -------
    `(N, D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        never: it takes any features

    References
    ----------
    Y. Kalantidis, C. Mellina and S. Osindero, Cross-Dimensional Weighting for Aggregated Deep Convolutional Features,
    ECCV 2016 Workshops, doi:10.1007/978-3-319-46604-0_48, sections 4.1 and 4.2 (a = b = 2).

    Notes
    -----
    Departures: the paper has maps without negative values; places whose sum is negative weigh nothing here.

    Examples
    --------
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[1, 0], [1, 1]]), (8, 8))
    >>> Crow().encode([features], {}).astype(float).round(3).tolist()
    [[0.533, 0.846]]
    """

    def pool(self, features: LocalFeatures) -> NDArray[np.float64]:
        """The weighted sum."""
        places, rare = _cross_dimensional_weights(rows := features.descriptors.astype(np.float64))
        return np.asarray(places @ rows * rare)

    def feature_contributions(self, features: LocalFeatures, values: NDArray[Any]) -> NDArray[np.float64]:
        """The inner product of each, weighted by place and by value."""
        places, rare = _cross_dimensional_weights(rows := features.descriptors.astype(np.float64))
        return np.asarray(places * (rows @ (rare * values)))


def _cross_dimensional_weights(descriptors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Those of the places `(n,)` and of the values `(D,)` of descriptors `(n, D)`."""
    sums = np.maximum(descriptors.sum(axis=1), 0)
    places = np.sqrt(sums / max(float(np.linalg.norm(sums)), np.finfo(np.float64).tiny))
    shares = (descriptors != 0).mean(axis=0)
    rare = np.zeros(len(shares))
    np.log(shares.sum() / np.maximum(shares, 1 / len(descriptors)), out=rare, where=shares > 0)
    return places, rare
