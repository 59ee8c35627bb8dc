"""SURF: blobs by sums over boxes, described by Haar wavelets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.features._fast_hessian import BlobPoints, IntegralImage, detect_blobs, integral_image
from nearsight.features._keypoints import check_feature_count, local_features
from nearsight.types import Floats, Image, LocalDescriptor, LocalFeatures

_CELLS, _SAMPLES = 4, 5
_WINDOW = math.pi / 3
_BLOCK = 1024
"""Features that are described at once."""


@dataclass(frozen=True)
class Surf(LocalDescriptor):
    """Blobs found by sums over boxes, described by the slopes around them; fast, as integral images give the sums.

    1. The determinant of the Hessian, det = Dxx Dyy - (.9 Dxy)^2, is measured by filters of boxes with sides 9, 15, 21,
       27 and, in further octaves at every second, fourth, eighth pixel, 15, 27, 39, 51 and so on.
    2. Points are its maxima among their 26 neighbours in place and scale, moved to the summit of the parabola through
       those where it is less than a step away. A filter of side L stands for the scale s = 1.2 L / 9.
    3. Haar wavelets of side 4 s measure the slopes in a circle of 6 s, weighed by a Gaussian of 2 s. The direction is
       that of the longest sum of slopes within a window of 60 degrees.
    4. A square of 20 s, turned by that direction, has 4 x 4 cells of 5 x 5 wavelets of side 2 s, weighed by a Gaussian
       of 3.3 s. Each cell holds the sums of dx, dy, abs(dx) and abs(dy), dx along the direction; the 64 values are
       brought to length 1.

    Parameters
    ----------
    n : features kept at most, the strongest
    threshold : the least determinant of a point, of luma that counts from 0 to 1
    octaves : octaves, 1 to 6; those for which the image is too small are left out
    upright : leave features unturned: images are the right way up, and what is turned differs
    extended : 128 values: the sums of dx and abs(dx) apart for dy below 0 and not, and those of dy likewise

    Returns
    -------
    For each image, features with descriptors `(n, 64) float32`, 128 wide where extended; the diameters are 2 s

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    H. Bay, A. Ess, T. Tuytelaars and L. Van Gool, Speeded-Up Robust Features (SURF), CVIU 110(3), 2008,
    doi:10.1016/j.cviu.2007.09.014.

    Notes
    -----
    Departures: wavelets that reach out of the image count as no slope; the sign of the Laplacian is not kept. The
    window of step 3 begins at each of the slopes in turn, so that none is left out. Boxes are wider than the Gaussians
    they stand for: a Gaussian blob of sigma 1 is found at s = .7.

    Examples
    --------
    >>> image = np.zeros((64, 64, 3), np.uint8)
    >>> image[26:38, 26:38] = 255
    >>> features = Surf(n=1).features(image)
    >>> bool(np.abs(features.points - 32).max() < 1), features.descriptors.shape
    (True, (1, 64))
    """

    n: int = 1000
    threshold: float = 0.0004
    octaves: int = 4
    upright: bool = False
    extended: bool = False

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not self.threshold >= 0:
            raise ValueError(f"threshold is 0 or more; got {self.threshold}")
        if not 1 <= self.octaves <= 6:
            raise ValueError(f"octaves is 1 to 6; got {self.octaves}")

    @property
    def size(self) -> int:
        """16 cells of 4 sums; 8 where extended."""
        return _CELLS * _CELLS * (8 if self.extended else 4)

    def features(self, image: Image) -> LocalFeatures:
        """The strongest features of one image."""
        sums = integral_image(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        found = detect_blobs(sums, self.octaves, self.threshold)
        order = np.argsort(-found.responses, kind="stable")[: self.n]
        points = BlobPoints(*(each[order] for each in found))
        angles, rows = np.zeros(len(order), np.float32), np.empty((len(order), self.size), np.float32)
        for start in range(0, len(order), _BLOCK):
            block = slice(start, start + _BLOCK)
            places, sigmas = points.positions[block], points.sigmas[block]
            if not self.upright:
                angles[block] = surf_orientations(sums, places, sigmas)
            rows[block] = surf_descriptors(sums, places, sigmas, angles[block], self.extended)
        return local_features(image, points.positions, 2 * points.sigmas, np.degrees(angles), rows)


def surf_orientations(sums: IntegralImage, positions: Floats, sigmas: Floats) -> Floats:
    """The direction `(n,)` of the longest sum of slopes, in radians clockwise from the x axis."""
    y, x = np.mgrid[-5:6, -5:6].reshape(2, -1)
    near = x**2 + y**2 < 36
    x, y = x[near], y[near]
    at = positions[:, None] + sigmas[:, None, None] * np.column_stack([x, y]).astype(np.float32)
    slopes = haar_responses(sums, at, 2 * sigmas) * np.exp(-(x**2 + y**2) / 8)
    turns = np.arctan2(slopes[1], slopes[0])
    order = np.argsort(turns, axis=1, kind="stable")
    turns = np.take_along_axis(turns, order, axis=1)
    # a window begins at each slope; the slopes stand twice, so that windows may go past half a turn
    twice = np.concatenate([turns, turns + 2 * math.pi], axis=1)
    ends = _searchsorted_rows(twice, turns + _WINDOW)
    found = []
    for each in slopes:
        one = np.take_along_axis(each, order, axis=1)
        sums_before = np.pad(np.cumsum(np.concatenate([one, one], axis=1), axis=1), ((0, 0), (1, 0)))
        found.append(np.take_along_axis(sums_before, ends, axis=1) - sums_before[:, : one.shape[1]])
    across, down = found
    longest = np.argmax(across**2 + down**2, axis=1)[:, None]
    taken = (np.take_along_axis(each, longest, axis=1)[:, 0] for each in (down, across))
    return np.asarray(np.arctan2(*taken), np.float32)


def _searchsorted_rows(rows: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each row of rising values, where the first stands that is not below each wanted one."""
    apart = 8 * math.pi * np.arange(len(rows))[:, None]  # more than any row spans: one search serves all rows
    found = np.searchsorted((rows + apart).ravel(), (wanted + apart).ravel()).reshape(wanted.shape)
    return np.asarray(found - np.arange(len(rows))[:, None] * rows.shape[1])


