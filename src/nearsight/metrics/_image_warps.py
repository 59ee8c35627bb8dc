"""Rows that are small square images: their shape, and what they become when warped a little; helpers, not methods."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats


def square_shape(width: int) -> tuple[int, int, int]:
    """`(side, side, channels)` of a row of `width` values: one channel or three; no number is both.

    Raises
    ------
    ValueError
        where no square image has that many values
    """
    for channels in (1, 3):
        side = math.isqrt(width // channels)
        if side and side * side * channels == width:
            return side, side, channels
    raise ValueError(f"rows are square images of one or three channels, such as those of tiny; got {width} values")


def squared_distances_of_warps(some: NDArray[Any], others: NDArray[Any]) -> Floats:
    """Sums of the squared differences of paired rows, `(N,)`."""
    return np.asarray(np.square(np.subtract(some, others, dtype=np.float32)).sum(axis=1))


def warp_grid(row: NDArray[Any], reach: int, scales: tuple[float, ...], mirror: bool) -> Floats:
    """The image of one row `(D,)` moved and scaled in every combination, then the same mirrored, `(T, D)`."""
    image = row.astype(np.float32).reshape(square_shape(len(row)))
    sides = [image, image[:, ::-1]] if mirror else [image]
    moved = [
        _resample_warped(side, _resampling_matrices(len(image), reach, scale)) for side in sides for scale in scales
    ]
    return np.concatenate(moved).reshape(-1, len(row))


def _resample_warped(image: Floats, maps: Floats) -> Floats:
    """`(M * M, S, S, C)`: each of M maps `(M, S, S)` along y with each along x."""
    along_x = np.einsum("mxk,ykc->myxc", maps, image, optimize=True)
    return np.asarray(np.einsum("nyk,mkxc->nmyxc", maps, along_x, optimize=True).reshape(-1, *image.shape))


@lru_cache(maxsize=64)
def _resampling_matrices(side: int, reach: int, scale: float) -> Floats:
    """`(2 reach + 1, side, side)`: what each old place counts in each new one along an axis; edges are drawn out."""
    middle = (side - 1) / 2
    moves = np.arange(-reach, reach + 1)[:, None]
    places = np.clip(middle + (np.arange(side) - middle - moves) / scale, 0, side - 1)
    return np.asarray(np.maximum(0, 1 - np.abs(places[..., None] - np.arange(side))), np.float32)
