"""Lengths and powers of rows, as all encoders of vectors need them. A helper, not a method."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import Arrays, Floats

_PIECE = 4096


def l2_normalise(vectors: NDArray[Any]) -> Floats:
    """Rows `(..., D)` divided by their Euclidean lengths; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(vectors / np.where(lengths == 0, 1, lengths), np.float32)


def power_normalise(vectors: NDArray[Any], power: float) -> NDArray[Any]:
    """sign(x) |x|^power of each value."""
    return np.asarray(np.sign(vectors) * np.abs(vectors) ** power)


def check_power(power: float) -> None:
    """ValueError where a power is none that evens values out."""
    if not 0 < power <= 1:
        raise ValueError(f"power is above 0 and at most 1, which leaves values as they are; got {power}")


def trained_array(trained: Arrays, name: str) -> Floats:
    """One of the fitted arrays, float32 in one piece."""
    return np.ascontiguousarray(cast(Floats, trained[name]), np.float32)


def check_width(vectors: NDArray[Any], width: int) -> None:
    """ValueError where rows are not `(N, width)`."""
    if vectors.ndim != 2 or vectors.shape[1] != width:
        raise ValueError(f"the trained state is for vectors of {width} values, (N, {width}); got {vectors.shape}")


def check_not_constant(sample: NDArray[Any]) -> None:
    """ValueError where all rows of a sample are the same, so that training is impossible."""
    if not any((sample[start : start + _PIECE] != sample[0]).any() for start in range(0, len(sample), _PIECE)):
        raise ValueError(f"this is trained on how vectors differ; these {len(sample)} are all the same")


def largest_eigenpairs(symmetric: NDArray[np.float64], n_pairs: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The largest eigenvalues, falling, and their eigenvectors, one a row; as many as there are, if fewer."""
    size = len(symmetric)
    values, vectors = scipy.linalg.eigh(symmetric, subset_by_index=(size - min(n_pairs, size), size - 1))
    return values[::-1], vectors.T[::-1]
