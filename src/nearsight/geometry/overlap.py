"""Whether two images agree over all that they have in common, and where they do not.

What agrees at some points proposes a transform; what decides is the rest. Both images are brought into one frame, their
sharpness and contrast are made alike, and each cell of the common part is compared at several scales: its structure by
the residual of a local regression, its colour by one change of tone for the whole image. A difference counts only where
the noise of both images cannot explain it, and a cell says something only where it has more structure than noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.compression import N_LEVELS, estimate_jpeg_quality, noise_variances, quantization_table
from nearsight.geometry.registration import register, to_grey_levels
from nearsight.geometry.tone import fit_tone
from nearsight.types import Doubles, Floats, Image, Mask

__all__ = ["ComparedImage", "OverlapComparison", "compare_overlap", "screen_overlap"]

T = TypeVar("T", bound=np.generic)

CELL, SMALL_CELL, SMALL_SIDE = 16, 8, 240
"""The side of a cell in pixels of the frame, and of images whose shorter side is less than `SMALL_SIDE`."""
MIN_CELLS = 3
"""A level of the pyramid with fewer rows or columns of cells is not compared."""
MIN_SIGNAL, MIN_STRUCTURE = 6.0, 9.0
"""A cell says something where its variance is this many times that of the noise, and this much more, in grey levels."""
NOISE_FACTOR, RELATIVE_RESIDUAL, MIN_RESIDUAL = 4.0, 0.3, 4.0
"""It differs where its residual is more than `NOISE_FACTOR` times the noise, this share of its variance, and this."""
MIN_CELL_CORRELATION = 0.7
"""The least correlation of a cell that agrees; with less it is silent, where noise explains the difference."""
CLEAR_EXCESS = 2.0
"""One of the connected cells that differ must do so by this many times the bar."""
MAX_LOCAL_GAIN = 2.0
"""The contrast of one cell may change by this factor beside that of the whole."""
SIGMAS = (0.4, 0.55, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0)
"""Widths of the blur that the sharper image is given, as far as that makes both more alike."""
MIN_SHARPNESS_RATIO = 0.9
"""Share of the finest details' energy below which the other image is blurred too."""
WHITE_NOISE_SHARE = 0.89
"""What the finest details of white noise have of its variance."""
MIN_IMPULSE, MIN_IMPULSE_SHARE = 60.0, 0.005
"""Levels by which a pixel stands out of its eight neighbours, and the share of such pixels that is noise."""
MIN_COLOUR_DIFFERENCE = 18.0
"""Levels by which the mean colour of a cell may differ in one channel after the change of tone."""

COLOUR_SURROUNDINGS = 5
"""The side in cells of a square whose mean colours are compared too."""
MAX_TYPICAL = 4.0
"""Levels by which such squares are taken to differ, typically, at most."""
QUANTIZED_COLOUR = 2.0
"""By how many steps of its mean quantization may change a block: half of one of luma, and one or two of chroma."""

TONE_CELL, MAX_COLOURS = 4, 2000
"""The side in pixels of the squares whose colours tell the change of tone, and how many tell it."""

CLIPPED, MAX_CLIPPED = (2, 253), 0.01
"""Levels beyond which a pixel may be clipped, and the share of such pixels in a cell that shows its noise."""
CALM_SHARE, CALM_FACTOR, MIN_CALM = 15, 2.0, 30
"""Per cent of the cells that are calm, by what factor the others may have more energy, and how many there must be."""
MIN_NOISE, MAX_NOISE_RATIO = 0.4, 2.0
"""Variance of the noise of half an image in squared levels, at least, and how much more of it one of both may have."""

GROUND_BIN, FAR_FROM_GROUND, TONE_BIN = 12, 48, 16
"""Levels within which colours are those of one ground; beyond which they are none of its stains; and of one tone."""
MAX_SMOOTH, MIN_TONE_SHARE = 8.0, 0.004
"""Deviation of the grey levels around a smooth pixel at most, and the share of such pixels that counts."""
MIN_FINE = 60
"""Cells that must speak at a level for it to be the finest one."""
MIN_WEIGHT = 0.5
"""A cell of a coarse level is compared where so much of it is left that does not differ at a finer one."""

