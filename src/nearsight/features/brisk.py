"""BRISK: corners of their own scale, described by comparisons of smoothed pixels on circles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nearsight.features._keypoints import check_feature_count, detect_binary_features, empty_features
from nearsight.types import Image, LocalDescriptor, LocalFeatures

_MIN_SIDE = 32
"""No pattern fits into a smaller image."""


@dataclass(frozen=True)
class Brisk(LocalDescriptor):
    """Corners found at their own scale, described by 512 comparisons of smoothed pixels on circles around them.

    1. Corners by FAST are looked for in `octaves` halvings of the image and as many layers between them; those that
       stand out over place and scale are kept.
    2. 60 places on circles around a corner are smoothed. Pairs that are far apart give its direction.
    3. 512 pairs that are near each other, turned by that direction, are compared: a bit each.

    Parameters
    ----------
    n : features kept at most, the strongest
    threshold : by how many levels of grey (1 to 254) pixels on a circle differ from its middle where it is a corner
    octaves : halvings of the image, 0 to 8; as many as a small image has room for; 0 looks at one scale alone

    Returns
    -------
    For each image, features with descriptors `(n, 64) uint8`: 512 bits

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    S. Leutenegger, M. Chli and R. Y. Siegwart, BRISK: Binary Robust Invariant Scalable Keypoints, ICCV 2011,
    doi:10.1109/ICCV.2011.6126542.

    Notes
    -----
    Departures: none from OpenCV's BRISK.

    Examples
    --------
    >>> image = np.zeros((128, 128, 3), np.uint8)
    >>> image[50:80, 50:80] = 255
    >>> features = Brisk(n=10).features(image)
    >>> len(features) > 0, features.descriptors.shape[1]
    (True, 64)
    """

    n: int = 1000
    threshold: int = 30
    octaves: int = 3

    metric = "hamming"
    dtype = "uint8"

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 1 <= self.threshold <= 254:
            raise ValueError(f"threshold is 1 to 254 levels of grey; got {self.threshold}")
        if not 0 <= self.octaves <= 8:
            raise ValueError(f"octaves is 0 to 8; got {self.octaves}")

    @property
    def size(self) -> int:
        """512 bits in bytes."""
        return 64

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of one image."""
        least = min(image.shape[:2])
        if least < _MIN_SIDE:
            return empty_features(image, self.size, np.uint8)
        octaves = min(self.octaves, int(math.log2(least / 4)))
        return detect_binary_features(
            image, cv2.BRISK.create(thresh=self.threshold, octaves=octaves), self.n, self.size
        )
