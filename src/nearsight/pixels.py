"""Pixels in the shape that a descriptor asks for; a helper, not a method."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Image


def resize_exact(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The image `(H, W)` or `(H, W, 3)` in exactly `width` x `height` pixels, whatever its proportions.

    Each axis is averaged over areas where it shrinks and interpolated linearly where it grows. Values stay whole
    numbers of 0..255, so a flat image stays exactly flat.
    """
    have_height, have_width = image.shape[:2]
    smaller = cv2.resize(image, (min(width, have_width), min(height, have_height)), interpolation=cv2.INTER_AREA)
    squashed = cv2.resize(smaller, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(squashed, np.uint8)


def to_grey(image: Image) -> NDArray[np.uint8]:
    """Luma `(H, W)` of ITU-R BT.601: .299 R + .587 G + .114 B, rounded."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
