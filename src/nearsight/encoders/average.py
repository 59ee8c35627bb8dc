"""Average pooling: the mean of all features of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._normalisation import l2_normalise
from nearsight.encoders._pooling import Pooling
from nearsight.types import LocalFeatures


@dataclass(frozen=True)
class Average(Pooling):
    """The mean of all features of an image.

    1. The mean of each value over the features; with `unit`, each descriptor is divided by its length first, so that
       all count alike.
    2. The row is divided by its length. Rows of several maps are added before.

    Images without features are zeros. R-MAC with its regions whitened, as in its paper, is
    `mobilenetv2 | regions | pca(dim=512, whiten=1) | average(unit=true)`.

    Parameters
    ----------
    unit : divide each descriptor by its length first

    Returns
    -------
    `(N, D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        never: it takes any features

    References
    ----------
    M. Lin, Q. Chen and S. Yan, Network in Network, ICLR 2014, doi:10.48550/arXiv.1312.4400, section 3.2.

    Examples
    --------
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[6, 0], [0, 8]]), (8, 8))
    >>> Average().encode([features], {}).astype(float).round(1).tolist()
    [[0.6, 0.8]]
    """

    unit: bool = False

    def pool(self, features: LocalFeatures) -> NDArray[np.float64]:
        """The mean."""
        rows = l2_normalise(features.descriptors) if self.unit else features.descriptors
        return np.asarray(rows.mean(axis=0, dtype=np.float64))

    def feature_contributions(self, features: LocalFeatures, values: NDArray[Any]) -> NDArray[np.float64]:
        """The inner product of each, a part of the mean."""
        rows = l2_normalise(features.descriptors) if self.unit else features.descriptors
        return np.asarray(rows @ values.astype(np.float64) / len(rows))
