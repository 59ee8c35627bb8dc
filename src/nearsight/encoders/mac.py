"""MAC: the largest that each value becomes anywhere in an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._pooling import Pooling
from nearsight.types import LocalFeatures


@dataclass(frozen=True)
class Mac(Pooling):
    """The maximum of each value over all features of an image: maximum activations of convolutions (MAC).

    1. The maximum of each value over the features.
    2. The row is divided by its length. Rows of several maps are added before.

    Images without features are zeros.

    Returns
    -------
    `(N, D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        never: it takes any features

    References
    ----------
    G. Tolias, R. Sicre and H. Jégou, Particular Object Retrieval with Integral Max-Pooling of CNN Activations, ICLR
    2016, doi:10.48550/arXiv.1511.05879, equation 1.

    Examples
    --------
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[6, 1], [2, 8]]), (8, 8))
    >>> Mac().encode([features], {}).astype(float).round(1).tolist()
    [[0.6, 0.8]]
    """

    def pool(self, features: LocalFeatures) -> NDArray[Any]:
        """The maximum."""
        return np.asarray(features.descriptors.max(axis=0))

    def feature_contributions(self, features: LocalFeatures, values: NDArray[Any]) -> NDArray[np.float64]:
        """What the values add whose maximum a feature holds; where several hold it, each its part."""
        rows = features.descriptors
        most = rows.max(axis=0)
        held = rows == most
        return np.asarray(held @ (most.astype(np.float64) * values / held.sum(axis=0)))