MAX_LOSSY_QUALITY = 25
"""The JPEG quality up to which blocks are compared where cells are silent: quantization hides most of their details."""
BLOCK_LEVELS, BLOCK_SURROUNDINGS = (2, 3), 5
"""Levels of the pyramid at which all pixels are compared then, less their mean in squares of this side."""
MAX_BLOCK_DEVIATION, MAX_BLOCK_RESIDUALS, BLOCK_ERROR = 5.0, (0.9, 1.4), 4.0
"""By how many deviations of the noise one pixel may differ; what all may leave on average in units of its variance, by
level; and variance that registration leaves besides, in squared levels."""

MAX_SEAM = 0.05
"""Share of the common part that cells along its edge may be, for nothing to be said of those that differ."""
MIN_FITTING = 12
"""Agreeing cells of a level from which on their misfit counts."""
SCREENED_STRUCTURE, SCREENED_CORRELATION = 16.0, 0.6
"""At a glance a cell says something from this variance on, in grey levels, and agrees where it correlates so."""

AGREES, DIFFERS, SILENT = 1, 2, 0


@dataclass(frozen=True, eq=False)
class ComparedImage:
    """An image `(H, W, 3)`, and what is known of it alone: its grey levels and its noise, computed once."""

    image: Image

    @cached_property
    def grey(self) -> Floats:
        """Luma `(H, W) float32`."""
        return to_grey_levels(self.image)

    @cached_property
    def jpeg_quality(self) -> int | None:
        """The quality that its pixels were saved with, as far as they show it."""
        return estimate_jpeg_quality(self.grey)

    @cached_property
    def noise(self) -> Doubles:
        """Variance of its noise by level of a pyramid."""
        return noise_variances(self.grey, self.jpeg_quality)

    @cached_property
    def n_tones(self) -> float:
        """How many smooth colours far from its ground it has; a photograph has dozens, a page one or two."""
        pixels = self.image.astype(np.float32)
        colours = _cell_means(pixels, min(SMALL_CELL, *pixels.shape[:2])).reshape(-1, 3)
        return _n_tones(pixels, np.ones(pixels.shape[:2], np.float32), _ground(colours))

    @cached_property
    def mirrored(self) -> ComparedImage:
        """Its mirror image, which has the same noise."""
        found = ComparedImage(np.ascontiguousarray(self.image[:, ::-1]))
        vars(found).update(jpeg_quality=self.jpeg_quality, noise=self.noise)
        return found


@dataclass(frozen=True)
class BlockAgreement:
    """That nothing but quantization tells two images apart, one of which is a JPEG of this low `quality`.

    `correlation` is that of `n_pixels` means of 4 x 4 pixels, less their mean around them; `n_tones` is that of the
    image that has more of them, as the other one lost them.
    """

    quality: int
    n_pixels: int
    correlation: float
    n_tones: float