def surf_descriptors(sums: IntegralImage, positions: Floats, sigmas: Floats, angles: Floats, extended: bool) -> Floats:
    """Descriptors `(n, 64)` or `(n, 128)` of length 1 around places, with directions in radians."""
    across = _CELLS * _SAMPLES
    offsets = np.arange(across) - (across - 1) / 2
    y, x = (each.ravel().astype(np.float32) for each in np.meshgrid(offsets, offsets, indexing="ij"))
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    turned = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=2)
    slopes = haar_responses(sums, positions[:, None] + sigmas[:, None, None] * turned, sigmas)
    slopes *= np.exp(-(x**2 + y**2) / (2 * 3.3**2))
    along, aside = cosine * slopes[0] + sine * slopes[1], cosine * slopes[1] - sine * slopes[0]
    values = (
        _split_by_sign(along, aside) + _split_by_sign(aside, along)
        if extended
        else [along, aside, abs(along), abs(aside)]
    )
    cells = np.stack(values, axis=2).reshape(len(positions), _CELLS, _SAMPLES, _CELLS, _SAMPLES, -1).sum(axis=(2, 4))
    rows = cells.reshape(len(positions), -1)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)


def _split_by_sign(slope: NDArray[np.float64], other: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The slopes and their sizes, apart for the other below 0 and not."""
    low = slope * (other < 0)
    return [low, abs(low), slope - low, abs(slope - low)]


def haar_responses(sums: IntegralImage, positions: Floats, halves: Floats) -> NDArray[np.float64]:
    """Slopes `(2, n, k)` along x and y at `positions (n, k, 2)` by wavelets of twice `halves (n,)`, in whole pixels.

    A slope is the sum of the half to the right (below) less that of the other half; 0 where the wavelet reaches out of
    the image.
    """
    half = np.maximum(1, np.rint(halves)).astype(np.int64)[:, None]
    x, y = np.rint(positions).astype(np.int64).transpose(2, 0, 1)
    height, width = sums.shape
    inside = (x >= half) & (y >= half) & (x + half < width) & (y + half < height)
    flat = sums.ravel()
    middle = np.where(inside, y * width + x, half * (width + 1))
    right, down = half, half * width
    a, b, c, d, e, f, g, h = (
        flat.take(middle + by, mode="clip")
        for by in (-down - right, -down, right - down, -right, right, down - right, down, down + right)
    )
    slopes = np.stack([h - c - 2 * (g - b) + f - a, h - f - 2 * (e - d) + c - a])
    return np.where(inside, slopes, 0).astype(np.float64)
