"""Any local features, looked for in views of the image from the side too."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.features._keypoints import check_feature_count, local_features
from nearsight.features.sift import Sift
from nearsight.types import Image, LocalDescriptor, LocalFeatures

_INNER = Sift()
_ROTATION_STEP = 72.0
"""Degrees from one direction of view to the next, where the tilt is 1."""
_BLUR_PER_TILT = 0.8


@dataclass(frozen=True)
class Affine(LocalDescriptor):
    """Other local features, detected also in simulated views from other angles.

    1. The image is looked at with the tilts 1, 2^(1/2), 2, ... 2^(tilts/2), and for a tilt t above 1 from every
       72 / t degrees of half a turn: it is turned, smoothed along x by .8 (t^2 - 1)^(1/2), and made narrower by t.
    2. `inner` finds features in each view; a view's share of `n` goes with its area, and is at most what `inner` keeps.
    3. Places and angles are mapped back, and diameters to those of circles of the same area. What lies outside of the
       image then is dropped.

    Parameters
    ----------
    inner : the local features
    n : features kept at most, the strongest of each view
    tilts : tilts besides 1, 0 to 5; 2 make 10 views with 6.3 times the pixels

    Returns
    -------
    For each image, features with descriptors `(n, inner.size)` of the type of `inner`, view by view

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    J.-M. Morel and G. Yu, ASIFT: A New Framework for Fully Affine Invariant Image Comparison, SIAM Journal on Imaging
    Sciences 2(2), 2009, doi:10.1137/080732730.

    Notes
    -----
    Departures: all views are at full resolution; the paper looks at small ones first when it matches two images.

    Examples
    --------
    >>> image = np.zeros((64, 64, 3), np.uint8)
    >>> image[20:40, 24:44] = 255
    >>> views = Affine(Sift(n=10), tilts=1)
    >>> len(views.features(image)) > len(views.inner.features(image))
    True
    """

    inner: LocalDescriptor = _INNER
    n: int = 4000
    tilts: int = 2

    def __post_init__(self) -> None:
        if not isinstance(self.inner, LocalDescriptor):
            raise ValueError(f"inner is a method of local features, such as sift; got {self.inner!r}")
        check_feature_count(self.n)
        if not 0 <= self.tilts <= 5:
            raise ValueError(f"tilts is 0 to 5; got {self.tilts}")

    @property
    def side(self) -> int:
        """That of `inner`."""
        return self.inner.side

    @property
    def metric(self) -> str:
        """That of `inner`."""
        return self.inner.metric

    @property
    def dtype(self) -> str:
        """That of `inner`."""
        return self.inner.dtype

    @property
    def size(self) -> int:
        """That of `inner`."""
        return self.inner.size

    @property
    def digest(self) -> str:
        """That of `inner`."""
        return self.inner.digest

    def load(self) -> None:
        """Load what `inner` needs."""
        self.inner.load()

    def match_pairs(self, first: LocalFeatures, second: LocalFeatures) -> NDArray[np.int64] | None:
        """The pairs by the matcher of `inner`, where it has one."""
        return self.inner.match_pairs(first, second)

    def features(self, image: Image) -> LocalFeatures:
        """The features of all views of one image."""
        views = self._view_parameters()
        whole = sum(1 / tilt for tilt, _ in views)
        found = [self._view_features(image, tilt, turn, int(self.n / tilt / whole)) for tilt, turn in views]
        return local_features(image, *(np.concatenate(each)[: self.n] for each in zip(*found, strict=True)))

    def _view_parameters(self) -> list[tuple[float, float]]:
        """Tilts, and the angles in degrees by which the image is turned before."""
        return [
            (1.0, 0.0),
            *((tilt, turn) for tilt in self._tilt_factors() for turn in np.arange(0, 180, _ROTATION_STEP / tilt)),
        ]

    def _tilt_factors(self) -> Iterator[float]:
        return (2 ** (step / 2) for step in range(1, self.tilts + 1))

    def _view_features(self, image: Image, tilt: float, rotation: float, max_features: int) -> tuple[NDArray[Any], ...]:
        """Points, diameters, angles and descriptors of one view, as they are in the image."""
        kept = max(1, min(max_features, self.inner.n))
        inner = cast(LocalDescriptor, dataclasses.replace(cast(Any, self.inner), n=kept))
        view, there = _simulate_view(image, tilt, rotation)
        found = inner.features(view)
        back = np.linalg.inv(there)
        points = found.points @ back[:2, :2].T + back[:2, 2]
        inside = ((points >= 0) & (points <= image.shape[1::-1])).all(axis=1)
        angles = np.radians(found.angles)
        across, down = back[:2, :2] @ np.stack([np.cos(angles), np.sin(angles)])
        scales = found.scales * math.sqrt(abs(np.linalg.det(back[:2, :2])))
        every = (points, scales, np.degrees(np.arctan2(down, across)), found.descriptors)
        return tuple(each[inside] for each in every)


def _simulate_view(image: Image, tilt: float, rotation: float) -> tuple[Image, NDArray[np.float64]]:
    """The image from the side, and the matrix `(3, 3)` that maps its points there."""
    if tilt == 1 and rotation == 0:
        return image, np.eye(3)
    height, width = image.shape[:2]
    cosine, sine = math.cos(math.radians(rotation)), math.sin(math.radians(rotation))
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix[:2, :2].T
    matrix[:2, 2] = -corners.min(axis=0)
    wide, high = (max(1, math.ceil(length - 1e-9)) for length in np.ptp(corners, axis=0))
    turned = _warp_affine(image, matrix, (wide, high))
    smooth = cv2.GaussianBlur(turned, (0, 0), sigmaX=_BLUR_PER_TILT * math.sqrt(tilt**2 - 1), sigmaY=1e-6)
    narrow = np.diag([1 / tilt, 1, 1])
    return _warp_affine(np.asarray(smooth, np.uint8), narrow, (max(1, math.ceil(wide / tilt)), high)), narrow @ matrix


def _warp_affine(image: Image, matrix: NDArray[np.float64], size: tuple[int, int]) -> Image:
    """The image by a matrix, in pixels with centres at .5; its edge goes on outside."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    exact = np.linalg.inv(half) @ matrix @ half
    return np.asarray(cv2.warpAffine(image, exact[:2], size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
