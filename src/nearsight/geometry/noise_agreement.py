"""Whether the noise of two images is that of one photograph, and whether it explains all that differs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from nearsight.geometry.cells import MAX_LOCAL_GAIN, MIN_CELLS, SMALL_CELL, cell_means, half, without_gradients
from nearsight.geometry.photometric import ImagePair
from nearsight.types import Floats

__all__ = [
    "BlockAgreement",
    "compare_blocks",
    "correlate_noise",
]

MIN_LOSSY_QUALITY, MAX_LOSSY_QUALITY, MANY_PIXELS = 4, 25, 8000
"""The JPEG qualities at which blocks are compared where cells are silent, as quantization hides most of their details;
and how many pixels must be compared at a worse one, which leaves no more of one small radiograph than of another."""
BLOCK_LEVELS, BLOCK_SURROUNDINGS = (2, 3), 5
"""Levels of the pyramid at which all pixels are compared then, less their mean in squares of this side."""
MAX_BLOCK_DEVIATION, MAX_BLOCK_RESIDUALS, BLOCK_ERROR = 5.0, (0.9, 1.4), 4.0
"""By how many deviations of the noise one pixel may differ; what all may leave on average in units of its variance, by
level; and variance that registration leaves besides, in squared levels."""
CLIPPED, MAX_CLIPPED = (2, 253), 0.01
"""Levels beyond which a pixel may be clipped, and the share of such pixels in a cell that shows its noise."""
CALM_SHARE, CALM_FACTOR, MIN_CALM = 15, 2.0, 30
"""Per cent of the cells that are calm, by what factor the others may have more energy, and how many there must be."""
MIN_NOISE, MAX_NOISE_RATIO = 0.4, 2.0
"""Variance of the noise of half an image in squared levels, at least, and how much more of it one of both may have."""


@dataclass(frozen=True)
class BlockAgreement:
    """That nothing but quantization tells two images apart, one of which is a JPEG of this low `quality`.

    `correlation` is that of `n_pixels` means of 4 x 4 pixels, less their mean around them.
    """

    quality: int
    n_pixels: int
    correlation: float


def correlate_noise(pair: ImagePair) -> float | None:
    """How the finest details of the calmest cells of both correlate, at half the frame's scale, where a JPEG has some.

    None where there are too few such cells, where hardly anything is left in them, or much more in one than in the
    other: noise was added then, or lost.
    """
    grey, aligned = pair.greys
    clipped = np.maximum(*((each < CLIPPED[0]) | (each > CLIPPED[1]) for each in (grey, aligned))).astype(np.float32)
    grey, aligned, inside, clipped = (half(each) for each in (grey, aligned, pair.inside, clipped))
    if min(grey.shape) < MIN_CELLS * SMALL_CELL:
        return None
    first, second = (each - cv2.blur(each, (3, 3)) for each in (grey, aligned))
    shown = (cell_means(inside, SMALL_CELL) > 0.995) & (cell_means(clipped, SMALL_CELL) < MAX_CLIPPED)
    energy, other, shared = (cell_means(each, SMALL_CELL) for each in (first**2, second**2, first * second))
    calm = shown.copy()
    for each in (energy, other):
        calm &= each <= CALM_FACTOR * np.percentile(each[shown], CALM_SHARE) if shown.any() else shown
    if calm.sum() < MIN_CALM:
        return None
    mean, other_mean = float(energy[calm].mean()), float(other[calm].mean())
    if min(mean, other_mean) < MIN_NOISE or max(mean, other_mean) > MAX_NOISE_RATIO * min(mean, other_mean):
        return None
    return float(shared[calm].mean()) / float(np.sqrt(mean * other_mean))


def compare_blocks(pair: ImagePair, quality: int | None) -> BlockAgreement | None:
    """Whether the noise explains all that differs, at scales that a JPEG of this quality leaves; None where not.

    Nothing is said of a better quality than `MAX_LOSSY_QUALITY`, as cells say more then, and of a small image in a
    worse one than `MIN_LOSSY_QUALITY`.
    """
    if quality is None or quality > MAX_LOSSY_QUALITY:
        return None
    grey, aligned, weight = *pair.greys, (pair.inside > 0.99).astype(np.float32)
    noise = pair.first_noise + pair.second_noise
    compared = list[tuple[int, float]]()
    for level in range(max(BLOCK_LEVELS) + 1):
        if level in BLOCK_LEVELS:
            details = [without_gradients(each, weight, BLOCK_SURROUNDINGS) for each in (grey, aligned)]
            first, second = (each[weight > 0.99] for each in details)
            max_residual = MAX_BLOCK_RESIDUALS[BLOCK_LEVELS.index(level)]
            correlation = _explained_correlation(first, second, noise[level] + BLOCK_ERROR, max_residual)
            if correlation is None:
                return None
            compared.append((len(first), correlation))
        grey, aligned, weight = (half(each) for each in (grey, aligned, weight))
    found = BlockAgreement(quality, *compared[0])
    return found if quality >= MIN_LOSSY_QUALITY or found.n_pixels >= MANY_PIXELS else None


def _explained_correlation(first: Floats, second: Floats, noise: float, max_residual: float) -> float | None:
    """How two details `(n,)` correlate; None where noise of this variance does not explain where they differ."""
    if not len(first):
        return None
    covariance, energy, other = float((first * second).mean()), float((first**2).mean()), float((second**2).mean())
    left = (first - np.clip(covariance / (other + 0.5), 1 / MAX_LOCAL_GAIN, MAX_LOCAL_GAIN) * second) ** 2
    if left.max() > MAX_BLOCK_DEVIATION**2 * noise or left.mean() > max_residual * noise:
        return None
    return covariance / float(np.sqrt(energy * other) + 0.5)
