"""Two images in one frame made alike but for what they show: tone, sharpness, isolated pixels and inversion.

And how many tones an image has beside its ground.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from nearsight.geometry.cells import MIN_CELLS, MIN_STRUCTURE, cell_means, cell_moments, half
from nearsight.geometry.compression import N_LEVELS
from nearsight.geometry.registration import to_grey_levels
from nearsight.geometry.tone import fit_tone, largest_channel
from nearsight.types import Doubles, Floats

__all__ = [
    "GROUND_BIN",
    "ImagePair",
    "contrast_gain",
    "count_tones",
    "equalize_sharpness",
    "ground_colour",
    "match_tone",
    "noise_after_reduction",
    "remove_impulses",
    "undo_inversion",
]

SIGMAS = (0.4, 0.55, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0)
"""Widths of the blur that the sharper image is given, as far as that makes both more alike."""
COARSE, MIN_COARSE_CORRELATION = 3.0, 0.6
"""The width of a blur that leaves what a blurred copy shows too, and how well cells of both correlate then at least."""
MIN_SHARPNESS_RATIO = 0.9
"""Share of the finest details' energy below which the other image is blurred too."""
WHITE_NOISE_SHARE = 0.89
"""What the finest details of white noise have of its variance."""
MIN_IMPULSE, MIN_IMPULSE_SHARE = 60.0, 0.005
"""Levels by which a pixel stands out of its eight neighbours, and the share of such pixels that is noise."""
TONE_CELL, MAX_COLOURS = 4, 2000
"""The side in pixels of the squares whose colours tell the change of tone, and how many tell it."""
GROUND_BIN, FAR_FROM_GROUND, TONE_BIN = 12, 48, 16
"""Levels within which colours are those of one ground; beyond which they are none of its stains; and of one tone."""
MAX_SMOOTH, MIN_TONE_SHARE = 8.0, 0.004
"""Deviation of the grey levels around a smooth pixel at most, and the share of such pixels that counts."""


@dataclass(frozen=True)
class ImagePair:
    """Both images in one frame `(H, W, 3) float32`, where both show something, and their noise by level."""

    first: Floats
    second: Floats
    inside: Floats
    first_noise: Doubles
    second_noise: Doubles
    cell: int

    @property
    def greys(self) -> tuple[Floats, Floats]:
        """Luma of both."""
        return to_grey_levels(self.first), to_grey_levels(self.second)


def undo_inversion(pair: ImagePair) -> tuple[ImagePair, bool]:
    """The pair with the second image as a positive, and whether it was a negative of the first."""
    grey, other = pair.greys
    for _ in range(2):
        if min(grey.shape) >= 4 * MIN_CELLS * pair.cell:
            grey, other = half(grey), half(other)
    variance, second, _, correlation = cell_moments(grey, other, pair.cell, 0)
    told = np.minimum(variance, second) > MIN_STRUCTURE
    inverted = told.sum() >= MIN_CELLS**2 and float(np.median(correlation[told])) < -0.6
    return (replace(pair, second=255 - pair.second) if inverted else pair), bool(inverted)


def remove_impulses(pair: ImagePair) -> ImagePair:
    """Both without isolated pixels, where either has many of them."""
    found = []
    for grey in pair.greys:
        smooth = cv2.medianBlur(np.clip(grey, 0, 255).astype(np.uint8), 3)
        found.append(float((np.abs(grey - smooth) > MIN_IMPULSE).mean()))
    if max(found) < MIN_IMPULSE_SHARE:
        return pair
    first, second = (
        np.asarray(cv2.medianBlur(np.rint(each).astype(np.uint8), 3), np.float32) for each in (pair.first, pair.second)
    )
    return replace(pair, first=first, second=second)


def match_tone(pair: ImagePair) -> ImagePair:
    """The pair with one tone: that of either image, to which the other one can be brought better."""
    means, others = _sample_colours(pair)
    to_first, to_second = fit_tone(others, means), fit_tone(means, others)
    error = to_first.mean_error(others, means) / (means.std() + 1)  # in units of the contrast that it is an error of
    if error <= to_second.mean_error(means, others) / (others.std() + 1):
        gain = float(np.mean(to_first.gains))
        return replace(pair, second=to_first.apply(pair.second), second_noise=gain**2 * pair.second_noise)
    gain = float(np.mean(to_second.gains))
    return replace(pair, first=to_second.apply(pair.first), first_noise=gain**2 * pair.first_noise)


