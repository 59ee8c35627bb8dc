"""Points by the determinant of the Hessian, of sums over boxes; a helper, not a method.

Sums over boxes are differences of an integral image, in whole numbers and so exact. A filter of side L stands for the
second derivatives of a Gaussian of sigma 1.2 L / 9.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats

SIGMA = 1.2 / 9
"""Of the Gaussian, by the filter's side."""
_MIXED_DERIVATIVE_WEIGHT = np.float32(0.9)
"""Makes up for boxes not being Gaussians: the paper's equation 3."""
_LAYERS_PER_OCTAVE = 4

IntegralImage = NDArray[np.int32]
"""`(H + 1, W + 1)`: the sum of all pixels above and to the left."""


class BlobPoints(NamedTuple):
    """`places (n, 2)` x, y in pixels with centres at .5, `sigmas (n,)`, `strengths (n,)`: the determinants."""

    positions: NDArray[Any]
    sigmas: NDArray[Any]
    responses: NDArray[Any]


def integral_image(luma: NDArray[np.uint8]) -> IntegralImage:
    """The integral image; what exceeds 32 bits wraps around, and differences are right nevertheless."""
    sums = np.zeros((luma.shape[0] + 1, luma.shape[1] + 1), np.int32)
    np.cumsum(np.cumsum(luma, axis=0, dtype=np.int32), axis=1, dtype=np.int32, out=sums[1:, 1:])
    return sums


def filter_sides(octave: int) -> list[int]:
    """The four filters of an octave: 9, 15, 21, 27; 15, 27, 39, 51; 27, 51, 75, 99; and so on."""
    return [3 * (1 + 2 ** (octave + 1) * (layer + 1)) for layer in range(_LAYERS_PER_OCTAVE)]


def hessian_determinants(sums: IntegralImage, side: int, step: int, border: int) -> Floats:
    """Determinants of the Hessian at every `step`-th pixel that is `border` or more away from the edges.

    Luma counts from 0 to 1, and the filters are divided by their areas.
    """
    lobe, half = side // 3, side // 2
    shape = (sums.shape[0] - 1, sums.shape[1] - 1)
    height, width = (len(range(border, length - border, step)) for length in shape)

    def box(top: int, left: int, down: int, right: int) -> IntegralImage:
        """Sums of boxes of this size that begin so far from the pixels."""
        y, x = border + top, border + left
        above, below = (slice(at, at + step * height, step) for at in (y, y + down))
        before, after = (slice(at, at + step * width, step) for at in (x, x + right))
        total: IntegralImage = sums[below, after] - sums[above, after] - sums[below, before] + sums[above, before]
        return total

    wide, reach = 2 * lobe - 1, lobe // 2
    yy = box(-half, 1 - lobe, side, wide) - 3 * box(-reach, 1 - lobe, lobe, wide)
    xx = box(1 - lobe, -half, wide, side) - 3 * box(1 - lobe, -reach, wide, lobe)
    xy = box(-lobe, -lobe, lobe, lobe) + box(1, 1, lobe, lobe) - box(-lobe, 1, lobe, lobe) - box(1, -lobe, lobe, lobe)
    dxx, dyy, dxy = (each.astype(np.float32) / np.float32(255 * side * side) for each in (xx, yy, xy))
    return np.asarray(dxx * dyy - (_MIXED_DERIVATIVE_WEIGHT * dxy) ** 2, np.float32)


def detect_blobs(sums: IntegralImage, octaves: int, threshold: float) -> BlobPoints:
    """Maxima over place and scale above a threshold, in so many octaves as the image has room for."""
    found = [_detect_octave(sums, octave, threshold) for octave in range(octaves)]
    return BlobPoints(*(np.concatenate(each).astype(np.float32) for each in zip(*found, strict=True)))


def _detect_octave(sums: IntegralImage, octave: int, threshold: float) -> BlobPoints:
    step, filters = 1 << octave, filter_sides(octave)
    border = filters[-1] // 2 + 1
    if min(sums.shape) - 1 <= 2 * (border + step):
        return BlobPoints(np.empty((0, 2)), np.empty(0), np.empty(0))
    layers = np.stack([hessian_determinants(sums, side, step, border) for side in filters])
    around = np.stack([cv2.dilate(layer, np.ones((3, 3), np.uint8)) for layer in layers])
    inner = (slice(1, -1),) * 3
    largest = np.maximum(np.maximum(around[:-2], around[1:-1]), around[2:])[:, 1:-1, 1:-1]
    at = np.argwhere((layers[inner] > threshold) & (layers[inner] == largest)) + 1
    cubes = _neighbourhoods(layers, at)
    # where several are equally large, the first of them alone
    first = cubes.reshape(-1, 27).argmax(axis=1) == 13
    at, offsets = at[first], _subpixel_offsets(cubes[first])
    # further away the parabola says nothing of the place
    near = (np.abs(offsets) < 1).all(axis=1)
    exact = at[near] + offsets[near]
    places = border + step * exact[:, :0:-1] + 0.5
    return BlobPoints(places, SIGMA * (filters[0] + (filters[1] - filters[0]) * exact[:, 0]), layers[tuple(at[near].T)])


def _neighbourhoods(layers: Floats, at: NDArray[np.int64]) -> Floats:
    """The 3 x 3 x 3 values around each place, `(n, 3, 3, 3)`."""
    near = np.indices((3, 3, 3)) - 1
    layer, row, column = (at.T[axis][:, None, None, None] + near[axis] for axis in range(3))
    return np.asarray(layers[layer, row, column], np.float32)


def _subpixel_offsets(cubes: Floats) -> NDArray[np.float64]:
    """Where the parabola through the 27 values has its summit, `(n, 3)` from the middle; far away where it has none."""
    value = cubes.astype(np.float64)
    slope = np.stack(
        [(_axis_neighbour(value, axis, 1) - _axis_neighbour(value, axis, -1)) / 2 for axis in range(3)], axis=1
    )
    curve = np.empty((len(value), 3, 3))
    for one in range(3):
        curve[:, one, one] = _axis_neighbour(value, one, 1) + _axis_neighbour(value, one, -1) - 2 * value[:, 1, 1, 1]
        for other in range(one):
            mixed = _diagonal_neighbour(value, one, other, 1, 1) + _diagonal_neighbour(value, one, other, -1, -1)
            mixed = (
                mixed - _diagonal_neighbour(value, one, other, 1, -1) - _diagonal_neighbour(value, one, other, -1, 1)
            )
            curve[:, one, other] = curve[:, other, one] = mixed / 4
    summit = np.full((len(value), 3), np.inf)
    usable = np.abs(np.linalg.det(curve)) > 0
    summit[usable] = -np.linalg.solve(curve[usable], slope[usable][..., None])[..., 0]
    return summit


def _axis_neighbour(cubes: NDArray[np.float64], axis: int, by: int) -> NDArray[np.float64]:
    at = [1, 1, 1]
    at[axis] += by
    return cubes[:, at[0], at[1], at[2]]


def _diagonal_neighbour(
    cubes: NDArray[np.float64], one: int, other: int, first: int, second: int
) -> NDArray[np.float64]:
    at = [1, 1, 1]
    at[one] += first
    at[other] += second
    return cubes[:, at[0], at[1], at[2]]
