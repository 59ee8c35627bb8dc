"""Square cells of two images in one frame: how the levels of both vary and correlate in each."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.registration import register
from nearsight.images.colour import to_grey
from nearsight.types import Doubles, Floats, Image

__all__ = [
    "CELL",
    "MAX_LOCAL_GAIN",
    "MIN_CELLS",
    "MIN_SIGNAL",
    "MIN_STRUCTURE",
    "SMALL_CELL",
    "SMALL_SIDE",
    "cell_means",
    "cell_moments",
    "half",
    "screen_overlap",
    "without_gradients",
]

CELL, SMALL_CELL, SMALL_SIDE = 16, 8, 240
"""The side of a cell in pixels of the frame, and of images whose shorter side is less than `SMALL_SIDE`."""
MIN_CELLS = 3
"""A level of the pyramid with fewer rows or columns of cells is not compared."""
MIN_SIGNAL, MIN_STRUCTURE = 6.0, 9.0
"""A cell says something where its variance is this many times that of the noise, and this much more, in grey levels."""
MAX_LOCAL_GAIN = 2.0
"""The contrast of one cell may change by this factor beside that of the whole."""
SCREENED_BLOCKS = 64
"""Blocks that correct a transform, at a glance."""
SCREENED_STRUCTURE, SCREENED_CORRELATION = 16.0, 0.6
"""At a glance a cell says something from this variance on, in grey levels, and agrees where it correlates so."""


def screen_overlap(query: Image, hit: Image, matrix: Doubles, *, both: bool = False) -> tuple[int, int]:
    """Of two images, how many cells of the common part agree at a glance, and how many say anything.

    Structure is correlated, blurred a little, and nothing else is made alike: it tells whether to look closer.
    `matrix (3, 3)` maps points of the query to points of the hit, about. Cells say something that have structure in
    either image, or in `both`: one that is blurred then does not speak against the other.
    """
    frame = register(to_grey(query), to_grey(hit), matrix, rounds=1, smooth=False, max_blocks=SCREENED_BLOCKS)
    if min(frame.reference.shape[:2]) < MIN_CELLS * SMALL_CELL:
        return 0, 0
    weight = (frame.inside > 0.99).astype(np.float32)
    greys = frame.reference.astype(np.float32), frame.aligned
    details = [without_gradients(cv2.GaussianBlur(grey, (5, 5), 1.0), weight, SMALL_CELL) for grey in greys]
    variance, other, _, correlation = cell_moments(details[0], details[1], SMALL_CELL, 0, weight)
    structure = np.minimum(variance, other) if both else np.maximum(variance, other)
    told = (cell_means(weight, SMALL_CELL) > 0.995) & (structure > SCREENED_STRUCTURE)
    values = correlation[told]
    agreeing = max((values > SCREENED_CORRELATION).sum(), (values < -SCREENED_CORRELATION).sum())
    return int(agreeing), int(told.sum())


def cell_means(plane: Floats, cell: int) -> Floats:
    """The mean of each whole cell: `(rows, columns, ...)`."""
    rows, columns = plane.shape[0] // cell, plane.shape[1] // cell
    whole = plane[: rows * cell, : columns * cell]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def half(plane: Floats) -> Floats:
    """A plane at half its size: means of four pixels."""
    size = max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def cell_moments(
    grey: Floats, aligned: Floats, cell: int, reach: int, weight: Floats | None = None
) -> tuple[Floats, Floats, Floats, Floats]:
    """For each cell the variances of both, their covariance and correlation, where they fit best within `reach`.

    With `weight (H, W)`, pixels count by it.
    """
    if weight is None:
        weight = np.ones_like(grey)
    total = np.maximum(cell_means(weight, cell), 1e-3)
    mean = cell_means(weight * grey, cell) / total
    variance = np.maximum(cell_means(weight * grey * grey, cell) / total - mean**2, 0)
    best: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            moved = np.roll(aligned, (down, across), (0, 1)) if down or across else aligned
            weighted = weight * moved
            other_mean = cell_means(weighted, cell) / total
            other = np.maximum(cell_means(weighted * moved, cell) / total - other_mean**2, 0)
            covariance = cell_means(weighted * grey, cell) / total - mean * other_mean
            correlation = covariance / np.sqrt((variance + 0.5) * (other + 0.5))
            if best is None:
                best = correlation, covariance, other
            else:
                better = correlation > best[0]
                fits = zip((correlation, covariance, other), best, strict=True)
                first, second, third = (np.where(better, new, old) for new, old in fits)
                best = first, second, third
    assert best is not None
    return variance, best[2], best[1], best[0]


def without_gradients(grey: Floats, weight: Floats, cell: int) -> Floats:
    """Grey levels less their mean around each pixel: a gradient alone is in too many images to say anything."""
    size = cell | 1, cell | 1
    mean = cv2.blur(weight * grey, size) / np.maximum(cv2.blur(weight, size), 1e-3)
    return np.asarray(grey - mean, np.float32)
