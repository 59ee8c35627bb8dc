"""SIFT of a small image, few features of each: what finds a part of an image in others at little cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nearsight.features._keypoints import check_feature_count
from nearsight.features.sift import Sift, mirror_features
from nearsight.types import Image, LocalDescriptor, LocalFeatures

MIN_AREA = 256


@dataclass(frozen=True)
class SmallSift(LocalDescriptor):
    """A few RootSIFT features of each indexed image, looked at small, and more of a query, looked at more closely.

    1. Of an indexed image, reduced to `area` pixels, the `n` strongest features of `sift` are described.
    2. Of a query, reduced to `query_area`, `query_n`: of an image that is a small part of the query, such as one in a
       screenshot, enough must be left.

    It is the area that counts: of a panorama or a scroll as much is left as of any other image.

    Parameters
    ----------
    n : features of an indexed image at most
    area : pixels to which it is reduced, of 384 along its longest side
    query_n : features of a query at most
    query_area : pixels to which it is reduced, of 1024 along its longest side

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

    Examples
    --------
    >>> squares = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    >>> image = np.kron(squares, np.ones((20, 20, 1), np.uint8))
    >>> small = SmallSift(n=40)
    >>> len(small.describe([image])[0]), len(small.describe_queries([image])[0])
    (40, 400)
    """

    n: int = 120
    area: int = 10_500
    query_n: int = 400
    query_area: int = 110_000

    def __post_init__(self) -> None:
        for count in (self.n, self.query_n):
            check_feature_count(count)
        if min(self.area, self.query_area) < MIN_AREA:
            raise ValueError(f"an area is {MIN_AREA} pixels or more; got {min(self.area, self.query_area)}")

    @property
    def side(self) -> int:
        """Enough for the area of an image that is nine times as long as it is wide."""
        return 384

    @property
    def query_side(self) -> int:
        """Enough for the larger area."""
        return 1024

    @property
    def size(self) -> int:
        """16 cells of 8 directions."""
        return 128

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of an image as it is indexed."""
        return _features(image, self.n, self.area)

    def describe_queries(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """The strongest features of images as they are asked with; a mirror image of the first is not looked at."""
        made = list[LocalFeatures]()
        for image in images:
            if made and np.array_equal(image, images[0][:, ::-1]):
                made.append(mirror_features(made[0], made[0].size[0]))
            else:
                made.append(_features(image, self.query_n, self.query_area))
        return made


def _features(image: Image, n: int, area: int) -> LocalFeatures:
    """The n strongest features of an image that is reduced to about so many pixels, in pixels of the image itself."""
    height, width = image.shape[:2]
    factor = min(1.0, float(np.sqrt(area / (height * width))))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = image if factor == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = Sift(n=n).features(small)
    across, down = width / size[0], height / size[1]
    points = found.points * np.array([across, down], np.float32)
    return LocalFeatures(
        points, found.scales * np.float32(np.sqrt(across * down)), found.angles, found.descriptors, (width, height)
    )
