"""What all ways of altering an image share: chance that comes from the pixels, and rounding to bytes."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Image

__all__ = ["generator_for", "to_uint8"]


def generator_for(image: Image) -> np.random.Generator:
    """Random numbers that are the same for the same image, in every run."""
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))


def to_uint8(pixels: NDArray[np.floating]) -> Image:
    """Pixels as bytes, what is below 0 or above 255 clipped."""
    clipped: Image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return clipped
