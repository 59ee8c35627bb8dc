"""Patches cut out of an image at their own place, size and angle, and SIFT of such; a helper, not a method."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats

_MAX_REMAP_ROWS = 32_000
"""OpenCV maps no more rows at once."""
_BINS, _RADIUS = 36, 4.5
_LAYERS, _FIRST_DIAMETER = 3, 3.2
"""Of OpenCV's scale space: layers an octave, and the diameter of a point on the first of them."""


def cut_sift_patches(luma: NDArray[np.uint8], points: Floats, sides: Floats, angles: Floats, n_samples: int) -> Floats:
    """Squares around points, turned by angles (degrees clockwise), as `(n, count, count) float32` levels of grey.

    Between pixels it is interpolated linearly. Where pixels lie closer than the samples, they come from an image made
    smaller by areas, so that nothing is skipped. Outside of the image its edge goes on.
    """
    steps = sides / n_samples
    offsets = np.arange(n_samples) - (n_samples - 1) / 2
    down, right = np.meshgrid(offsets, offsets, indexing="ij")
    made = np.empty((len(points), n_samples, n_samples), np.float32)
    levels = np.maximum(0, np.floor(np.log2(np.maximum(steps, 1)))).astype(int)
    for level in np.unique(levels).tolist():
        small = _downsample_patch(luma, level)
        shrink = np.array(small.shape[::-1]) / luma.shape[::-1]
        for chosen in _patch_batches(np.flatnonzero(levels == level), _MAX_REMAP_ROWS // n_samples):
            turn = np.radians(angles[chosen])[:, None, None]
            step, place = steps[chosen][:, None, None], points[chosen][:, :, None, None]
            x = (place[:, 0] + step * (np.cos(turn) * right - np.sin(turn) * down)) * shrink[0] - 0.5
            y = (place[:, 1] + step * (np.sin(turn) * right + np.cos(turn) * down)) * shrink[1] - 0.5
            across, along = (each.astype(np.float32).reshape(-1, n_samples) for each in (x, y))
            cut = cv2.remap(small, across, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            made[chosen] = cut.reshape(-1, n_samples, n_samples)
    return made


def _downsample_patch(luma: NDArray[np.uint8], n_halvings: int) -> Floats:
    size = tuple(max(1, side >> n_halvings) for side in luma.shape[::-1])
    return np.asarray(cv2.resize(luma.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32)


def _patch_batches(indices: NDArray[np.int64], max_size: int) -> list[NDArray[np.int64]]:
    return [indices[start : start + max_size] for start in range(0, len(indices), max_size)]


def dominant_orientations(luma: NDArray[np.uint8], points: Floats, sigmas: Floats) -> Floats:
    """The strongest direction of the edges around each point, in degrees clockwise, as SIFT takes it.

    A histogram of 36 directions of the gradients within 4.5 sigma, weighed by a Gaussian of 1.5 sigma, is smoothed;
    its largest bin gives the direction, moved to the summit of the parabola through its neighbours.
    """
    count = 21
    around = cut_sift_patches(luma, points, 2 * _RADIUS * sigmas, np.zeros(len(points), np.float32), count)
    across, down = around[:, 1:-1, 2:] - around[:, 1:-1, :-2], around[:, 2:, 1:-1] - around[:, :-2, 1:-1]
    place = (np.arange(1, count - 1) - count // 2) * 2 * _RADIUS / count
    window = np.exp(-(place**2) / (2 * 1.5**2))
    weights = np.hypot(across, down) * np.outer(window, window)
    bins = np.rint(np.arctan2(down, across) * _BINS / (2 * math.pi)).astype(np.int64) % _BINS
    bins += _BINS * np.arange(len(points))[:, None, None]
    counts = np.bincount(bins.ravel(), weights.ravel(), _BINS * len(points)).reshape(-1, _BINS)
    near, far = (sum(np.roll(counts, by, axis=1) for by in (-each, each)) for each in (1, 2))
    smooth = (6 * counts + 4 * near + far) / 16
    best = smooth.argmax(axis=1)
    before, at, after = (smooth[np.arange(len(points)), (best + by) % _BINS] for by in (-1, 0, 1))
    bend = before - 2 * at + after
    summit = best + np.where(bend < 0, (before - after) / np.where(bend < 0, 2 * bend, 1), 0)
    return np.asarray(summit * 360 / _BINS % 360, np.float32)


def compute_sift(luma: NDArray[np.uint8], points: Floats, diameters: Floats, angles: Floats) -> Floats:
    """SIFT `(n, 128) float32`, 0 to 255, of places and diameters (2 sigma), each on its own layer of the scale space.

    A descriptor covers a square of six diameters.
    """
    top = int(math.log2(min(luma.shape)))
    steps = np.rint(_LAYERS * np.log2(diameters / _FIRST_DIAMETER)).astype(int)
    octaves = np.clip((steps - 1) // _LAYERS, -1, top)
    layers = np.clip(steps - _LAYERS * octaves, 0, _LAYERS)
    places = zip((points - 0.5).tolist(), diameters.tolist(), angles.tolist(), strict=True)
    found = [
        cv2.KeyPoint(x, y, size, angle, 0, (octave & 255) | layer << 8)
        for ((x, y), size, angle), octave, layer in zip(places, octaves.tolist(), layers.tolist(), strict=True)
    ]
    _, rows = cv2.SIFT.create(nOctaveLayers=_LAYERS).compute(luma, found)
    return np.asarray(rows, np.float32)


def to_rootsift(descriptors: NDArray[Any]) -> Floats:
    """RootSIFT: divided by their sums, and the square roots of that."""
    return np.asarray(np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1)), np.float32)
