"""The Haar wavelet transform of a square; a helper, not a method."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def haar_transform(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard decomposition of maps `(..., S, S)`, S a power of 2: all steps along x, then all along y.

    Orthogonal, so the sum of squares stays and `inverse_haar_transform` undoes it. Place (0, 0) is S times the mean.
    """
    basis = _haar_basis(maps.shape[-1])
    return np.asarray(basis @ maps @ basis.T)


def inverse_haar_transform(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """The maps `(..., S, S)` that have these coefficients."""
    basis = _haar_basis(coefficients.shape[-1])
    return np.asarray(basis.T @ coefficients @ basis)


@lru_cache(maxsize=8)
def _haar_basis(side: int) -> NDArray[np.float64]:
    """The Haar functions `(side, side)` as rows of norm 1: the constant, then the coarsest to the finest."""
    if side == 1:
        return np.ones((1, 1))
    half = _haar_basis(side // 2)
    coarse = np.repeat(half, 2, axis=1)
    fine = np.kron(np.eye(side // 2), [1, -1])
    basis = np.vstack([coarse, fine]) / math.sqrt(2)
    basis.flags.writeable = False
    return np.asarray(basis)
