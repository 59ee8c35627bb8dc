"""Whether two images agree over all that they have in common, and where they do not.

What agrees at some points proposes a transform; what decides is the rest. Both images are brought into one frame, their
sharpness and contrast are made alike, and each cell of the common part is compared at several scales: its structure by
the residual of a local regression, its colour by one change of tone for the whole image. A difference counts only where
the noise of both images cannot explain it, and a cell says something only where it has more structure than noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.cells import (
    CELL,
    MAX_LOCAL_GAIN,
    MIN_CELLS,
    MIN_SIGNAL,
    MIN_STRUCTURE,
    SMALL_CELL,
    SMALL_SIDE,
    cell_means,
    cell_moments,
    half,
    without_gradients,
)
from nearsight.geometry.compression import N_LEVELS, estimate_jpeg_quality, noise_variances, quantization_table
from nearsight.geometry.noise_agreement import BlockAgreement, compare_blocks, correlate_noise
from nearsight.geometry.photometric import (
    GROUND_BIN,
    ImagePair,
    contrast_gain,
    count_tones,
    equalize_sharpness,
    ground_colour,
    match_tone,
    noise_after_reduction,
    remove_impulses,
    undo_inversion,
)
from nearsight.geometry.registration import common_shares, image_frame, register, to_grey_levels
from nearsight.geometry.tone import largest_channel
from nearsight.types import Doubles, Floats, Image, Mask

__all__ = ["ComparedImage", "OverlapComparison", "compare_overlap"]

T = TypeVar("T", bound=np.generic)

NOISE_FACTOR, RELATIVE_RESIDUAL, MIN_RESIDUAL = 4.0, 0.3, 4.0
"""It differs where its residual is more than `NOISE_FACTOR` times the noise, this share of its variance, and this."""
MIN_CELL_CORRELATION = 0.7
"""The least correlation of a cell that agrees; with less it is silent, where noise explains the difference."""
CLEAR_EXCESS = 2.0
"""One of the connected cells that differ must do so by this many times the bar."""
MIN_COLOUR_DIFFERENCE = 18.0
"""Levels by which the mean colour of a cell may differ in one channel after the change of tone."""
COLOUR_SURROUNDINGS = 5
"""The side in cells of a square whose mean colours are compared too."""
MAX_TYPICAL = 4.0
"""Levels by which such squares are taken to differ, typically, at most."""
QUANTIZED_COLOUR = 2.0
"""By how many steps of its mean quantization may change a block: half of one of luma, and one or two of chroma."""
MIN_FINE = 60
"""Cells that must speak at a level for it to be the finest one."""
MIN_WEIGHT = 0.5
"""A cell of a coarse level is compared where so much of it is left that does not differ at a finer one."""
CHANGED_LEVELS = 30
"""Levels by which a pixel clearly differs in one channel."""
MAX_SEAM = 0.05
"""Share of the common part that cells along its edge may be, for nothing to be said of those that differ."""
MIN_PLAIN_SHARE = 0.05
"""Share of the cells that do not differ that is plain in a page, at least; a wall or a table has structure all over."""
MIN_FITTING = 12
"""Agreeing cells of a level from which on their misfit counts."""
MIN_CONTRAST = 2.0
"""By what factor a third of the agreeing cells varies more than another one, at least, for a slope of the misfit."""
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
        colours = cell_means(pixels, min(SMALL_CELL, *pixels.shape[:2])).reshape(-1, 3)
        return count_tones(pixels, np.ones(pixels.shape[:2], np.float32), ground_colour(colours))

    @cached_property
    def mirrored(self) -> ComparedImage:
        """Its mirror image, which has the same noise."""
        found = ComparedImage(np.ascontiguousarray(self.image[:, ::-1]))
        vars(found).update(jpeg_quality=self.jpeg_quality, noise=self.noise)
        return found


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
    misfit_slope : what share of the variance is unexplained of what cells of much structure have more than those of
        little, at half the frame's scale: noise is the same in both; infinite where cells are too few or too alike
    recoloured : of the cells that differ, those that differ in colour alone
    changed_pixels : share of the common part that the pixels of these cells make that clearly differ: of letters, the
        strokes; 0..1
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
    n_tones_unchanged : the same of what does not differ; few on a page where one photograph took the place of another
    n_tones_whole : the same of either image as a whole, whichever has more: compression takes them from the other one
    blocks : how the blocks of a JPEG of low quality agree; None without such, or where any of them differs
    ground : which of both lies on a plain ground that was left out, `query` or `hit`; empty where none was
    """

    matrix: Doubles
    states: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    misfit: float
    hidden: float
    misfit_slope: float
    recoloured: Mask
    changed_pixels: float
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
    n_tones_unchanged: float = np.inf
    n_tones_whole: float = 0.0
    blocks: BlockAgreement | None = None
    ground: str = ""

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