def _sample_colours(pair: ImagePair) -> tuple[Floats, Floats]:
    """Colours `(n, 3)` of both at the same places: means of few pixels, so that few are clipped in part."""
    inside = cell_means(pair.inside, TONE_CELL) > 0.995
    step = max(1, int(inside.sum()) // MAX_COLOURS)
    first, second = (cell_means(each, TONE_CELL)[inside][::step] for each in (pair.first, pair.second))
    return first, second


def noise_after_reduction(noise: Doubles, reduction: float) -> Doubles:
    """The noise by level of an image that was reduced by a factor."""
    levels = np.arange(N_LEVELS)
    return np.asarray(np.interp(levels + np.log2(reduction), levels, noise), np.float64)


def contrast_gain(pair: ImagePair) -> float:
    """By what factor contrast differs, at a scale that noise and blur hardly reach; 1 where nothing correlates."""
    grey, aligned = pair.greys
    for _ in range(2):
        if min(grey.shape) >= 4 * MIN_CELLS * pair.cell:
            grey, aligned = half(grey), half(aligned)
    variance, other, _, correlation = cell_moments(grey, aligned, pair.cell, 0)
    alike = (correlation > 0.7) & (other > 1)
    if alike.sum() <= MIN_CELLS:
        return 1.0
    return float(np.clip(np.sqrt(np.median(variance[alike] / other[alike])), 0.1, 10))


def _fine_energy(plane: Floats, cell: int, noise: float) -> Floats:
    """For each cell the energy of the finest details, less that of the noise."""
    coarse = cv2.pyrUp(cv2.pyrDown(plane), dstsize=(plane.shape[1], plane.shape[0]))
    energy = np.asarray((plane - coarse) ** 2, np.float32)
    return np.asarray(np.maximum(cell_means(energy, cell) - WHITE_NOISE_SHARE * noise, 0), np.float32)


def equalize_sharpness(pair: ImagePair, gain: float) -> ImagePair:
    """Both with the sharpness of the blurrier one. `gain`: contrast of the first in units of the second's."""
    grey, aligned = pair.greys
    aligned, cell = gain * aligned, pair.cell
    energy = _fine_energy(grey, cell, pair.first_noise[0])
    other = _fine_energy(aligned, cell, gain**2 * pair.second_noise[0])
    least = 2 + 0.5 * (pair.first_noise[0] + gain**2 * pair.second_noise[0])  # noise itself varies from cell to cell
    inside = _shown_by_both(pair, aligned)
    told = (cell_means(inside, cell) > 0.99) & (np.maximum(energy, other) > least)
    ratio = float(np.median((energy[told] + 0.2) / (other[told] + 0.2))) if told.sum() >= MIN_CELLS else 1.0
    if MIN_SHARPNESS_RATIO <= ratio <= 1 / MIN_SHARPNESS_RATIO:
        return pair
    best, sigma, before = _median_correlation(grey, aligned, inside, cell) + 0.004, 0.0, -1.0
    for each in SIGMAS:
        sharper = np.asarray(cv2.GaussianBlur(aligned if ratio < 1 else grey, (0, 0), each), np.float32)
        found = _median_correlation(*((grey, sharper) if ratio < 1 else (sharper, aligned)), inside, cell)
        if found > best:
            best, sigma = found, each
        if found < before - 0.02:
            break
        before = found
    if not sigma:
        return pair
    left = 1 / (1 + 4 * (sigma / 2.0 ** np.arange(N_LEVELS)) ** 2)
    if ratio < 1:
        blurred = np.asarray(cv2.GaussianBlur(pair.second, (0, 0), sigma), np.float32)
        return replace(pair, second=blurred, second_noise=pair.second_noise * left)
    blurred = np.asarray(cv2.GaussianBlur(pair.first, (0, 0), sigma), np.float32)
    return replace(pair, first=blurred, first_noise=pair.first_noise * left)


def _shown_by_both(pair: ImagePair, aligned: Floats) -> Floats:
    """1 in cells of which both show the same at a coarse scale, if there are some; else where both show anything.

    Letters over one of both would pass for its sharpness.
    """
    first, second = (cv2.GaussianBlur(each, (0, 0), COARSE) for each in (pair.greys[0], aligned))
    variance, other, _, correlation = cell_moments(first, second, pair.cell, 0)
    alike = (correlation > MIN_COARSE_CORRELATION) & (np.minimum(variance, other) > 1)
    if (alike & (cell_means(pair.inside, pair.cell) > 0.99)).sum() < MIN_CELLS**2:
        return pair.inside
    shown = np.zeros_like(pair.inside)
    shown[: alike.shape[0] * pair.cell, : alike.shape[1] * pair.cell] = np.kron(alike, np.ones((pair.cell, pair.cell)))
    return shown * pair.inside


def _median_correlation(grey: Floats, aligned: Floats, inside: Floats, cell: int) -> float:
    while min(grey.shape) >= 400:
        grey, aligned, inside = half(grey), half(aligned), half(inside)
    variance, other, _, correlation = cell_moments(grey, aligned, cell, 0)
    told = (cell_means(inside, cell) > 0.99) & (np.maximum(variance, other) > MIN_STRUCTURE)
    return float(np.median(correlation[told])) if told.sum() > MIN_CELLS else 0.0


def ground_colour(colours: Floats) -> Floats:
    """The most frequent of some colours `(n, 3)`, about."""
    bins = (colours // GROUND_BIN).astype(np.int64) @ [1, 64, 4096]
    values, counts = np.unique(bins, return_counts=True)
    return np.asarray(np.median(colours[bins == values[counts.argmax()]], axis=0), np.float32)


def count_tones(image: Floats, inside: Floats, ground: Floats) -> float:
    """How many smooth colours far from the ground there are, as if they were equally frequent.

    A photograph has dozens; print, lines and letters have one or two, whatever stains their paper has.
    """
    grey = to_grey_levels(image)
    mean = cv2.blur(grey, (5, 5))
    smooth = np.maximum(cv2.blur(grey * grey, (5, 5)) - mean**2, 0) < MAX_SMOOTH**2
    some = image[::2, ::2]
    far = largest_channel(np.abs(some - ground)) > FAR_FROM_GROUND
    colours = some[smooth[::2, ::2] & far & (inside[::2, ::2] > 0.99)]
    if len(colours) < MIN_TONE_SHARE * far.size:
        return 0.0
    _, counts = np.unique((colours // TONE_BIN).astype(np.int64) @ [1, 16, 256], return_counts=True)
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
