"""GeM: the generalised mean of all features of an image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._pooling import Pooling
from nearsight.types import LocalFeatures

_MIN_VALUE = 1e-6
"""What values are raised to before their power is taken, as the authors' own program does."""


@dataclass(frozen=True)
class Gem(Pooling):
    """The generalised mean of all features of an image: between the average (p = 1) and the maximum (p infinite).

    1. Values below 1e-6 become 1e-6.
    2. (mean of x^p)^(1/p) of each value over the features.
    3. The row is divided by its length. Rows of several maps are added before.

    Images without features are zeros.

    Parameters
    ----------
    p : the power, 1 to 100

    Returns
    -------
    `(N, D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        where p is out of its range

    References
    ----------
    F. Radenović, G. Tolias and O. Chum, Fine-Tuning CNN Image Retrieval with No Human Annotation, IEEE TPAMI 41(7),
    2019, doi:10.1109/TPAMI.2018.2846566, equation 3.

    Notes
    -----
    Departures: p is given, not trained with the network.

    Examples
    --------
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[2, 0], [0, 1]]), (8, 8))
    >>> Gem().encode([features], {}).astype(float).round(3).tolist()
    [[0.894, 0.447]]
    """

    p: float = 3.0

    def __post_init__(self) -> None:
        if not 1 <= self.p <= 100:
            raise ValueError(f"p is 1 (the average) to 100 (nearly the maximum); got {self.p}")

    def pool(self, features: LocalFeatures) -> NDArray[np.float64]:
        """The generalised mean, of values divided by their maxima, so that no power is too large."""
        rows = np.maximum(features.descriptors.astype(np.float64), _MIN_VALUE)
        most = rows.max(axis=0)
        return np.asarray(most * ((rows / most) ** self.p).mean(axis=0) ** (1 / self.p))