def compare_overlap(
    query: ComparedImage,
    hit: ComparedImage,
    matrix: Doubles,
    *,
    projective: bool = False,
    within: Doubles | None = None,
) -> OverlapComparison | None:
    """Compare two images over their common part; None where they have hardly any.

    Parameters
    ----------
    matrix : `(3, 3)`, about from points of the query to points of the hit, in pixels
    projective : correct it by a projective transform at last, for prints that were photographed again
    within : a convex polygon `(n, 2)` of the query, in pixels, outside of which nothing is compared
    """
    frame = register(query.image, hit.image, matrix, projective=projective, within=within)
    reference, other = (query, hit) if frame.query_is_reference else (hit, query)
    height, width = frame.reference.shape[:2]
    cell = CELL if min(height, width) >= SMALL_SIDE else SMALL_CELL
    if min(height, width) < MIN_CELLS * cell:
        return None
    inside = cell_means(frame.inside, cell) > 0.995
    if inside.sum() < MIN_CELLS**2:
        return None
    pair = ImagePair(
        frame.reference.astype(np.float32),
        np.clip(frame.aligned, 0, 255),
        frame.inside,
        reference.noise,
        noise_after_reduction(other.noise, frame.reduction),
        cell,
    )
    pair, inverted = undo_inversion(pair)
    gain = contrast_gain(pair)
    pair = equalize_sharpness(remove_impulses(pair), gain)
    pair = match_tone(pair)
    structure = _compare_structure(pair)
    states, levels = structure.states, structure.levels
    steps = [quantization_table(each.jpeg_quality)[0, 0] / 8 for each in (reference, other) if each.jpeg_quality]
    off = _compare_colours(pair, QUANTIZED_COLOUR * sum(steps)) & inside
    recoloured = off & (states == AGREES)
    levels[off & (states == SILENT)] = 0
    states[off] = DIFFERS
    states[~inside] = SILENT
    states[_seam(states, inside)] = SILENT
    strokes = cell_means((largest_channel(np.abs(pair.first - pair.second)) > CHANGED_LEVELS).astype(np.float32), cell)
    quality = min((each.jpeg_quality for each in (reference, other) if each.jpeg_quality), default=None)
    blocks = compare_blocks(pair, quality)
    shares = common_shares(image_frame(query.image), image_frame(hit.image), frame.matrix)
    means = cell_means(pair.first, cell)
    ground = ground_colour(means[inside])
    return OverlapComparison(
        matrix=frame.matrix,
        states=states,
        levels=levels,
        misfit=structure.misfit,
        hidden=structure.hidden,
        misfit_slope=structure.misfit_slope,
        recoloured=recoloured,
        changed_pixels=float(strokes[states == DIFFERS].sum() / max(1, inside.sum())),
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
        n_tones=count_tones(pair.first, pair.inside, ground),
        n_tones_unchanged=_count_tones_unchanged(pair, structure, inside, ground),
        content=inside & (largest_channel(np.abs(means - ground)) > GROUND_BIN),
        noise_correlation=correlate_noise(pair),
        quality=quality,
        n_tones_whole=0.0 if blocks is None else max(reference.n_tones, other.n_tones),
        blocks=blocks,
    )


@dataclass(frozen=True)
class _Structure:
    """What `OverlapComparison` holds by these names, by the grey levels alone."""

    states: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    misfit: float
    hidden: float
    misfit_slope: float
    correlation: float
    structured: Mask


def _count_tones_unchanged(pair: ImagePair, structure: _Structure, inside: Mask, ground: Floats) -> float:
    """The tones outside of the cells that differ; infinitely many where none does, or where hardly any is plain."""
    states = structure.states
    unchanged = inside & (states != DIFFERS)
    plain = unchanged & ~structure.structured.any(axis=0)
    if not (states == DIFFERS).any() or plain.sum() < MIN_PLAIN_SHARE * unchanged.sum():
        return np.inf
    kept = pair.inside.copy()
    height, width = states.shape[0] * pair.cell, states.shape[1] * pair.cell
    kept[:height, :width] *= np.kron(states != DIFFERS, np.ones((pair.cell, pair.cell), np.float32))
    return count_tones(pair.first, kept, ground)