@dataclass(frozen=True)
class OverlapComparison:
    """What two images have in common, cell by cell.

    Attributes
    ----------
    matrix : `(3, 3)`, from points of the query to points of the hit, in pixels of both as compared
    states : `(rows, columns) uint8` of the cells of the frame: agrees, differs, or silent: too plain to say
    levels : `(rows, columns) uint8`, the level of the pyramid at which each cell said so; 0 is the frame's own scale
    misfit : the median share of the variance of agreeing cells that neither the other image nor noise explains, at half
        the frame's scale, where noise hardly hides anything; near 0 for one photograph, whatever was done to it
    hidden : the median share of that variance that noise may be, which hides as much
    recoloured : of the cells that differ, those that differ in colour alone
    inside : the cells that both images show
    query_share, hit_share : how much of each image the common part is, 0..1
    structured : cells with structure in the query, and in the hit: `(2, rows, columns)`
    query_size, hit_size : width and height of both images in pixels
    cell : side of a cell in pixels of the frame, which is the query's where `query_is_reference`, or the hit's
    correlation : median correlation of the cells that say something, at the finest level; -1..1
    gain : contrast of the query in units of the hit's
    inverted : whether one is a negative of the other
    n_tones : how many smooth colours far from the ground there are; a photograph has dozens, a page one or two
    noise_correlation : how the noise of both correlates in calm cells, -1..1: that of one photograph does, that of two
        photographs of one thing does not; None where compression or blur left too little of it, or not as much in both
    quality : the JPEG quality that the coarser of both was saved with, as far as their pixels show one
    content : the cells of the common part that are not of the colour of the ground
    blocks : how the blocks of a JPEG of low quality agree; None without such, or where any of them differs
    """

    matrix: Doubles
    states: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    misfit: float
    hidden: float
    recoloured: Mask
    inside: Mask
    query_share: float
    hit_share: float
    structured: Mask
    query_size: tuple[int, int]
    hit_size: tuple[int, int]
    cell: int
    query_is_reference: bool
    correlation: float
    gain: float
    inverted: bool
    n_tones: float
    content: Mask
    noise_correlation: float | None = None
    quality: int | None = None
    blocks: BlockAgreement | None = None

    @cached_property
    def fine(self) -> Mask:
        """The cells that speak at the finest level at which many do: what is large says less."""
        counts = [int(((self.levels <= level) & (self.states != SILENT)).sum()) for level in range(N_LEVELS)]
        finest = next((level for level, count in enumerate(counts) if count >= MIN_FINE), N_LEVELS)
        return np.asarray((self.states != SILENT) & (self.levels <= finest))

    @cached_property
    def weights(self) -> Doubles:
        """How many independent observations each cell stands for: one at the frame's scale, less at coarser ones."""
        return np.where(self.states == SILENT, 0.0, 0.25 ** self.levels.astype(np.float64))

    @property
    def changed_share(self) -> float:
        """Cells that differ, as a share of the common part, 0..1."""
        return float((self.states == DIFFERS).sum() / max(1, self.inside.sum()))


def screen_overlap(query: Image, hit: Image, matrix: Doubles, *, both: bool = False) -> tuple[int, int]:
    """Of two images, how many cells of the common part agree at a glance, and how many say anything.

    Structure is correlated, blurred a little, and nothing else is made alike: it tells whether to look closer.
    `matrix (3, 3)` maps points of the query to points of the hit, about. Cells say something that have structure in
    either image, or in `both`: one that is blurred then does not speak against the other.
    """
    frame = register(query, hit, matrix, rounds=1, smooth=False)
    if min(frame.reference.shape[:2]) < MIN_CELLS * SMALL_CELL:
        return 0, 0
    weight = (frame.inside > 0.99).astype(np.float32)
    greys = (to_grey_levels(frame.reference), to_grey_levels(frame.aligned))
    details = [_without_gradients(cv2.GaussianBlur(grey, (5, 5), 1.0), weight, SMALL_CELL) for grey in greys]
    variance, other, _, correlation = _moments(details[0], details[1], SMALL_CELL, 0, weight)
    structure = np.minimum(variance, other) if both else np.maximum(variance, other)
    told = (_cell_means(weight, SMALL_CELL) > 0.995) & (structure > SCREENED_STRUCTURE)
    values = correlation[told]
    agreeing = max((values > SCREENED_CORRELATION).sum(), (values < -SCREENED_CORRELATION).sum())
    return int(agreeing), int(told.sum())


