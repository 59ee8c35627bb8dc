"""MSER: regions that stay the same over many thresholds, described by SIFT."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.features._keypoints import check_feature_count, empty_features, local_features
from nearsight.features._sift_patches import compute_sift, dominant_orientations, to_rootsift
from nearsight.types import Image, LocalDescriptor, LocalFeatures

_MIN_SIDE = 3
_SIFT_EXTENT = 6
"""SIFT describes a square of so many diameters of a point."""


@dataclass(frozen=True)
class Mser(LocalDescriptor):
    """Regions darker or brighter than all around them, which change least with the threshold; described by SIFT.

    1. Regions grow as the threshold of luma rises (dark ones) or falls (bright ones). Those whose area changes less
       within `delta` levels than at the thresholds beside are kept.
    2. The moments of a region's pixels give its centre and the ellipse of the same moments; the diameter is that of
       the circle with the ellipse's area, 4 det(covariance)^(1/4).
    3. The square of `extent` diameters around the centre is turned by the strongest direction of its edges, and
       described by SIFT on the layer of the scale space that goes with it.

    Parameters
    ----------
    n : features kept at most, those of the largest regions
    delta : levels of grey over which a region is to stay the same, 1 to 127
    variation : how much its area may change over those, as a share of it, above 0 to 1
    smallest : the least area of a region in pixels, 1 or more
    largest : the largest area of a region, as a share of the image, above 0 to 1
    extent : the side of the described square in diameters of the region, 1 to 12
    upright : leave features unturned: images are the right way up, and what is turned differs
    root : RootSIFT; otherwise SIFT's own values, 0 to 255

    Returns
    -------
    For each image, features with descriptors `(n, 128) float32`

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    J. Matas, O. Chum, M. Urban and T. Pajdla, Robust Wide-Baseline Stereo from Maximally Stable Extremal Regions, Image
    and Vision Computing 22(10), 2004, doi:10.1016/j.imavis.2004.02.006.

    Notes
    -----
    Departures: regions are OpenCV's, which gives no measure of how stable each is, so the largest are kept; the square
    that is described is a circle's, not the ellipse brought to a circle.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 200, np.uint8)
    >>> image[20:40, 24:44] = 50
    >>> features = Mser().features(image)
    >>> features.points.tolist(), features.scales.round().tolist()
    ([[34.0, 30.0]], [23.0])
    """

    n: int = 1000
    delta: int = 5
    variation: float = 0.25
    smallest: int = 60
    largest: float = 0.1
    extent: float = 3.0
    upright: bool = False
    root: bool = True

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 1 <= self.delta <= 127:
            raise ValueError(f"delta is 1 to 127 levels of grey; got {self.delta}")
        if not 0 < self.variation <= 1:
            raise ValueError(f"variation is above 0 and at most 1; got {self.variation}")
        if self.smallest < 1:
            raise ValueError(f"smallest is 1 pixel or more; got {self.smallest}")
        if not 0 < self.largest <= 1:
            raise ValueError(f"largest is a share above 0 and at most 1; got {self.largest}")
        if not 1 <= self.extent <= 12:
            raise ValueError(f"extent is 1 to 12 diameters; got {self.extent}")

    @property
    def size(self) -> int:
        """16 cells of 8 directions."""
        return 128

    def features(self, image: Image) -> LocalFeatures:
        """The features of the largest regions of one image."""
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        regions = self._regions(luma)
        if not regions:
            return empty_features(image, self.size, np.float32)
        points, diameters = _centres_and_diameters(regions)
        covered = (diameters * self.extent / _SIFT_EXTENT).astype(np.float32)
        upright = np.zeros(len(points), np.float32)
        angles = upright if self.upright else dominant_orientations(luma, points, covered / np.float32(2))
        rows = compute_sift(luma, points, covered, angles)
        return local_features(image, points, diameters, angles, to_rootsift(rows) if self.root else rows)

    def _regions(self, luma: NDArray[np.uint8]) -> list[NDArray[Any]]:
        """The pixels `(area, 2)` x, y of each region, the largest first."""
        most = math.ceil(self.largest * luma.size)
        if min(luma.shape) < _MIN_SIDE or most <= self.smallest:
            return []
        mser = cv2.MSER.create(delta=self.delta, min_area=self.smallest, max_area=most, max_variation=self.variation)
        found = [np.asarray(region) for region in mser.detectRegions(luma)[0]]
        return sorted(found, key=len, reverse=True)[: self.n]


def _centres_and_diameters(regions: list[NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Centres `(n, 2)` and diameters `(n,)` of regions; a pixel is a square, not a point."""
    areas = np.array([len(region) for region in regions])
    starts = np.cumsum(areas) - areas
    pixels = np.concatenate(regions).astype(np.float64) + 0.5
    centres = np.add.reduceat(pixels, starts) / areas[:, None]
    away = pixels - np.repeat(centres, areas, axis=0)
    products = np.stack([away[:, 0] ** 2, away[:, 1] ** 2, away[:, 0] * away[:, 1]], axis=1)
    xx, yy, xy = (np.add.reduceat(products, starts) / areas[:, None]).T
    determinant = (xx + 1 / 12) * (yy + 1 / 12) - xy**2
    return centres.astype(np.float32), (4 * determinant**0.25).astype(np.float32)
