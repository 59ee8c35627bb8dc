"""AKAZE: blobs in a scale space that keeps edges sharp, described by comparisons of cells."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from nearsight.features._keypoints import check_feature_count, detect_binary_features, empty_features
from nearsight.types import Image, LocalDescriptor, LocalFeatures

_MIN_SIDE = 32
"""No point is found in a smaller image."""


@dataclass(frozen=True)
class Akaze(LocalDescriptor):
    """Points found at their own scale while the image is smoothed within its edges, described by 486 comparisons.

    1. The image is smoothed step by step by non-linear diffusion, which leaves edges as they are.
    2. Points are maxima of the determinant of the Hessian over place and scale.
    3. A point's direction is that of the largest sum of gradients within a window of 60 degrees.
    4. Grids of 2 x 2, 3 x 3 and 4 x 4 cells around it, turned by that direction: the mean and both gradients of each
       pair of cells are compared, a bit each.

    Parameters
    ----------
    n : features kept at most, the strongest
    threshold : the least determinant of the Hessian of a point, above 0
    octaves : halvings of the image, 1 to 8

    Returns
    -------
    For each image, features with descriptors `(n, 61) uint8`: 486 bits and two that are always 0

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    P. F. Alcantarilla, J. Nuevo and A. Bartoli, Fast Explicit Diffusion for Accelerated Features in Nonlinear Scale
    Spaces, BMVC 2013, doi:10.5244/C.27.13.

    Notes
    -----
    Departures: none from OpenCV's AKAZE with its descriptor M-LDB.

    Examples
    --------
    >>> image = np.zeros((128, 128, 3), np.uint8)
    >>> image[50:80, 50:80] = 255
    >>> features = Akaze(n=10).features(image)
    >>> len(features) > 0, features.descriptors.shape[1]
    (True, 61)
    """

    n: int = 1000
    threshold: float = 0.001
    octaves: int = 4

    metric = "hamming"
    dtype = "uint8"

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not self.threshold > 0:
            raise ValueError(f"threshold is above 0; got {self.threshold}")
        if not 1 <= self.octaves <= 8:
            raise ValueError(f"octaves is 1 to 8; got {self.octaves}")

    @property
    def size(self) -> int:
        """486 bits in bytes."""
        return 61

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of one image."""
        if min(image.shape[:2]) < _MIN_SIDE:
            return empty_features(image, self.size, np.uint8)
        akaze = cv2.AKAZE.create(threshold=self.threshold, nOctaves=self.octaves)
        return detect_binary_features(image, akaze, self.n, self.size)