def compare_overlap(
    query: ComparedImage, hit: ComparedImage, matrix: Doubles, *, projective: bool = False
) -> OverlapComparison | None:
    """Compare two images over their common part; None where they have hardly any.

    Parameters
    ----------
    matrix : `(3, 3)`, about from points of the query to points of the hit, in pixels
    projective : correct it by a projective transform at last, for prints that were photographed again
    """
    frame = register(query.image, hit.image, matrix, projective=projective)
    reference, other = (query, hit) if frame.query_is_reference else (hit, query)
    height, width = frame.reference.shape[:2]
    cell = CELL if min(height, width) >= SMALL_SIDE else SMALL_CELL
    if min(height, width) < MIN_CELLS * cell:
        return None
    inside = _cell_means(frame.inside, cell) > 0.995
    if inside.sum() < MIN_CELLS**2:
        return None
    pair = _Pair(
        frame.reference.astype(np.float32),
        np.clip(frame.aligned, 0, 255),
        frame.inside,
        reference.noise,
        _noise_after_reduction(other.noise, frame.reduction),
        cell,
    )
    pair, inverted = _undo_inversion(pair)
    gain = _gain(pair)
    pair = _equalize_sharpness(_remove_impulses(pair), gain)
    pair = _match_tone(pair)
    structure = _compare_structure(pair)
    states, levels = structure.states, structure.levels
    steps = [quantization_table(each.jpeg_quality)[0, 0] / 8 for each in (reference, other) if each.jpeg_quality]
    off = _compare_colours(pair, QUANTIZED_COLOUR * sum(steps)) & inside
    recoloured = off & (states == AGREES)
    levels[off & (states == SILENT)] = 0
    states[off] = DIFFERS
    states[~inside] = SILENT
    states[_seam(states, inside)] = SILENT
    shares = _common_shares(frame.matrix, query.image, hit.image)
    means = _cell_means(pair.first, cell)
    ground = _ground(means[inside])
    return OverlapComparison(
        matrix=frame.matrix,
        states=states,
        levels=levels,
        misfit=structure.misfit,
        hidden=structure.hidden,
        recoloured=recoloured,
        inside=inside,
        query_share=shares[0],
        hit_share=shares[1],
        structured=structure.structured if frame.query_is_reference else structure.structured[::-1],
        query_size=(query.image.shape[1], query.image.shape[0]),
        hit_size=(hit.image.shape[1], hit.image.shape[0]),
        cell=cell,
        query_is_reference=frame.query_is_reference,
        correlation=structure.correlation,
        gain=gain if frame.query_is_reference else 1 / gain,
        inverted=inverted,
        n_tones=_n_tones(pair.first, pair.inside, ground),
        content=inside & (np.abs(means - ground).max(axis=2) > GROUND_BIN),
        noise_correlation=_correlate_noise(pair),
        quality=min((each.jpeg_quality for each in (reference, other) if each.jpeg_quality), default=None),
        blocks=_compare_blocks(pair, reference, other),
    )


@dataclass(frozen=True)
class _Pair:
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


def _undo_inversion(pair: _Pair) -> tuple[_Pair, bool]:
    """The pair with the second image as a positive, and whether it was a negative of the first."""
    grey, other = pair.greys
    for _ in range(2):
        if min(grey.shape) >= 4 * MIN_CELLS * pair.cell:
            grey, other = _half(grey), _half(other)
    variance, second, _, correlation = _moments(grey, other, pair.cell, 0)
    told = np.minimum(variance, second) > MIN_STRUCTURE
    inverted = told.sum() >= MIN_CELLS**2 and float(np.median(correlation[told])) < -0.6
    return (replace(pair, second=255 - pair.second) if inverted else pair), bool(inverted)


def _remove_impulses(pair: _Pair) -> _Pair:
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


def _match_tone(pair: _Pair) -> _Pair:
    """The pair with one tone: that of either image, to which the other one can be brought better."""
    means, others = _sample_colours(pair)
    to_first, to_second = fit_tone(others, means), fit_tone(means, others)
    error = to_first.mean_error(others, means) / (means.std() + 1)  # in units of the contrast that it is an error of
    if error <= to_second.mean_error(means, others) / (others.std() + 1):
        gain = float(np.mean(to_first.gains))
        return replace(pair, second=to_first.apply(pair.second), second_noise=gain**2 * pair.second_noise)
    gain = float(np.mean(to_second.gains))
    return replace(pair, first=to_second.apply(pair.first), first_noise=gain**2 * pair.first_noise)