def _compare_structure(pair: ImagePair) -> _Structure:
    """The cells compared; a coarser level speaks for the cells at which the finer ones are silent."""
    (grey, aligned), cell, weight = pair.greys, pair.cell, (pair.inside > 0.99).astype(np.float32)
    noise = pair.first_noise + pair.second_noise
    shape = grey.shape[0] // cell, grey.shape[1] // cell
    states, levels, structured = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros((2, *shape), bool)
    misfits, correlation, misfit_slope = list[Floats](), None, float("inf")
    for level in range(N_LEVELS):
        if min(grey.shape) < MIN_CELLS * cell:
            break
        details = [without_gradients(each, weight, cell) for each in (grey, aligned)]
        variance, other, covariance, correlations = cell_moments(details[0], details[1], cell, int(level < 2), weight)
        slope = np.clip(covariance / (other + 0.5), 1 / MAX_LOCAL_GAIN, MAX_LOCAL_GAIN)
        residual = np.maximum(variance - 2 * slope * covariance + slope**2 * other, 0)
        larger, least = np.maximum(variance, other), MIN_SIGNAL * noise[level] + MIN_STRUCTURE
        whole = cell_means(weight, cell) > (0.995 if level == 0 else MIN_WEIGHT)
        speaks = whole & (larger > least)
        excess = residual / (NOISE_FACTOR * noise[level] + RELATIVE_RESIDUAL * larger + MIN_RESIDUAL)
        found = np.where(speaks, _clear_differences(excess, correlations), SILENT).astype(np.uint8)
        if correlation is None and speaks.sum() > MIN_CELLS**2:
            correlation = float(np.median(correlations[speaks]))
        left_over = np.stack([np.maximum(residual - noise[level], 0), np.full_like(larger, noise[level])])
        if (found == AGREES).sum() >= MIN_FITTING:
            misfits.append(np.median((left_over / np.maximum(larger, 1))[:, found == AGREES], axis=1))
        if level == 1:
            misfit_slope = _misfit_slope(larger[found == AGREES], residual[found == AGREES])
        new = np.where(states == SILENT, _spread(found, shape, level), SILENT)
        levels[new != SILENT] = level
        states = np.maximum(states, new)
        either = np.stack([whole & (variance > least), whole & (other > least)]).astype(np.uint8)
        structured |= np.stack([_spread(each, shape, level) for each in either]).astype(bool)
        weight[: found.shape[0] * cell, : found.shape[1] * cell] *= np.kron(found != DIFFERS, np.ones((cell, cell)))
        left = np.maximum(half(weight), 1e-3)
        grey, aligned = (np.asarray(half(weight * each) / left, np.float32) for each in (grey, aligned))
        weight = half(weight)
    misfit, hidden = misfits[min(1, len(misfits) - 1)].tolist() if misfits else (0.0, 0.0)
    return _Structure(states, levels, misfit, hidden, misfit_slope, correlation or 0.0, structured)


def _misfit_slope(variances: Floats, residuals: Floats) -> float:
    """`misfit_slope` of `OverlapComparison`, of the cells of one level that agree."""
    order, third = np.argsort(variances), len(variances) // 3
    calm, rich = order[:third], order[len(order) - third :]
    if third < MIN_FITTING or np.median(variances[rich]) < MIN_CONTRAST * np.median(variances[calm]):
        return float("inf")
    more = float(np.median(residuals[rich]) - np.median(residuals[calm]))
    return max(more, 0.0) / float(np.median(variances[rich]) - np.median(variances[calm]))


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


def _compare_colours(pair: ImagePair, quantization: float) -> Mask:
    """Which cells differ in their mean colour, alone or with those around them, beyond what quantization explains.

    `quantization` is what it changes a cell by, in levels; the mean of many cells it changes less.
    """
    signed = cell_means(pair.first, pair.cell) - cell_means(pair.second, pair.cell)
    shown = cell_means(pair.inside, pair.cell) > 0.995
    side = COLOUR_SURROUNDINGS
    weight = np.maximum(cv2.blur(shown.astype(np.float32), (side, side)), 1e-3)[..., None]
    around = cv2.blur(signed * shown[..., None], (side, side)) / weight
    alone, among = (largest_channel(np.abs(each)) for each in (signed, around))
    typical, usual = (float(np.median(each[shown])) for each in (alone, among))
    clear = alone > MIN_COLOUR_DIFFERENCE + quantization + 3 * typical
    wide = among > np.hypot(MIN_COLOUR_DIFFERENCE, quantization / side) + 3 * min(usual, MAX_TYPICAL)
    return np.asarray(clear | wide & (alone > MIN_COLOUR_DIFFERENCE + typical))
