"""OpenCV's key points as local features. A helper, not a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nearsight.types import Image, LocalFeatures

KeyPoint = Any
"""`cv2.KeyPoint`."""


def described(image: Image, found: Sequence[KeyPoint], descriptors: NDArray[Any]) -> LocalFeatures:
    """Key points, n in all, with their descriptors `(n, D)`; OpenCV counts from the centre of the first pixel."""
    rows = np.array([(*point.pt, point.size, point.angle) for point in found], np.float32).reshape(-1, 4)
    points = rows[:, :2] + np.float32(0.5)
    return LocalFeatures(points, rows[:, 2], np.maximum(rows[:, 3], 0) % 360, descriptors, _size(image))


def nothing(image: Image, width: int, dtype: DTypeLike) -> LocalFeatures:
    """No features, of descriptors with `width` values."""
    points, scales, angles = (np.empty(shape, np.float32) for shape in ((0, 2), (0,), (0,)))
    return LocalFeatures(points, scales, angles, np.empty((0, width), dtype), _size(image))


def _size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