def _sample_colours(pair: _Pair) -> tuple[Floats, Floats]:
    """Colours `(n, 3)` of both at the same places: means of few pixels, so that few are clipped in part."""
    inside = _cell_means(pair.inside, TONE_CELL) > 0.995
    step = max(1, int(inside.sum()) // MAX_COLOURS)
    first, second = (_cell_means(each, TONE_CELL)[inside][::step] for each in (pair.first, pair.second))
    return first, second


def _cell_means(plane: Floats, cell: int) -> Floats:
    """The mean of each whole cell: `(rows, columns, ...)`."""
    rows, columns = plane.shape[0] // cell, plane.shape[1] // cell
    whole = plane[: rows * cell, : columns * cell]
    return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _half(plane: Floats) -> Floats:
    size = max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _noise_after_reduction(noise: Doubles, reduction: float) -> Doubles:
    """The noise by level of an image that was reduced by a factor."""
    levels = np.arange(N_LEVELS)
    return np.asarray(np.interp(levels + np.log2(reduction), levels, noise), np.float64)


def _moments(
    grey: Floats, aligned: Floats, cell: int, reach: int, weight: Floats | None = None
) -> tuple[Floats, Floats, Floats, Floats]:
    """For each cell the variances of both, their covariance and correlation, where they fit best within `reach`.

    With `weight (H, W)`, pixels count by it.
    """
    if weight is None:
        weight = np.ones_like(grey)
    total = np.maximum(_cell_means(weight, cell), 1e-3)
    mean = _cell_means(weight * grey, cell) / total
    variance = np.maximum(_cell_means(weight * grey * grey, cell) / total - mean**2, 0)
    best: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            moved = np.roll(aligned, (down, across), (0, 1)) if down or across else aligned
            weighted = weight * moved
            other_mean = _cell_means(weighted, cell) / total
            other = np.maximum(_cell_means(weighted * moved, cell) / total - other_mean**2, 0)
            covariance = _cell_means(weighted * grey, cell) / total - mean * other_mean
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


def _gain(pair: _Pair) -> float:
    """By what factor contrast differs, at a scale that noise and blur hardly reach; 1 where nothing correlates."""
    grey, aligned = pair.greys
    for _ in range(2):
        if min(grey.shape) >= 4 * MIN_CELLS * pair.cell:
            grey, aligned = _half(grey), _half(aligned)
    variance, other, _, correlation = _moments(grey, aligned, pair.cell, 0)
    alike = (correlation > 0.7) & (other > 1)
    if alike.sum() <= MIN_CELLS:
        return 1.0
    return float(np.clip(np.sqrt(np.median(variance[alike] / other[alike])), 0.1, 10))


def _fine_energy(plane: Floats, cell: int, noise: float) -> Floats:
    """For each cell the energy of the finest details, less that of the noise."""
    coarse = cv2.pyrUp(cv2.pyrDown(plane), dstsize=(plane.shape[1], plane.shape[0]))
    energy = np.asarray((plane - coarse) ** 2, np.float32)
    return np.asarray(np.maximum(_cell_means(energy, cell) - WHITE_NOISE_SHARE * noise, 0), np.float32)


def _equalize_sharpness(pair: _Pair, gain: float) -> _Pair:
    """Both with the sharpness of the blurrier one. `gain`: contrast of the first in units of the second's."""
    grey, aligned = pair.greys
    aligned, cell = gain * aligned, pair.cell
    energy = _fine_energy(grey, cell, pair.first_noise[0])
    other = _fine_energy(aligned, cell, gain**2 * pair.second_noise[0])
    least = 2 + 0.5 * (pair.first_noise[0] + gain**2 * pair.second_noise[0])  # noise itself varies from cell to cell
    told = (_cell_means(pair.inside, cell) > 0.99) & (np.maximum(energy, other) > least)
    ratio = float(np.median((energy[told] + 0.2) / (other[told] + 0.2))) if told.sum() >= MIN_CELLS else 1.0
    if MIN_SHARPNESS_RATIO <= ratio <= 1 / MIN_SHARPNESS_RATIO:
        return pair
    best, sigma, before = _median_correlation(grey, aligned, pair.inside, cell) + 0.004, 0.0, -1.0
    for each in SIGMAS:
        sharper = np.asarray(cv2.GaussianBlur(aligned if ratio < 1 else grey, (0, 0), each), np.float32)
        found = _median_correlation(*((grey, sharper) if ratio < 1 else (sharper, aligned)), pair.inside, cell)
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


def _median_correlation(grey: Floats, aligned: Floats, inside: Floats, cell: int) -> float:
    while min(grey.shape) >= 400:
        grey, aligned, inside = _half(grey), _half(aligned), _half(inside)
    variance, other, _, correlation = _moments(grey, aligned, cell, 0)
    told = (_cell_means(inside, cell) > 0.99) & (np.maximum(variance, other) > MIN_STRUCTURE)
    return float(np.median(correlation[told])) if told.sum() > MIN_CELLS else 0.0


@dataclass(frozen=True)
class _Structure:
    """What `OverlapComparison` holds by these names, by the grey levels alone."""

    states: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    misfit: float
    hidden: float
    correlation: float
    structured: Mask


def _compare_structure(pair: _Pair) -> _Structure:
    """The cells compared; a coarser level speaks for the cells at which the finer ones are silent."""
    (grey, aligned), cell, weight = pair.greys, pair.cell, (pair.inside > 0.99).astype(np.float32)
    noise = pair.first_noise + pair.second_noise
    shape = grey.shape[0] // cell, grey.shape[1] // cell
    states, levels, structured = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros((2, *shape), bool)
    misfits, correlation = list[Floats](), None
    for level in range(N_LEVELS):
        if min(grey.shape) < MIN_CELLS * cell:
            break
        details = [_without_gradients(each, weight, cell) for each in (grey, aligned)]
        variance, other, covariance, correlations = _moments(details[0], details[1], cell, int(level < 2), weight)
        slope = np.clip(covariance / (other + 0.5), 1 / MAX_LOCAL_GAIN, MAX_LOCAL_GAIN)
        residual = np.maximum(variance - 2 * slope * covariance + slope**2 * other, 0)
        larger, least = np.maximum(variance, other), MIN_SIGNAL * noise[level] + MIN_STRUCTURE
        whole = _cell_means(weight, cell) > (0.995 if level == 0 else MIN_WEIGHT)
        speaks = whole & (larger > least)
        excess = residual / (NOISE_FACTOR * noise[level] + RELATIVE_RESIDUAL * larger + MIN_RESIDUAL)
        found = np.where(speaks, _clear_differences(excess, correlations), SILENT).astype(np.uint8)
        if correlation is None and speaks.sum() > MIN_CELLS**2:
            correlation = float(np.median(correlations[speaks]))
        left_over = np.stack([np.maximum(residual - noise[level], 0), np.full_like(larger, noise[level])])
        if (found == AGREES).sum() >= MIN_FITTING:
            misfits.append(np.median((left_over / np.maximum(larger, 1))[:, found == AGREES], axis=1))
        new = np.where(states == SILENT, _spread(found, shape, level), SILENT)
        levels[new != SILENT] = level
        states = np.maximum(states, new)
        either = np.stack([whole & (variance > least), whole & (other > least)]).astype(np.uint8)
        structured |= np.stack([_spread(each, shape, level) for each in either]).astype(bool)
        weight[: found.shape[0] * cell, : found.shape[1] * cell] *= np.kron(found != DIFFERS, np.ones((cell, cell)))
        left = np.maximum(_half(weight), 1e-3)
        grey, aligned = (np.asarray(_half(weight * each) / left, np.float32) for each in (grey, aligned))
        weight = _half(weight)
    misfit, hidden = misfits[min(1, len(misfits) - 1)].tolist() if misfits else (0.0, 0.0)
    return _Structure(states, levels, misfit, hidden, correlation or 0.0, structured)


def _correlate_noise(pair: _Pair) -> float | None:
    """How the finest details of the calmest cells of both correlate, at half the frame's scale, where a JPEG has some.

    None where there are too few such cells, where hardly anything is left in them, or much more in one than in the
    other: noise was added then, or lost.
    """
    grey, aligned = pair.greys
    clipped = np.maximum(*((each < CLIPPED[0]) | (each > CLIPPED[1]) for each in (grey, aligned))).astype(np.float32)
    grey, aligned, inside, clipped = (_half(each) for each in (grey, aligned, pair.inside, clipped))
    if min(grey.shape) < MIN_CELLS * SMALL_CELL:
        return None
    first, second = (each - cv2.blur(each, (3, 3)) for each in (grey, aligned))
    shown = (_cell_means(inside, SMALL_CELL) > 0.995) & (_cell_means(clipped, SMALL_CELL) < MAX_CLIPPED)
    energy, other, shared = (_cell_means(each, SMALL_CELL) for each in (first**2, second**2, first * second))
    calm = shown.copy()
    for each in (energy, other):
        calm &= each <= CALM_FACTOR * np.percentile(each[shown], CALM_SHARE) if shown.any() else shown
    if calm.sum() < MIN_CALM:
        return None
    mean, other_mean = float(energy[calm].mean()), float(other[calm].mean())
    if min(mean, other_mean) < MIN_NOISE or max(mean, other_mean) > MAX_NOISE_RATIO * min(mean, other_mean):
        return None
    return float(shared[calm].mean()) / float(np.sqrt(mean * other_mean))


def _compare_blocks(pair: _Pair, reference: ComparedImage, other: ComparedImage) -> BlockAgreement | None:
    """Whether the noise explains all that differs, at scales that the quantization of a JPEG leaves."""
    qualities = [each.jpeg_quality for each in (reference, other) if each.jpeg_quality]
    if not qualities or min(qualities) > MAX_LOSSY_QUALITY:
        return None
    grey, aligned, weight = *pair.greys, (pair.inside > 0.99).astype(np.float32)
    noise = pair.first_noise + pair.second_noise
    compared = list[tuple[int, float]]()
    for level in range(max(BLOCK_LEVELS) + 1):
        if level in BLOCK_LEVELS:
            details = [_without_gradients(each, weight, BLOCK_SURROUNDINGS) for each in (grey, aligned)]
            first, second = (each[weight > 0.99] for each in details)
            max_residual = MAX_BLOCK_RESIDUALS[BLOCK_LEVELS.index(level)]
            correlation = _explained_correlation(first, second, noise[level] + BLOCK_ERROR, max_residual)
            if correlation is None:
                return None
            compared.append((len(first), correlation))
        grey, aligned, weight = (_half(each) for each in (grey, aligned, weight))
    return BlockAgreement(min(qualities), *compared[0], max(reference.n_tones, other.n_tones))


def _explained_correlation(first: Floats, second: Floats, noise: float, max_residual: float) -> float | None:
    """How two details `(n,)` correlate; None where noise of this variance does not explain where they differ."""
    if not len(first):
        return None
    covariance, energy, other = float((first * second).mean()), float((first**2).mean()), float((second**2).mean())
    left = (first - np.clip(covariance / (other + 0.5), 1 / MAX_LOCAL_GAIN, MAX_LOCAL_GAIN) * second) ** 2
    if left.max() > MAX_BLOCK_DEVIATION**2 * noise or left.mean() > max_residual * noise:
        return None
    return covariance / float(np.sqrt(energy * other) + 0.5)


def _without_gradients(grey: Floats, weight: Floats, cell: int) -> Floats:
    """Grey levels less their mean around each pixel: a gradient alone is in too many images to say anything."""
    size = cell | 1, cell | 1
    mean = cv2.blur(weight * grey, size) / np.maximum(cv2.blur(weight, size), 1e-3)
    return np.asarray(grey - mean, np.float32)


def _clear_differences(excess: Floats, correlations: Floats) -> NDArray[np.uint8]:
    """Cells that differ, connected ones above 1 of which one is above `CLEAR_EXCESS`; those that agree; or silent."""
    above = (excess > 1).astype(np.uint8)
    _, labels = cv2.connectedComponents(above, connectivity=8)
    clear = np.isin(labels, np.unique(labels[excess > CLEAR_EXCESS])) & (above == 1)
    agrees = (above == 0) & (correlations >= MIN_CELL_CORRELATION)
    return np.where(clear, DIFFERS, np.where(agrees, AGREES, SILENT)).astype(np.uint8)


def _seam(states: NDArray[np.uint8], inside: Mask) -> Mask:
    """Areas that differ, but nowhere deeper than a cell from where one image ends on the ground that it lies on.

    There the transform is known least well, and the ground shows through. Nothing is said of them, unless there are
    many.
    """
    depths = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1)  # the frame's edge is no seam
    _, labels = cv2.connectedComponents((states == DIFFERS).astype(np.uint8), connectivity=8)
    deep = np.unique(labels[(depths == 1) & (labels > 0)])
    seam = (labels > 0) & ~np.isin(labels, deep)
    return np.asarray(seam & (seam.sum() <= MAX_SEAM * inside.sum()))


