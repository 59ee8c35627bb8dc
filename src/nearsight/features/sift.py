"""SIFT: points that stand out at their own scale, described by the directions of the edges around them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from nearsight.features._keypoints import check_feature_count, empty_features, from_keypoints
from nearsight.features._sift_patches import to_rootsift
from nearsight.types import Image, LocalDescriptor, LocalFeatures


@dataclass(frozen=True)
class Sift(LocalDescriptor):
    """Points found at their own scale, described by the directions of the edges around them; RootSIFT by default.

    1. Points are extrema of differences of Gaussians over place and scale, of which weak ones and those along edges
       are dropped.
    2. Each is turned by the strongest direction of the edges around it; a point of several strong ones counts
       several times.
    3. A grid of 4 x 4 cells around it holds a histogram of 8 directions each: 128 values.
    4. With `root`, the values are divided by their sum, and their square roots taken: the straight distance between
       such descriptors is the Hellinger distance of the histograms.

    Parameters
    ----------
    n : features kept at most, the strongest
    root : RootSIFT; otherwise SIFT's own values, 0 to 255
    upright : leave features unturned: images are the right way up, and what is turned differs
    contrast : the least contrast of a point; .04 is Lowe's with OpenCV's scaling

    Returns
    -------
    For each image, features with descriptors `(n, 128) float32`

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    D. G. Lowe, Distinctive Image Features from Scale-Invariant Keypoints, IJCV 60(2), 2004,
    doi:10.1023/B:VISI.0000029664.99615.94. R. Arandjelović and A. Zisserman, Three Things Everyone Should Know to
    Improve Object Retrieval, CVPR 2012, doi:10.1109/CVPR.2012.6248018.

    Notes
    -----
    Departures: none from OpenCV's SIFT, which computes in whole numbers 0 to 255.

    Examples
    --------
    >>> image = np.zeros((64, 64, 3), np.uint8)
    >>> image[20:40, 24:44] = 255
    >>> features = Sift(n=10).features(image)
    >>> len(features) > 0, features.descriptors.shape[1]
    (True, 128)
    """

    n: int = 1000
    root: bool = True
    upright: bool = False
    contrast: float = 0.02

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 0 <= self.contrast < 1:
            raise ValueError(f"contrast is 0 or more and below 1; got {self.contrast}")

    @property
    def size(self) -> int:
        """16 cells of 8 directions."""
        return 128

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of one image."""
        sift = cv2.SIFT.create(nfeatures=self.n, contrastThreshold=self.contrast)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if self.upright:
            found = sift.detect(grey, None)
            for point in found:
                point.angle = 0
            found, rows = sift.compute(grey, found)
        else:
            found, rows = sift.detectAndCompute(grey, None)
        if rows is None:
            return empty_features(image, self.size, np.float32)
        if self.root:
            rows = to_rootsift(rows)
        return from_keypoints(image, found[: self.n], rows[: self.n])


_CELLS = np.arange(128).reshape(4, 4, 8)
_MIRRORED = _CELLS[::-1][:, :, -np.arange(8) % 8].ravel()


def mirror_features(features: LocalFeatures, width: int) -> LocalFeatures:
    """The features of the mirror image of an image of this width, without looking at it again.

    In a mirror the rows of cells of each patch change places, and its orientations turn the other way.
    """
    points = features.points * np.array([-1, 1], np.float32) + np.array([width, 0], np.float32)
    angles = (180 - features.angles) % 360
    return LocalFeatures(points, features.scales, angles, features.descriptors[:, _MIRRORED], features.size)
