"""Visual words as they are stored: for each feature its word, a string of bits that says more, and where it lies.

A picture's row is an array of records, sorted by word. Places are in units of the picture's longest side, so they do
not depend on the size at which it was looked at.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, LocalFeatures

Records: TypeAlias = NDArray[Any]
"""`(n,)` of `records(bits)`: the features of one picture, rising by word."""

_FINEST = 1 / 2048
"""The smallest diameter that is told apart, of the longest side."""
_OCTAVE = 16
_PLACES = 65535


def records(bits: int) -> np.dtype[Any]:
    """The type of a record: `word`, `x`, `y`, `scale`, `angle`, and `bits`, a multiple of 8, in bytes."""
    if bits % 8 or bits < 0:
        raise ValueError(f"bits is a multiple of 8, 0 or more; got {bits}")
    place = [("x", "<u2"), ("y", "<u2"), ("scale", "u1"), ("angle", "u1")]
    return np.dtype([("word", "<u4"), *place, ("bits", "u1", (bits // 8,))])


def recorded(features: LocalFeatures, words: NDArray[np.int32], signatures: NDArray[np.uint8]) -> Records:
    """The records of features, n in all, with their `words (n,)` and `signatures (n, B) uint8`; sorted by word."""
    longest = max(features.size)
    made = np.empty(len(words), records(8 * signatures.shape[1]))
    made["word"], made["bits"] = words, signatures
    made["x"], made["y"] = np.rint(np.clip(features.points / longest, 0, 1) * _PLACES).astype(np.uint16).T
    steps = _OCTAVE * np.log2(np.maximum(features.scales / longest, _FINEST) / _FINEST)
    made["scale"] = np.clip(np.rint(steps), 0, 255)
    made["angle"] = np.rint(features.angles / 360 * 256) % 256
    return made[np.argsort(made["word"], kind="stable")]


def points(rows: Records) -> Floats:
    """Where features lie, `(n, 2) float32`, in units of the longest side."""
    return np.stack([rows["x"], rows["y"]], axis=1).astype(np.float32) / np.float32(_PLACES)


def scales(rows: Records) -> Floats:
    """Diameters `(n,) float32` of features, in units of the longest side."""
    return np.asarray(_FINEST * np.exp2(rows["scale"].astype(np.float32) / _OCTAVE), np.float32)


def angles(rows: Records) -> Floats:
    """Angles `(n,) float32` of features in degrees, clockwise from the x axis."""
    return rows["angle"].astype(np.float32) * np.float32(360 / 256)