def _spread(cells: NDArray[T], shape: tuple[int, int], level: int) -> NDArray[T]:
    """Cells of a level as cells of the finest one; 0, silent, beyond the last whole cell."""
    found = np.zeros(shape, cells.dtype)
    large = np.kron(cells, np.ones((2**level, 2**level), cells.dtype))[: shape[0], : shape[1]]
    found[: large.shape[0], : large.shape[1]] = large
    return found


def _compare_colours(pair: _Pair, quantization: float) -> Mask:
    """Which cells differ in their mean colour, alone or with those around them, beyond what quantization explains.

    `quantization` is what it changes a cell by, in levels; the mean of many cells it changes less.
    """
    signed = _cell_means(pair.first, pair.cell) - _cell_means(pair.second, pair.cell)
    shown = _cell_means(pair.inside, pair.cell) > 0.995
    side = COLOUR_SURROUNDINGS
    weight = np.maximum(cv2.blur(shown.astype(np.float32), (side, side)), 1e-3)[..., None]
    around = cv2.blur(signed * shown[..., None], (side, side)) / weight
    alone, among = (np.abs(each).max(axis=2) for each in (signed, around))
    typical, usual = (float(np.median(each[shown])) for each in (alone, among))
    clear = alone > np.hypot(MIN_COLOUR_DIFFERENCE, quantization) + 3 * typical
    wide = among > np.hypot(MIN_COLOUR_DIFFERENCE, quantization / side) + 3 * min(usual, MAX_TYPICAL)
    return np.asarray(clear | wide & (alone > MIN_COLOUR_DIFFERENCE + typical))


