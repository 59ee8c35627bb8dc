"""Rows, or descriptors of features, of length one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders import _normalisation
from nearsight.types import Arrays, Encoder, LocalFeatures


@dataclass(frozen=True)
class Unit(Encoder):
    """Vectors, or descriptors of features, divided by their lengths, so that each has the same weight.

    1. Each is divided by its Euclidean length; zeros stay zeros.

    It stands before what compares by straight distance and should not see lengths, such as the words of `vlad` and
    `asmk` for the features of a network: `mobilenetv2 | unit | pca(dim=128) | vlad`.

    Returns
    -------
    Rows `(N, D) float32`, or features with descriptors `(n, D) float32`

    Raises
    ------
    ValueError
        never: it takes any rows and features

    References
    ----------
    R. Arandjelović, P. Gronat, A. Torii, T. Pajdla and J. Sivic, NetVLAD: CNN Architecture for Weakly Supervised Place
    Recognition, CVPR 2016, doi:10.1109/CVPR.2016.572, section 3.1.

    Examples
    --------
    >>> Unit().encode(np.float32([[3, 4], [0, 0]]), {}).astype(float).round(1).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """

    input_kind = "both"
    metric = "cosine"

    @property
    def sample_size(self) -> int:
        """There is nothing to learn."""
        return 0

    def size(self, width: int, fitted: Arrays) -> int:
        """As many as there were."""
        return width

    def encode(self, described: Sequence[Any] | NDArray[Any], fitted: Arrays) -> Any:  # noqa: ANN401
        """Of features, features; of rows, rows."""
        if isinstance(described, np.ndarray):
            return _normalisation.l2_normalise(described)
        return [self._normalise_features(features) for features in described]

    def _normalise_features(self, features: LocalFeatures) -> LocalFeatures:
        return replace(features, descriptors=_normalisation.l2_normalise(features.descriptors))
