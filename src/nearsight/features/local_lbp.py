"""Local binary patterns around points that stand out: CS-LBP."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.features._keypoints import check_feature_count, empty_features, from_keypoints
from nearsight.features._sift_patches import cut_sift_patches
from nearsight.types import Floats, Image, LocalDescriptor, LocalFeatures

_SIDE, _RADIUS, _PAIRS = 41, 2, 4
_MAX_VALUE = 0.2
_BLOCK = 512
"""Features that are described at once."""


@dataclass(frozen=True)
class LocalLbp(LocalDescriptor):
    """Points of SIFT, described by which of the pixels opposite each other are brighter: centre-symmetric LBP.

    1. Points, their diameters and directions are those of SIFT.
    2. The square of `extent` diameters around a point, turned by its direction, becomes 41 x 41 samples.
    3. Each sample has 8 neighbours on a circle of radius 2. For each of the 4 pairs that lie opposite each other a bit
       says whether the first is brighter than the second by more than `threshold`: 16 patterns.
    4. `cells` x `cells` cells hold a histogram of the patterns each; a sample is shared, bilinearly, by the nearest.
    5. The row is brought to length 1, cut off at .2, and brought to length 1 again.

    Parameters
    ----------
    n : features kept at most, the strongest
    cells : cells along a side, 1 to 8
    extent : the side of the described square in diameters of the point (2 sigma), 1 to 12
    threshold : the least difference that counts, of luma that counts from 0 to 1
    upright : leave features unturned: images are the right way up, and what is turned differs
    contrast : the least contrast of a point, as that of `sift`

    Returns
    -------
    For each image, features with descriptors `(n, 16 cells^2) float32`

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    M. Heikkilä, M. Pietikäinen and C. Schmid, Description of Interest Regions with Local Binary Patterns, Pattern
    Recognition 42(3), 2009, doi:10.1016/j.patcog.2008.08.014.

    Notes
    -----
    Departures: regions are SIFT's circles, not affine ones.

    Examples
    --------
    >>> image = np.zeros((64, 64, 3), np.uint8)
    >>> image[20:40, 24:44] = 255
    >>> features = LocalLbp(n=10).features(image)
    >>> len(features) > 0, features.descriptors.shape[1]
    (True, 256)
    """

    n: int = 1000
    cells: int = 4
    extent: float = 6.0
    threshold: float = 0.01
    upright: bool = False
    contrast: float = 0.02

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 1 <= self.cells <= 8:
            raise ValueError(f"cells is 1 to 8; got {self.cells}")
        if not 1 <= self.extent <= 12:
            raise ValueError(f"extent is 1 to 12 diameters; got {self.extent}")
        if not 0 <= self.threshold < 1:
            raise ValueError(f"threshold is 0 or more and below 1; got {self.threshold}")
        if not 0 <= self.contrast < 1:
            raise ValueError(f"contrast is 0 or more and below 1; got {self.contrast}")

    @property
    def size(self) -> int:
        """16 patterns a cell."""
        return self.cells**2 << _PAIRS

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of one image."""
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        found = cv2.SIFT.create(nfeatures=self.n, contrastThreshold=self.contrast).detect(luma, None)[: self.n]
        if not found:
            return empty_features(image, self.size, np.float32)
        for point in found if self.upright else ():
            point.angle = 0
        made = from_keypoints(image, found, np.empty((len(found), self.size), np.float32))
        for start in range(0, len(found), _BLOCK):
            each = slice(start, start + _BLOCK)
            cut = cut_sift_patches(luma, made.points[each], self.extent * made.scales[each], made.angles[each], _SIDE)
            made.descriptors[each] = pattern_histograms(cs_lbp_patterns(cut, 255 * self.threshold), self.cells)
        return made


def cs_lbp_patterns(samples: Floats, threshold: float) -> NDArray[np.uint8]:
    """The pattern of each sample that is 2 or more away from the edges, `(n, 37, 37)` of `(n, 41, 41)`."""
    made = np.zeros((len(samples), _SIDE - 2 * _RADIUS, _SIDE - 2 * _RADIUS), np.uint8)
    for pair in range(_PAIRS):
        angle = math.pi * pair / _PAIRS
        y, x = _RADIUS * math.sin(angle), _RADIUS * math.cos(angle)
        made |= (_shift_patches(samples, y, x) - _shift_patches(samples, -y, -x) > threshold).astype(np.uint8) << pair
    return made


def _shift_patches(samples: Floats, y: float, x: float) -> Floats:
    """The samples so far below and to the right, interpolated linearly."""
    top, left = math.floor(round(y, 6)), math.floor(round(x, 6))
    down, right = np.float32(round(y - top, 6)), np.float32(round(x - left, 6))

    def _crop_at_offset(below: int, beside: int) -> Floats:
        rows, columns = _RADIUS + top + below, _RADIUS + left + beside
        inner = _SIDE - 2 * _RADIUS
        return samples[:, rows : rows + inner, columns : columns + inner]

    if not down and not right:
        return _crop_at_offset(0, 0)
    above = _crop_at_offset(0, 0) + right * (_crop_at_offset(0, 1) - _crop_at_offset(0, 0))
    below = _crop_at_offset(1, 0) + right * (_crop_at_offset(1, 1) - _crop_at_offset(1, 0))
    return np.asarray(above + down * (below - above), np.float32)


def pattern_histograms(codes: NDArray[np.uint8], cells: int) -> Floats:
    """Rows `(n, 16 cells^2)` of length 1: cell by cell, how often each pattern occurs."""
    count, side = len(codes), codes.shape[1]
    at = (np.arange(side) + 0.5) * cells / side - 0.5
    share = np.maximum(0, 1 - np.abs(np.clip(at, 0, cells - 1) - np.arange(cells)[:, None]))
    weights = np.einsum("iy,jx->yxij", share, share).reshape(side * side, cells * cells).astype(np.float32)
    flat = codes.reshape(count, -1)
    counts = np.stack([(flat == pattern).astype(np.float32) @ weights for pattern in range(1 << _PAIRS)], axis=2)
    rows = counts.reshape(count, -1)
    rows = np.minimum(rows / np.linalg.norm(rows, axis=1, keepdims=True), _MAX_VALUE)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)
