"""The noise that compression and sensors left in an image, measured from its pixels alone.

Two copies of an image differ by such noise. Where it is known, a difference that it cannot explain is a real one.

References
----------
Z. Fan, R. L. de Queiroz, "Identification of bitmap compression history: JPEG detection and quantizer estimation", IEEE
Trans. Image Processing 12(2), 2003: quantized coefficients are multiples of their step.
ITU-T T.81 (1992), annex K: the usual tables, scaled by a quality of 1 to 100 as the reference library does.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from nearsight.types import Doubles, Floats

__all__ = ["N_LEVELS", "estimate_jpeg_quality", "noise_variances"]

N_LEVELS = 6
"""Levels of a pyramid: each averages squares of four pixels of the one before."""

_QUALITIES = (*range(2, 36), *range(36, 60, 2), *range(60, 86, 3), 85)
"""Half of a step explains its multiples too, so the one itself must be among them."""
_MIN_PERIODICITY = 0.5
"""Mean cosine of the coefficients in units of their step; unquantized ones have 0, multiples of the step 1."""
_MIN_DETAIL, _MAX_ROUNDING = 64.0, 3.0
"""Energy of a block that has detail; and the mean square of what rounded pixels leave of its quantized coefficients."""
_MAX_BLOCKS = 800
_MIN_COEFFICIENTS = 15
_MIN_STEP, _MIN_MEAN_STEP = 4, 64
"""The step from which on coefficients tell it, and the means of blocks too: hardly anything else is left then."""
_CELL = 16

_LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
_COSINES = np.array(
    [
        [np.sqrt((1 if row == 0 else 2) / 8) * np.cos((2 * at + 1) * row * np.pi / 16) for at in range(8)]
        for row in range(8)
    ],
    np.float32,
)
_TESTED = [(row, column) for row in range(5) for column in range(5) if 0 < row + column < 5]
_MAX_CLIPPED, _MIN_UNCLIPPED = 0.02, 30
"""Share of black and white pixels in a cell that shows its noise whole, and how many such cells there must be."""
_CALMEST_SHARE, _MAX_NOISE_SPREAD = 0.75, 1.15
"""What the calmest twentieth of the cells of white noise has of its variance; and how much more the calmest tenth has
at most. Where cells vary more, the calmest show texture, and it would be taken for noise."""
_FREQUENCY = np.maximum.outer(np.arange(8), np.arange(8))
_SECOND_DIFFERENCES = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6


@lru_cache
def quantization_table(quality: int) -> Floats:
    """The steps `(8, 8)` of the luma coefficients at a quality of 1 to 100; not to be written to."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    return np.asarray(np.clip(np.floor((_LUMA_TABLE * scale + 50) / 100), 1, 255), np.float32)


def estimate_jpeg_quality(grey: Floats) -> int | None:
    """The JPEG quality that an image was last saved with, 2 to 85; None where no trace of one is found.

    A trace is lost when the image is resized, and where less than a few dozen blocks of 8 x 8 pixels have detail.
    """
    blocks = _sample_blocks(grey)
    if len(blocks) < _MIN_COEFFICIENTS:
        return None
    coefficients = np.asarray(_COSINES @ blocks @ _COSINES.T, np.float32)
    periodicity = _periodicity(coefficients)
    for at in map(int, np.argsort(-periodicity, kind="stable")):
        if periodicity[at] <= _MIN_PERIODICITY:
            break
        if _is_quantized(coefficients, quantization_table(_QUALITIES[at])):
            return int(_QUALITIES[at])
    return None


def _periodicity(coefficients: Floats) -> Floats:
    """The mean cosine of the coefficients in units of their step, for each quality; 0 where few exceed half a step."""
    tables = np.stack([quantization_table(quality) for quality in _QUALITIES])
    sums, counts = np.zeros((2, len(tables)))
    tested = [(coefficients[:, *at], tables[:, *at], _MIN_STEP, 0.5) for at in _TESTED]
    means = np.unique(np.rint(coefficients[:, 0, 0]))  # many blocks of one ground say no more than one
    for values, all_steps, least, share in (*tested, (means, tables[:, 0, 0], _MIN_MEAN_STEP, -1)):
        some = np.flatnonzero(all_steps >= least)
        steps, sizes = all_steps[some, None], np.abs(values)
        large = sizes > share * steps.min(initial=255)
        cosines, told = np.cos(values[large] * (2 * np.pi / steps)), sizes[large] > share * steps
        sums[some] += (cosines * told).sum(axis=1)
        counts[some] += told.sum(axis=1)
    return np.where(counts >= _MIN_COEFFICIENTS, sums / np.maximum(counts, 1), 0).astype(np.float32)


def _is_quantized(coefficients: Floats, table: Floats) -> bool:
    """Whether all coefficients of most blocks that have detail are multiples of their steps, about.

    Drawings have few coefficients of any size, and those tested above may be multiples of a step by accident.
    """
    details = coefficients.reshape(-1, 64)[:, 1:]
    left = details - table.ravel()[1:] * np.rint(details / table.ravel()[1:])
    detailed = (details**2).sum(axis=1) > _MIN_DETAIL
    return bool(detailed.any() and np.median((left[detailed] ** 2).mean(axis=1)) < _MAX_ROUNDING)


def _sample_blocks(grey: Floats) -> Floats:
    """Blocks `(n, 8, 8)` of the grid that JPEG would use, evenly spread, without those that touch black or white."""
    height, width = (side - side % 8 for side in grey.shape)
    blocks = (grey[:height, :width] - 128).reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    flat = blocks.reshape(len(blocks), 64)
    inner = np.flatnonzero((flat.max(axis=1, initial=-128) < 126) & (flat.min(axis=1, initial=127) > -127))
    return blocks[inner[:: max(1, len(inner) // _MAX_BLOCKS)]]


def noise_variances(grey: Floats, quality: int | None) -> Doubles:
    """Variance of the noise at each level of a pyramid `(N_LEVELS,)`, in squared grey levels.

    The quantization of a JPEG of this quality, as far as its frequencies are left at that level, and white noise: what
    the second differences of the calmest parts show that are neither black nor white, a quarter of it at each next
    level.
    """
    variances = np.zeros(N_LEVELS)
    if quality is not None:
        table = quantization_table(quality).astype(np.float64)
        for level in range(N_LEVELS):
            left = table[max(1.0, 8 / 2**level) > _FREQUENCY]
            variances[level] = (left**2).sum() / 12 / 64 / 4 ** max(0, level - 3)
    return variances + _white_noise(grey) / 4.0 ** np.arange(N_LEVELS)


def _white_noise(grey: Floats) -> float:
    rows, columns = grey.shape[0] // _CELL, grey.shape[1] // _CELL
    if min(rows, columns) < 3:
        return 0.0
    energy = cv2.filter2D(grey, -1, _SECOND_DIFFERENCES) ** 2
    clipped = ((grey < 1) | (grey > 254)).astype(np.float32)  # noise is cut off at black and white
    energies, shares = (
        cv2.resize(plane[: rows * _CELL, : columns * _CELL], (columns, rows), interpolation=cv2.INTER_AREA)
        for plane in (energy, clipped)
    )
    whole = energies[shares <= _MAX_CLIPPED]
    calmest, next_calmest = np.percentile(whole, (5, 10)) if len(whole) >= _MIN_UNCLIPPED else (0.0, 1.0)
    if next_calmest <= _MAX_NOISE_SPREAD * calmest:
        return float(calmest) / _CALMEST_SHARE
    return float(np.percentile(energies, 5))
