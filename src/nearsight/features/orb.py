"""ORB: corners with a direction, described by comparisons of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nearsight.features._keypoints import check_feature_count, detect_binary_features, empty_features
from nearsight.types import Image, LocalDescriptor, LocalFeatures

_BORDER, _PATCH = 31, 31


@dataclass(frozen=True)
class Orb(LocalDescriptor):
    """Corners at several scales, each with a direction, described by 256 comparisons of pixels around it.

    1. The image is made smaller by `scale` again and again, `levels` times; each level gets its share of `n`.
    2. FAST corners are ranked by Harris' measure of a corner, and the strongest of each level kept.
    3. A corner's direction leads from it to the centre of mass of the circle around it.
    4. 256 pairs of smoothed pixels, turned by that direction, are compared: a bit each.

    Parameters
    ----------
    n : features kept at most, the strongest
    scale : how much smaller each level is than the one before, above 1 to 2
    levels : levels, 1 to 16; those that are too small for a patch of 31 pixels are left out
    threshold : by how many levels of grey (1 to 254) pixels on a circle differ from its middle where it is a corner

    Returns
    -------
    For each image, features with descriptors `(n, 32) uint8`: 256 bits

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    E. Rublee, V. Rabaud, K. Konolige and G. Bradski, ORB: An Efficient Alternative to SIFT or SURF, ICCV 2011,
    doi:10.1109/ICCV.2011.6126544.

    Notes
    -----
    Departures: none from OpenCV's ORB.

    Examples
    --------
    >>> image = np.zeros((96, 96, 3), np.uint8)
    >>> image[40:70, 40:70] = 255
    >>> features = Orb(n=10).features(image)
    >>> len(features) > 0, features.descriptors.shape[1]
    (True, 32)
    """

    n: int = 1000
    scale: float = 1.2
    levels: int = 8
    threshold: int = 20

    metric = "hamming"
    dtype = "uint8"

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 1 < self.scale <= 2:
            raise ValueError(f"scale is above 1 and at most 2; got {self.scale}")
        if not 1 <= self.levels <= 16:
            raise ValueError(f"levels is 1 to 16; got {self.levels}")
        if not 1 <= self.threshold <= 254:
            raise ValueError(f"threshold is 1 to 254 levels of grey; got {self.threshold}")

    @property
    def size(self) -> int:
        """256 bits in bytes."""
        return 32

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of one image."""
        room = min(image.shape[:2]) / (2 * _BORDER + 1)
        if room < 1:
            return empty_features(image, self.size, np.uint8)
        levels = min(self.levels, 1 + int(math.log(room, self.scale)))
        orb = cv2.ORB.create(
            nfeatures=self.n,
            scaleFactor=self.scale,
            nlevels=levels,
            edgeThreshold=_BORDER,
            patchSize=_PATCH,
            fastThreshold=self.threshold,
        )
        return detect_binary_features(image, orb, self.n, self.size)
