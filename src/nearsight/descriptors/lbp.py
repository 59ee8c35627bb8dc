"""Local binary patterns: which of the neighbours of each pixel are at least as bright."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nearsight.images.colour import to_grey
from nearsight.types import Descriptor, Floats, Image

_MAX_POINTS = {"plain": 12, "uniform": 24, "rotation_invariant": 16, "riu2": 24}


@dataclass(frozen=True)
class Lbp(Descriptor):
    """How often each local pattern occurs: which of the neighbours of a pixel are at least as bright as it.

    1. Each pixel has `points` neighbours on a circle of `radius` pixels, the first to the right, then anti-clockwise;
       between pixels luma is interpolated linearly. Pixels nearer to the border than the radius are left out.
    2. Neighbour p that is at least as bright as the pixel sets bit p of its pattern.
    3. Patterns are merged by `kind`:
       "plain" keeps all 2^points;
       "rotation_invariant" takes the smallest number that the turned pattern can be;
       "uniform" keeps patterns with at most two changes around the circle and puts all others together;
       "riu2" counts the bits of those with at most two changes and puts all others together.
    4. Patterns are counted and divided by the number of pixels.

    Parameters
    ----------
    points : neighbours, 4 to 24; at most 12 for "plain" and 16 for "rotation_invariant"
    radius : of the circle in pixels, 1 to 16
    kind : "plain", "uniform", "rotation_invariant" or "riu2"

    Returns
    -------
    `(N, size) float32`, each row with sum 1; for P points the size is 2^P for "plain", P (P - 1) + 3 for "uniform",
    P + 2 for "riu2" and the number of different necklaces of P beads (36 for 8) for "rotation_invariant". An image
    too small for any circle has a row of zeros.

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    T. Ojala, M. Pietikäinen and T. Mäenpää, Multiresolution Gray-Scale and Rotation Invariant Texture Classification
    with Local Binary Patterns, IEEE TPAMI 24(7), 2002, doi:10.1109/TPAMI.2002.1017623.

    Notes
    -----
    Departures: none for the patterns; the paper compares by log-likelihood, which is not symmetric. On
    Corel-1k 16 points at 2 pixels ranked best.

    Examples
    --------
    >>> flat = np.full((9, 9, 3), 50, np.uint8)
    >>> Lbp(points=8, kind="riu2").describe([flat])[0].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    """

    points: int = 16
    radius: float = 2.0
    kind: Literal["plain", "uniform", "rotation_invariant", "riu2"] = "uniform"

    metric = "chi2"

    def __post_init__(self) -> None:
        if self.kind not in _MAX_POINTS:
            raise ValueError(f'kind is "plain", "uniform", "rotation_invariant" or "riu2"; got {self.kind!r}')
        if not 4 <= self.points <= _MAX_POINTS[self.kind]:
            raise ValueError(f"points is 4 to {_MAX_POINTS[self.kind]} for {self.kind}; got {self.points}")
        if not 1 <= self.radius <= 16:
            raise ValueError(f"radius is 1 to 16 pixels; got {self.radius}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        if self.kind == "plain":
            return 1 << self.points
        if self.kind == "rotation_invariant":
            return len(_necklaces(self.points))
        return self.points + 2 if self.kind == "riu2" else self.points * (self.points - 1) + 3

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: Image) -> Floats:
        patterns = _lbp_patterns(to_grey(image), self.points, self.radius).ravel()
        labels = patterns if self.kind == "plain" else _LABELLERS[self.kind](patterns, self.points)
        return np.asarray(np.bincount(labels, minlength=self.size) / max(1, len(labels)), np.float32)


def _lbp_patterns(luma: NDArray[np.uint8], points: int, radius: float) -> NDArray[np.int32]:
    """The pattern of each pixel that is at least the radius away from the border, `(H - 2 r, W - 2 r)`."""
    border = math.ceil(radius)
    height, width = (max(0, side - 2 * border) for side in luma.shape)
    patterns = np.zeros((height, width), np.int32)
    if not patterns.size:
        return patterns
    values = luma.astype(np.float32)
    middle = values[border:-border, border:-border]
    for point in range(points):
        angle = 2 * math.pi * point / points
        y, x = border - radius * math.sin(angle), border + radius * math.cos(angle)
        # as scikit-image does: places that are whole but for rounding are whole
        patterns |= (_shift_lbp(values, round(y, 5), round(x, 5), middle.shape) >= middle).astype(np.int32) << point
    return patterns


def _shift_lbp(values: Floats, y: float, x: float, shape: tuple[int, ...]) -> Floats:
    """The values from (y, x) on, interpolated, of this shape."""
    top, left = int(y), int(x)
    down, right = np.float32(y - top), np.float32(x - left)
    box = values[top : top + shape[0] + (down > 0), left : left + shape[1] + (right > 0)]
    if right:
        box = box[:, :-1] + right * (box[:, 1:] - box[:, :-1])
    return box[:-1] + down * (box[1:] - box[:-1]) if down else box


def _rotate_bits(patterns: NDArray[np.int32], points: int) -> NDArray[np.int32]:
    """The patterns turned by one place."""
    return patterns >> 1 | (patterns & 1) << (points - 1)


def _min_rotation(patterns: NDArray[np.int32], points: int) -> NDArray[np.int32]:
    """The smallest number that each pattern can be turned into."""
    smallest = turned = patterns
    for _ in range(points - 1):
        turned = _rotate_bits(turned, points)
        smallest = np.minimum(smallest, turned)
    return smallest


@lru_cache(maxsize=16)
def _necklaces(points: int) -> NDArray[np.int32]:
    """All patterns that are the smallest of their turns, sorted."""
    return np.unique(_min_rotation(np.arange(1 << points, dtype=np.int32), points))


def _rotation_invariant(patterns: NDArray[np.int32], points: int) -> NDArray[np.int64]:
    return np.searchsorted(_necklaces(points), _min_rotation(patterns, points))


def _riu2(patterns: NDArray[np.int32], points: int) -> NDArray[np.int64]:
    changes = np.bitwise_count(patterns ^ _rotate_bits(patterns, points))
    return np.where(changes <= 2, np.bitwise_count(patterns), points + 1).astype(np.int64)


def _uniform_lbp(patterns: NDArray[np.int32], points: int) -> NDArray[np.int64]:
    """0 without bits; then by the number of bits and the first of them; then all bits; then all that change more."""
    before = _rotate_bits(patterns, points)
    changes = np.bitwise_count(patterns ^ before)
    ones = np.bitwise_count(patterns).astype(np.int64)
    # the only set bit whose lower neighbour is not set
    first = np.bitwise_count((patterns & ~((patterns << 1) | patterns >> (points - 1))) - 1).astype(np.int64)
    labels = np.where(changes == 2, 1 + (ones - 1) * points + first, 0)
    labels[(changes == 0) & (ones > 0)] = points * (points - 1) + 1
    labels[changes > 2] = points * (points - 1) + 2
    return labels


_LABELLERS = {"rotation_invariant": _rotation_invariant, "riu2": _riu2, "uniform": _uniform_lbp}
