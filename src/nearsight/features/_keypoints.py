"""OpenCV's key points as local features. A helper, not a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from nearsight.types import Image, LocalFeatures

KeyPoint = Any
"""`cv2.KeyPoint`."""
Feature2D = Any
"""`cv2.Feature2D`."""


def from_keypoints(image: Image, keypoints: Sequence[KeyPoint], descriptors: NDArray[Any]) -> LocalFeatures:
    """Key points, n in all, with their descriptors `(n, D)`; OpenCV counts from the centre of the first pixel."""
    rows = np.array([(*point.pt, point.size, point.angle) for point in keypoints], np.float32).reshape(-1, 4)
    return local_features(image, rows[:, :2] + 0.5, rows[:, 2], np.maximum(rows[:, 3], 0), descriptors)


def local_features(
    image: Image, points: NDArray[Any], scales: NDArray[Any], angles: NDArray[Any], descriptors: NDArray[Any]
) -> LocalFeatures:
    """Features of an image from arrays of any precision; angles may be of any turn."""
    places, sizes, turns = (np.asarray(each, np.float32) for each in (points, scales, np.mod(angles, 360)))
    return LocalFeatures(places, sizes, turns % 360, descriptors, _image_size(image))


def detect_binary_features(image: Image, detector: Feature2D, n: int, n_bytes: int) -> LocalFeatures:
    """The n features of the largest response that a method of OpenCV finds, with strings of `n_bytes` bytes.

    Among equal responses those that were found first.
    """
    found, rows = detector.detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)
    if rows is None:
        return empty_features(image, n_bytes, np.uint8)
    order = np.argsort([-point.response for point in found], kind="stable")[:n]
    return from_keypoints(image, [found[at] for at in order], rows[order])


def check_feature_count(n: int) -> None:
    """Raises ValueError where n is no number of features."""
    if n < 1:
        raise ValueError(f"n is how many features are kept, 1 or more; got {n}")


def empty_features(image: Image, width: int, dtype: DTypeLike) -> LocalFeatures:
    """No features, of descriptors with `width` values."""
    return local_features(image, np.empty((0, 2)), np.empty(0), np.empty(0), np.empty((0, width), dtype))


def _image_size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