def _ground(colours: Floats) -> Floats:
    """The most frequent of some colours `(n, 3)`, about."""
    bins = (colours // GROUND_BIN).astype(np.int64) @ [1, 64, 4096]
    values, counts = np.unique(bins, return_counts=True)
    return np.asarray(np.median(colours[bins == values[counts.argmax()]], axis=0), np.float32)


def _n_tones(image: Floats, inside: Floats, ground: Floats) -> float:
    """How many smooth colours far from the ground there are, as if they were equally frequent.

    A photograph has dozens; print, lines and letters have one or two, whatever stains their paper has.
    """
    grey = to_grey_levels(image)
    mean = cv2.blur(grey, (5, 5))
    smooth = np.maximum(cv2.blur(grey * grey, (5, 5)) - mean**2, 0) < MAX_SMOOTH**2
    some = image[::2, ::2]
    far = np.abs(some - ground).max(axis=2) > FAR_FROM_GROUND
    colours = some[smooth[::2, ::2] & far & (inside[::2, ::2] > 0.99)]
    if len(colours) < MIN_TONE_SHARE * far.size:
        return 0.0
    _, counts = np.unique((colours // TONE_BIN).astype(np.int64) @ [1, 16, 256], return_counts=True)
    shares = counts / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _common_shares(matrix: Doubles, query: Image, hit: Image) -> tuple[float, float]:
    """How much of each image lies where the other one shows something, 0..1."""
    (height, width), (hit_height, hit_width) = query.shape[:2], hit.shape[:2]
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    corners = np.array([[0, 0], [hit_width, 0], [hit_width, hit_height], [0, hit_height]], np.float64)
    moved = cv2.perspectiveTransform(corners[None], np.linalg.inv(matrix))[0]
    area, common = cv2.intersectConvexConvex(frame.astype(np.float32), moved.astype(np.float32))
    if common is None or len(common) < 3:
        return 0.0, 0.0
    on_hit = cv2.perspectiveTransform(common.astype(np.float64).reshape(1, -1, 2), matrix)[0]
    hit_area = cv2.contourArea(on_hit.astype(np.float32))
    return min(1.0, area / (width * height)), min(1.0, hit_area / (hit_width * hit_height))
