"""Visual words as they are stored: for each feature its word, a string of bits that says more, and where it lies.

An image's row is an array of records, sorted by word. Places are in units of the image's longest side, so they do
not depend on the size at which it was looked at.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, LocalFeatures

Records: TypeAlias = NDArray[Any]
"""`(n,)` of `record_dtype(bits)`: the features of one image, rising by word."""

_MIN_DIAMETER = 1 / 2048
"""The smallest diameter that is told apart, of the longest side."""
_STEPS_PER_OCTAVE = 16
_MAX_COORDINATE = 65535


def record_dtype(bits: int) -> np.dtype[Any]:
    """The type of a record: `word`, `x`, `y`, `scale`, `angle`, and `bits`, a multiple of 8, in bytes."""
    if bits % 8 or bits < 0:
        raise ValueError(f"bits is a multiple of 8, 0 or more; got {bits}")
    place = [("x", "<u2"), ("y", "<u2"), ("scale", "u1"), ("angle", "u1")]
    return np.dtype([("word", "<u4"), *place, ("bits", "u1", (bits // 8,))])


def to_records(features: LocalFeatures, words: NDArray[np.int32], signatures: NDArray[np.uint8]) -> Records:
    """The records of features, n in all, with their `words (n,)` and `signatures (n, B) uint8`; sorted by word."""
    longest = max(features.size)
    made = np.empty(len(words), record_dtype(8 * signatures.shape[1]))
    made["word"], made["bits"] = words, signatures
    made["x"], made["y"] = np.rint(np.clip(features.points / longest, 0, 1) * _MAX_COORDINATE).astype(np.uint16).T
    steps = _STEPS_PER_OCTAVE * np.log2(np.maximum(features.scales / longest, _MIN_DIAMETER) / _MIN_DIAMETER)
    made["scale"] = np.clip(np.rint(steps), 0, 255)
    made["angle"] = np.rint(features.angles / 360 * 256) % 256
    return made[np.argsort(made["word"], kind="stable")]


def points(word_records: Records) -> Floats:
    """Where features lie, `(n, 2) float32`, in units of the longest side."""
    return np.stack([word_records["x"], word_records["y"]], axis=1).astype(np.float32) / np.float32(_MAX_COORDINATE)


def scales(word_records: Records) -> Floats:
    """Diameters `(n,) float32` of features, in units of the longest side."""
    return np.asarray(_MIN_DIAMETER * np.exp2(word_records["scale"].astype(np.float32) / _STEPS_PER_OCTAVE), np.float32)


def angles(word_records: Records) -> Floats:
    """Angles `(n,) float32` of features in degrees, clockwise from the x axis."""
    return word_records["angle"].astype(np.float32) * np.float32(360 / 256)
