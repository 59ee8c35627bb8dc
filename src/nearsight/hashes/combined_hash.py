"""The combined hash: key hues, tones, and what the image shows, in 136 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors import onnx
from nearsight.images.colour import resize_exact, to_grey
from nearsight.types import Descriptor, Floats, Image

Amounts: TypeAlias = NDArray[np.float64]

N_KEY_HUES, N_HUE_STEPS, NO_HUE = 3, 128, 255
"""Key hues; steps of a whole turn; the byte where an image has no hue."""

TONE_LIMITS = (26, 77, 179, 230)
"""Luma at which half-shadow, main zone, light and over-exposed begin: 10, 30, 70 and 90 % of 256."""

CONTENT_BYTES, KEYPOINT_WORDS = 128, 32

_MODEL, _OUTPUT = "mobilenetv2", "pooled"
_SMALL = 128
_SAMPLES = 512
_MIN_MEAN_CHROMA = 4.0
_ROUNDS = 20
_CUTS = 36
_QUANTISATION_SCALE = 800.0
_MAX_KEYPOINTS = 256
_WORD_BITS = (0, 51, 102, 153, 204)
_SMALLEST = 64


@dataclass(frozen=True)
class CombinedHash(Descriptor):
    """A hash of 136 bytes: 3 key hues, 5 zones of tone, and 128 bytes from a neural network.

    1. Bytes 0 to 2: the pixels' hues are parted into 3 groups by k-means on the circle, each pixel counting by its
       chroma. The middles of the groups, in 128 steps of a whole turn, the group with the most chroma first. An image
       without colour has three times 255.
    2. Bytes 3 to 7: the shares of the pixels in shadow, half-shadow, main zone, light and over-exposed, by luma, with
       limits at 26, 77, 179 and 230. They add up to 255.
    3. Bytes 8 to 135: the penultimate layer of MobileNetV2, averaged over the image and scaled to norm 1, along 128
       fixed directions; a value v becomes 128 + 800 v, rounded.
    4. With `keypoints`, bytes 136 to 167: the ORB descriptors of the 256 strongest corners are 32 words of 5 of their
       bits; the root of each word's share, times 255.

    For the first, second and fourth the image is scaled to 128 pixels at the longest side, for the network as its
    card says.

    Parameters
    ----------
    keypoints : add 32 bytes of key points

    Returns
    -------
    `(N, 136) uint8`, or `(N, 168) uint8` with key points

    Raises
    ------
    ModelError
        where the model mobilenetv2 is not on this machine, or is not what its card says

    References
    ----------
    A hash of 136 bytes for visual search, of key colours, zones of the histogram and a layer of MobileNetV2.
    M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018,
    doi:10.1109/CVPR.2018.00474. E. Rublee et al., ORB: An Efficient Alternative to SIFT or SURF, ICCV 2011,
    doi:10.1109/ICCV.2011.6126544.

    Notes
    -----
    Departures: the original does not say how 1280 values become 128 bytes, where the zones end, how hues are ordered,
    or how key points enter. The 128 directions are ours: the strongest of the network's own classifier, so no image
    was needed to find them. They kept more of the full layer's neighbours than means of 10 values or random directions
    did.

    Examples
    --------
    >>> CombinedHash().size, CombinedHash(keypoints=True).size
    (136, 168)
    >>> combined_hash_hues(np.full((8, 8, 3), (0, 255, 0), np.uint8)).tolist()
    [43, 43, 43]
    >>> combined_hash_tones(np.zeros((8, 8, 3), np.uint8)).tolist()
    [255, 0, 0, 0, 0]
    """

    keypoints: bool = False

    metric = "weighted_bytes"
    dtype = "uint8"

    @property
    def side(self) -> int:
        """What the network can use."""
        return onnx.Onnx(_MODEL, _OUTPUT).side

    @property
    def size(self) -> int:
        """The number of bytes."""
        return N_KEY_HUES + len(TONE_LIMITS) + 1 + CONTENT_BYTES + KEYPOINT_WORDS * self.keypoints

    @property
    def digest(self) -> str:
        """The model's checksum."""
        return onnx.Onnx(_MODEL, _OUTPUT).digest

    def load(self) -> None:
        """Find the model, check it and open it."""
        onnx.Onnx(_MODEL, _OUTPUT).load()

    def embed(self, images: Sequence[Image]) -> NDArray[np.uint8]:
        """`(N, size) uint8` for N images."""
        contents = quantise_activations(onnx.Onnx(_MODEL, _OUTPUT).embed(images))
        return np.stack([self._vector(image, of) for image, of in zip(images, contents, strict=True)])

    def _vector(self, image: Image, network_bytes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        small = _shrink_for_hash(image)
        parts = [combined_hash_hues(small), combined_hash_tones(small), network_bytes]
        return np.concatenate([*parts, combined_hash_words(small)] if self.keypoints else parts)


def combined_hash_hues(image: Image) -> NDArray[np.uint8]:
    """The three key hues of an image, `(3,) uint8` in steps of 1/128 turn; 255 where it has no colour."""
    pixels = np.asarray(image, np.float32).reshape(1, -1, 3) / np.float32(255)
    hue, saturation, value = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV))
    weights = (saturation * value).ravel().astype(np.float64)
    bins = (hue.ravel() / 2).astype(np.int64) % 180
    chroma = np.asarray(np.bincount(bins, weights, minlength=180), np.float64)
    if 255 * chroma.sum() < _MIN_MEAN_CHROMA * hue.size:
        return np.full(N_KEY_HUES, NO_HUE, np.uint8)
    middles, shares = _cluster_hues(chroma)
    steps = (
        np.round(np.arctan2(middles[:, 1], middles[:, 0]) * (N_HUE_STEPS / (2 * np.pi))).astype(np.int64) % N_HUE_STEPS
    )
    return np.asarray(steps[np.lexsort((steps, -shares))], np.uint8)


