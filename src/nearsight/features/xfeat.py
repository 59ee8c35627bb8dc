"""XFeat: points and descriptors by a small network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.features._keypoints import check_feature_count, empty_features, local_features
from nearsight.models import inference
from nearsight.types import Floats, Image, LocalDescriptor, LocalFeatures

_MODEL, _MATCHER = "xfeat", "lighterglue"
_SIDE, _CELL = 640, 8
_DIAMETER = 16.0
"""What a descriptor is said to see, in the network's pixels: the paper gives its points no size."""


@dataclass(frozen=True)
class Xfeat(LocalDescriptor):
    """Points that a small neural network detects and describes.

    1. The image is made grey and given to the network in 640 x 640 pixels: smaller in proportion where it is larger,
       and with nothing beside it where it is not square. Its values have mean 0 and deviation 1.
    2. For each cell of 8 x 8 pixels the network says how likely each of them is a point, and that none is. Pixels are
       points where that is above `least` and the largest within 5 x 5.
    3. The `n` points stay of which that, times how far the network trusts a descriptor there, is largest.
    4. A descriptor is the map of 64 channels between its four nearest cells, with length 1. Points have no angle and
       all the same size: images that are turned far, or seen much nearer, share none.

    With `matcher` = lighterglue, `nearsight match` asks a second network which features of two images belong
    together; with nearest, descriptors that are each other's nearest do.

    Parameters
    ----------
    n : features kept at most
    least : how likely a pixel is a point, above 0 and below 1
    matcher : nearest or lighterglue

    Returns
    -------
    For each image, features with descriptors `(n, 64) float32`

    Raises
    ------
    ModelError
        where a model is not on this machine, or is not what its card says
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    G. Potje, F. Cadar, A. Araujo, R. Martins and E. R. Nascimento, XFeat: Accelerated Features for Lightweight Image
    Matching, CVPR 2024, doi:10.1109/CVPR52733.2024.00259. The matcher: P. Lindenberger, P.-E. Sarlin and M. Pollefeys,
    LightGlue: Local Feature Matching at Light Speed, ICCV 2023, doi:10.1109/ICCV51070.2023.01616.

    Notes
    -----
    Departures: the network at hand takes images of one size only. Descriptors are interpolated linearly.

    Examples
    --------
    >>> Xfeat(n=100).size
    64
    """

    n: int = 1000
    least: float = 0.05
    matcher: Literal["nearest", "lighterglue"] = "nearest"

    side = _SIDE

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if not 0 < self.least < 1:
            raise ValueError(f"least is above 0 and below 1; got {self.least}")

    @property
    def size(self) -> int:
        """64 channels."""
        return 64

    @property
    def digest(self) -> str:
        """The network's checksum."""
        return inference.model_digest(_MODEL)

    def load(self) -> None:
        """Find the models, check them and open them."""
        inference.load_model(_MODEL)
        if self.matcher == "lighterglue":
            inference.load_model(_MATCHER)

    def features(self, image: Image) -> LocalFeatures:
        """The strongest points of one image."""
        canvas, factor = _network_input(image)
        if not canvas.any():
            return empty_features(image, self.size, np.float32)
        channels, logits, trusted = inference.run_model(_MODEL, {"input": canvas})
        likely = keypoint_probabilities(logits[0])
        height, width = (round(side * factor) for side in image.shape[:2])
        down, right = find_peaks(likely[:height, :width], self.least)
        trust = sample_map(trusted[0, 0][:, :, None], down, right)[:, 0]
        best = np.argsort(-likely[down, right] * trust, kind="stable")[: self.n]
        down, right = down[best], right[best]
        descriptors = sample_map(channels[0], down, right)
        descriptors /= np.maximum(np.linalg.norm(descriptors, axis=1, keepdims=True), 1e-12)
        points = (np.column_stack([right, down]) + 0.5) / factor
        return local_features(image, points, np.full(len(best), _DIAMETER / factor), np.zeros(len(best)), descriptors)

    def match_pairs(self, first: LocalFeatures, second: LocalFeatures) -> NDArray[np.int64] | None:
        """Those of the matcher, where one is asked for."""
        if self.matcher == "nearest":
            return None
        if not len(first) or not len(second):
            return np.empty((0, 2), np.int64)
        given = {}
        for number, found in enumerate((first, second)):
            given[f"kpts{number}"] = _to_matcher_coordinates(found)[None]
            given[f"desc{number}"] = np.ascontiguousarray(found.descriptors, np.float32)[None]
        return np.asarray(inference.run_model(_MATCHER, given)[0], np.int64).reshape(-1, 2)


def keypoint_probabilities(logits: Floats) -> Floats:
    """How likely each pixel is a point, `(8 h, 8 w)`, of a network's output `(h, w, 65)`; the 65th says: none here."""
    exps = np.exp(logits - logits.max(axis=2, keepdims=True))
    shares = (exps / exps.sum(axis=2, keepdims=True))[:, :, : _CELL * _CELL]
    rows, columns = shares.shape[:2]
    cells = shares.reshape(rows, columns, _CELL, _CELL).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(cells.reshape(rows * _CELL, columns * _CELL), np.float32)


def find_peaks(probabilities: Floats, min_probability: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels above `min_probability` that are the largest within 5 x 5."""
    largest = cv2.dilate(probabilities, np.ones((5, 5), np.uint8))
    down, right = np.nonzero((probabilities == largest) & (probabilities > min_probability))
    return down, right


def sample_map(cells: Floats, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> Floats:
    """What a map `(h, w, D)` of 8 x 8 cells is at pixels, `(n, D)`, linearly between the middles of the cells."""
    x, y = ((np.asarray(each, np.float32) + 0.5) / _CELL - 0.5 for each in (xs, ys))
    if not len(x):
        return np.empty((0, cells.shape[2]), np.float32)
    made = cv2.remap(cells, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made.reshape(len(x), -1), np.float32)


def _network_input(image: Image) -> tuple[Floats, float]:
    """The image as the network takes it, `(1, 1, 640, 640)`, and by what it was made smaller.

    Zeros where it is flat or tiny.
    """
    factor = min(1.0, _SIDE / max(image.shape[:2]))
    values = image[:, :, 0].astype(np.float32)
    values += image[:, :, 1]
    values += image[:, :, 2]
    values /= 3
    if factor < 1:
        size = tuple(max(1, round(side * factor)) for side in values.shape[::-1])
        values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    canvas = np.zeros((1, 1, _SIDE, _SIDE), np.float32)
    deviation = values.std()
    if deviation > 1e-3 and max(values.shape) >= _CELL:
        canvas[0, 0, : values.shape[0], : values.shape[1]] = (values - values.mean()) / deviation
    return canvas, factor


def _to_matcher_coordinates(found: LocalFeatures) -> Floats:
    """Points as the matcher takes them, -1 to 1 over the network's image."""
    factor = min(1.0, _SIDE / max(found.size))
    return np.asarray((found.points * factor - _SIDE / 2) / (_SIDE / 2), np.float32)