def _cluster_hues(hue_weights: Amounts) -> tuple[Floats, NDArray[np.int64]]:
    """Middles `(3, 2)` and shares `(3,)` of three groups of hues `(180,)` with these weights, by k-means on the circle.

    k-means takes no weights, so each hue is among its points as often as its weight says.
    """
    bins = _quantile_bins(hue_weights)
    angles = np.deg2rad(2 * bins + 1)
    points = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    labels = _initial_hue_clusters(hue_weights)[bins, None].astype(np.int32)
    ends = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _ROUNDS, 1e-4)
    _, found, middles = cv2.kmeans(points, N_KEY_HUES, labels, ends, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return np.asarray(middles, np.float32), np.bincount(found[:, 0], minlength=N_KEY_HUES)


def _quantile_bins(weights: Amounts) -> NDArray[np.int64]:
    """Numbers of bins `(512,)`, sorted, each as often as its weight says."""
    summed = np.cumsum(weights)
    return np.asarray(np.searchsorted(summed, (np.arange(_SAMPLES) + 0.5) / _SAMPLES * summed[-1]), np.int64)


def _initial_hue_clusters(weights: Amounts) -> NDArray[np.int64]:
    """Three arcs that part the circle of hues `(180,)` best, as the number of the arc of each hue.

    Every way to cut it at three places, 10 degrees apart, is tried: k-means that begins anywhere may end anywhere.
    """
    angles = np.deg2rad(2 * np.arange(len(weights)) + 1)
    moments = np.stack([weights, weights * np.cos(angles), weights * np.sin(angles)])
    ahead = np.hstack([np.zeros((3, 1)), moments.reshape(3, _CUTS, -1).sum(axis=2).cumsum(axis=1)])
    first, second, third = _hash_triples().T
    inner = [ahead[:, second] - ahead[:, first], ahead[:, third] - ahead[:, second]]
    parts = np.stack([*inner, ahead[:, -1:] - inner[0] - inner[1]])
    tight = (parts[:, 1] ** 2 + parts[:, 2] ** 2) / np.maximum(parts[:, 0], 1e-12)
    best = _hash_triples()[tight.sum(axis=0).argmax()]
    return np.asarray(np.searchsorted(best, np.arange(len(weights)) * _CUTS // len(weights), side="right") % N_KEY_HUES)


@cache
def _hash_triples() -> NDArray[np.int64]:
    """Every choice of three of the places, `(n, 3)`."""
    return np.array(list(combinations(range(_CUTS), N_KEY_HUES)))


def combined_hash_tones(image: Image) -> NDArray[np.uint8]:
    """The shares of the five zones of tone, `(5,) uint8` with sum 255."""
    zones = np.searchsorted(TONE_LIMITS, to_grey(image).ravel(), side="right")
    shares = np.cumsum(np.bincount(zones, minlength=len(TONE_LIMITS) + 1)) / zones.size
    return np.diff(np.round(255 * shares), prepend=0).astype(np.uint8)


def quantise_activations(activations: Floats) -> NDArray[np.uint8]:
    """What a network sees as bytes, `(N, 128) uint8` for its pooled layer `(N, 1280)`."""
    norms = np.linalg.norm(activations, axis=1, keepdims=True)
    ahead = activations / np.where(norms == 0, 1, norms)
    along = np.stack([_combined_hash_directions() @ row for row in ahead.astype(np.float64)])
    return np.clip(np.round(CONTENT_BYTES + _QUANTISATION_SCALE * along), 0, 255).astype(np.uint8)


@cache
def _combined_hash_directions() -> NDArray[np.float64]:
    """The directions `(128, 1280)`, each of length 1; `benchmarks/reduction.py` made them."""
    with (files("nearsight.hashes") / "combined_hash.npy").open("rb") as file:
        stored = np.load(file, allow_pickle=False).astype(np.float64)
    return np.asarray(stored / np.linalg.norm(stored, axis=1, keepdims=True))


def combined_hash_words(image: Image) -> NDArray[np.uint8]:
    """How often each of 32 words occurs among the corners of an image, `(32,) uint8`: roots of shares times 255."""
    if min(image.shape[:2]) < _SMALLEST:
        scale = _SMALLEST / min(image.shape[:2])
        image = resize_exact(image, *(min(4 * _SMALLEST, round(scale * side)) for side in image.shape[1::-1]))
    corners = cv2.ORB.create(nfeatures=_MAX_KEYPOINTS, edgeThreshold=16, patchSize=16)
    found = corners.detectAndCompute(to_grey(image), None)[1]
    if found is None:
        return np.zeros(KEYPOINT_WORDS, np.uint8)
    bits = np.unpackbits(found, axis=1, bitorder="little")[:, _WORD_BITS]
    words = bits @ (1 << np.arange(len(_WORD_BITS)))
    shares = np.bincount(words, minlength=KEYPOINT_WORDS) / len(words)
    return np.round(255 * np.sqrt(shares)).astype(np.uint8)


def _shrink_for_hash(image: Image) -> Image:
    """The image at 128 pixels or less at the longest side."""
    height, width = image.shape[:2]
    scale = min(1.0, _SMALL / max(height, width))
    return resize_exact(image, *(max(1, round(scale * side)) for side in (width, height)))
