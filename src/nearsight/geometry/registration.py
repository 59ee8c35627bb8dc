"""Two images in one frame: the coarser one as it is, and the finer one laid over it to a fraction of a pixel.

Points `(x, y)` are in pixels, pixel centres at .5.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.images.colour import to_grey
from nearsight.types import Doubles, Floats, Ids, Image, Mask

__all__ = ["Registration", "common_shares", "image_frame", "register", "to_grey_levels"]

SCALE_TOLERANCE = 1.15
"""An image that is larger by less than this factor is not reduced first."""
BLOCK, SMALL_BLOCK, SMALL_FRAME = 24, 16, 400
"""The side of the blocks that are looked for, in pixels; and in frames whose longest side is less than the last."""
STEPS = ((400, 6), (4096, 4), (4096, 3))
"""For each round: the longest side at which blocks are looked for, about, and how far, in pixels."""
SETTLED = 0.3
"""Pixels by which a round at full size moves corners at most, for it to be the last one."""
MAX_CORRECTION = 0.12
"""Share of the longest side by which a transform is corrected at most; otherwise, and where details correlate less,
it is taken as it was proposed."""
MAX_BLOCKS = 160
"""Blocks that are looked for in a round: those with most structure, one from each of so many parts of the frame."""
MIN_DEVIATION, MIN_CORRELATION, MIN_CURVATURE = 3.0, 0.5, 0.02
"""Blocks count whose grey levels vary this much, that are found this well, and that are found in one place only."""
SMOOTH_SIDE, SMOOTHING = 256, 5
"""The longest side at which all pixels are aligned, and the width of the filter before it, in pixels."""
DETAILED_SIDE, DETAIL = 384, 31
"""The same side for a projective transform, and that of the squares whose mean is no detail."""
MIN_BLOCKS, MIN_SHARE, MANY_BLOCKS, MAX_PROJECTIVE_ERROR = 10, 0.25, 24, 0.75
"""An affine correction needs this many blocks and this share of those found; a projective one many, and at most this
share of the error that the affine one leaves."""
MIN_EDGE, EDGE_SHARE = 2, 0.006
"""Pixels along the edge of an outline that do not count, and further ones as a share of the longest side."""
_TO_CENTRES = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])


@dataclass(frozen=True)
class Registration:
    """Two images in one frame.

    `reference (H, W[, 3])` is the coarser of both, `aligned (H, W[, 3]) float32` the other one in its frame and `inside
    (H, W) float32` 1 where that shows anything. `matrix (3, 3)` maps points of the query to points of the hit,
    `query_is_reference` says which is which, and `reduction` by what factor the finer one was reduced.
    """

    reference: NDArray[np.uint8]
    aligned: Floats
    inside: Floats
    matrix: Doubles
    query_is_reference: bool
    reduction: float


def to_grey_levels(image: Image | Floats) -> Floats:
    """Luma `(H, W) float32` of an image `(H, W, 3)`."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)


def register(
    query: NDArray[np.uint8],
    hit: NDArray[np.uint8],
    matrix: Doubles,
    *,
    rounds: int = 3,
    smooth: bool = True,
    projective: bool = False,
    within: Doubles | None = None,
    max_blocks: int = MAX_BLOCKS,
) -> Registration:
    """Both images `(H, W, 3)`, or their luma `(H, W)`, in one frame.

    `matrix (3, 3)` maps points of the query to points of the hit, about.

    1. The one with fewer pixels of the common part is the reference; the other one is reduced to its scale.
    2. Blocks of the other one are looked for near where the transform says, in three rounds from coarse to fine.
    3. An affine correction is fitted to them, or a projective one where clearly more blocks agree with it.
    4. Where there are too few such blocks, all pixels decide, if `smooth` says so: that takes longest.
    5. With `projective`, all pixels correct the result once more, by a projective transform.

    Nothing counts that lies outside of the convex polygon `within (n, 2)` of the query, in pixels, if one is given.
    """
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2] / matrix[2, 2]))))
    query_is_reference = scale >= 1
    reference, other = (query, hit) if query_is_reference else (hit, query)
    forward = np.asarray(matrix if query_is_reference else np.linalg.inv(matrix), np.float64)
    reduction = max(scale, 1 / scale)
    reducing = np.eye(3)
    if reduction > SCALE_TOLERANCE:
        reduced = _resize(other, 1 / reduction)
        reducing = _resizing(other, reduced)
        other, forward = reduced, reducing @ forward
    proposed = forward
    outline = within if within is None or query_is_reference else cv2.perspectiveTransform(within[None], matrix)[0]
    shown = None if outline is None else fill_outline(outline, reference.shape[:2])
    greys = [each if each.ndim == 2 else to_grey(each) for each in (reference, other)]
    for longest, reach in STEPS[:rounds]:
        before, forward = (
            forward,
            _refine(greys[0], greys[1], forward, shown, longest, reach, max_blocks, smooth=smooth),
        )
        if longest >= max(reference.shape[:2]) and _largest_move(before, forward, reference) < SETTLED:
            break
    move = _largest_move(proposed, forward, reference)
    if move > MAX_CORRECTION * max(reference.shape[:2]) or (
        move > SETTLED and _agreement(greys[0], greys[1], proposed) > _agreement(greys[0], greys[1], forward)
    ):
        forward = proposed
    size = reference.shape[1], reference.shape[0]
    if projective:
        aligned, inside = _warp(other, forward, size, cv2.INTER_LINEAR)
        inside = inside if shown is None else inside * shown
        correction = _correct_by_all_pixels(
            greys[0].astype(np.float32), to_grey_levels(aligned), inside, projective=True
        )
        forward = forward if correction is None else forward @ correction
    aligned, inside = _warp(other, forward, size, cv2.INTER_CUBIC)
    inside = inside if shown is None else inside * shown
    full = np.linalg.inv(reducing) @ forward
    final = full if query_is_reference else np.linalg.inv(full)
    return Registration(reference, aligned, inside, final / final[2, 2], query_is_reference, reduction)


def image_frame(image: Image) -> Doubles:
    """The corners `(4, 2)` of an image, clockwise."""
    height, width = image.shape[:2]
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def common_shares(query: Doubles, hit: Doubles, matrix: Doubles) -> tuple[float, float]:
    """How much of two convex polygons `(n, 2)`, of the query and of the hit, lies within the other one, 0..1."""
    moved = cv2.perspectiveTransform(hit[None], np.linalg.inv(matrix))[0]
    area, common = cv2.intersectConvexConvex(query.astype(np.float32), moved.astype(np.float32))
    if common is None or len(common) < 3:
        return 0.0, 0.0
    on_hit = cv2.perspectiveTransform(common.astype(np.float64).reshape(1, -1, 2), matrix)[0]
    areas = (cv2.contourArea(each.astype(np.float32)) for each in (query, on_hit, hit))
    query_area, common_area, hit_area = areas
    return min(1.0, area / query_area), min(1.0, common_area / hit_area)


def _agreement(reference: NDArray[np.uint8], other: NDArray[np.uint8], matrix: Doubles) -> float:
    """How well details correlate under a transform, at a side of about `STEPS[0]`; -1 to 1."""
    factor = min(1.0, STEPS[0][0] / max(reference.shape[:2]))
    small, small_other = (_resize(each, factor) if factor < 1 else each for each in (reference, other))
    scaled = _resizing(other, small_other) @ matrix @ np.linalg.inv(_resizing(reference, small))
    aligned, inside = _warp(small_other, scaled, (small.shape[1], small.shape[0]), cv2.INTER_LINEAR)
    details = [(each - cv2.blur(each, (15, 15)))[inside > 0] for each in (small.astype(np.float32), aligned)]
    return float((details[0] * details[1]).sum() / np.sqrt((details[0] ** 2).sum() * (details[1] ** 2).sum() + 1))


def _largest_move(before: Doubles, after: Doubles, image: Image) -> float:
    """By how many pixels two transforms differ at most, at the corners of an image."""
    height, width = image.shape[:2]
    corners = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float64)
    apart = cv2.perspectiveTransform(corners, before) - cv2.perspectiveTransform(corners, after)
    return float(np.linalg.norm(apart, axis=2).max())


def _resize(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _resizing(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Doubles:
    """The transform from points of an image to points of its resized copy."""
    return np.diag([after.shape[1] / before.shape[1], after.shape[0] / before.shape[0], 1.0])


def _warp(
    image: NDArray[np.uint8], matrix: Doubles, size: tuple[int, int], interpolation: int
) -> tuple[Floats, Floats]:
    """The image in a frame whose points `matrix` maps to its own, and 1 where it shows anything there."""
    moved, flags = _TO_CENTRES @ matrix @ np.linalg.inv(_TO_CENTRES), interpolation | cv2.WARP_INVERSE_MAP
    if np.abs(moved[2, :2]).max() < 1e-12:  # twice as fast
        affine = moved[:2] / moved[2, 2]
        aligned = cv2.warpAffine(image, affine, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    else:
        aligned = cv2.warpPerspective(image, moved, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return aligned.astype(np.float32), _shown(image, moved, size)


def _shown(image: NDArray[np.uint8], matrix: Doubles, size: tuple[int, int]) -> Floats:
    """1 where an image shows anything in a frame `(H, W)` whose pixels `matrix` maps to its own, 0 elsewhere."""
    height, width = image.shape[:2]
    corners = np.array([[-0.5, -0.5], [width - 0.5, -0.5], [width - 0.5, height - 0.5], [-0.5, height - 0.5]])
    inverse = np.linalg.inv(matrix)
    depths = np.column_stack([corners, np.ones(4)]) @ inverse[2]
    if (depths * depths[0] <= 0).any():  # it reaches beyond the horizon
        covered = np.full(image.shape[:2], 1, np.float32)
        return np.asarray(
            cv2.warpPerspective(covered, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.float32
        )
    outline = np.clip(cv2.perspectiveTransform(corners[None], inverse), -(2**14), 2**14)
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(outline * 16).astype(np.int32), 1, shift=4)
    return np.asarray(cv2.erode(inside, np.ones((3, 3), np.uint8)), np.float32)  # pixels that it fills, whole


def fill_outline(outline: Doubles, size: tuple[int, ...]) -> Floats:
    """1 in the pixels of an image of this height and width within a convex polygon `(n, 2)`, 0 elsewhere and near it.

    A soft image is mixed with its ground along the edge.
    """
    filled = np.zeros(size, np.uint8)
    cv2.fillConvexPoly(filled, np.rint((outline - 0.5) * 16).astype(np.int32), 1, shift=4)
    edge = 2 * round(MIN_EDGE + EDGE_SHARE * max(size)) + 1
    return np.asarray(cv2.erode(filled, np.ones((edge, edge), np.uint8)), np.float32)


def _refine(
    reference: NDArray[np.uint8],
    other: NDArray[np.uint8],
    forward: Doubles,
    shown: Floats | None,
    longest: int,
    reach: int,
    max_blocks: int,
    *,
    smooth: bool,
) -> Doubles:
    """The transform from the reference to the other image in grey, corrected by blocks found at a longest side."""
    factor = 0.5 ** max(0, int(np.log2(max(reference.shape[:2]) / longest)))
    small, small_other = (_resize(each, factor) if factor < 1 else each for each in (reference, other))
    down, down_other = _resizing(reference, small), _resizing(other, small_other)
    matrix = np.asarray(down_other @ forward @ np.linalg.inv(down), np.float64)
    size = small.shape[1], small.shape[0]
    aligned, inside = _warp(small_other, matrix, size, cv2.INTER_LINEAR)
    if shown is not None:
        inside = inside * (cv2.resize(shown, size, interpolation=cv2.INTER_AREA) > 0.99)
    grey = small.astype(np.float32)
    places, found = _find_blocks(grey, aligned, inside, reach, max_blocks)
    correction = _fit_correction(found, places)
    if correction is None and smooth:
        correction = _correct_by_all_pixels(grey, aligned, inside)
    if correction is None:
        return forward
    corrected = np.linalg.inv(down_other) @ matrix @ correction @ down
    return np.asarray(corrected / corrected[2, 2], np.float64)


def _correct_by_all_pixels(
    grey: Floats, aligned: Floats, inside: Floats, *, projective: bool = False
) -> Doubles | None:
    """The affine transform `(3, 3)` at which both correlate best, for images that are too smooth for blocks.

    With `projective` such a one, of details alone.

    G. D. Evangelidis, E. Z. Psarakis, "Parametric image alignment using enhanced correlation coefficient
    maximization", IEEE Trans. Pattern Analysis and Machine Intelligence 30(10), 2008. None where it finds none.
    """
    factor = min(1.0, (DETAILED_SIDE if projective else SMOOTH_SIDE) / max(grey.shape))
    size = max(8, round(grey.shape[1] * factor)), max(8, round(grey.shape[0] * factor))
    small, other, covered = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (grey, aligned, inside))
    ending = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
    mask, motion, start = (covered > 0.99).astype(np.uint8), cv2.MOTION_AFFINE, np.eye(2, 3, dtype=np.float32)
    if projective:
        small, other = (each - cv2.blur(each, (DETAIL, DETAIL)) for each in (small, other))
        motion, start = cv2.MOTION_HOMOGRAPHY, np.eye(3, dtype=np.float32)
    try:
        _, found = cv2.findTransformECC(small, other, start, motion, ending, mask, SMOOTHING)
    except cv2.error:
        return None  # it does not converge
    moved = (found if projective else np.vstack([found, [0, 0, 1]])).astype(np.float64)
    centred = np.linalg.inv(_TO_CENTRES) @ moved @ _TO_CENTRES
    down = np.diag([size[0] / grey.shape[1], size[1] / grey.shape[0], 1.0])
    corrected: Doubles = np.linalg.inv(down) @ centred @ down
    return corrected


def _find_blocks(grey: Floats, aligned: Floats, inside: Floats, reach: int, max_blocks: int) -> tuple[Doubles, Doubles]:
    """The centres `(n, 2)` of blocks of the aligned image, and where the reference shows them."""
    side = BLOCK if max(grey.shape) >= SMALL_FRAME else SMALL_BLOCK
    blocks = _choose_blocks(aligned, inside, side, reach, max_blocks)
    correlations = np.empty((len(blocks), 2 * reach + 1, 2 * reach + 1), np.float32)
    for (left, top), found in zip(blocks.tolist(), correlations, strict=True):
        block = aligned[top : top + side, left : left + side]
        around = grey[top - reach : top + side + reach, left - reach : left + side + reach]
        cv2.matchTemplate(around, block, cv2.TM_CCOEFF_NORMED, found)
    clear, moves = _locate(correlations)
    places = np.asarray(blocks[clear] + side / 2, np.float64)
    return places, places + moves


def _choose_blocks(aligned: Floats, inside: Floats, side: int, reach: int, max_blocks: int) -> Ids:
    """The left and top `(n, 2)` of blocks with structure, all of whose surroundings both images show."""
    height, width = aligned.shape
    rows, columns = (height - 2 * reach) // side, (width - 2 * reach) // side
    if rows < 1 or columns < 1:
        return np.empty((0, 2), np.int64)
    area = slice(reach, reach + rows * side), slice(reach, reach + columns * side)
    whole = cv2.erode(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8), borderValue=0)[area]
    mean, square, shown = (
        cv2.resize(np.ascontiguousarray(plane), (columns, rows), interpolation=cv2.INTER_AREA)
        for plane in (aligned[area], aligned[area] ** 2, whole)
    )
    deviation = np.sqrt(np.maximum(square - mean**2, 0)) * (shown > 0.999)
    step = max(1, int(np.ceil(np.sqrt(rows * columns / max_blocks))))
    padded = np.pad(deviation, ((0, -rows % step), (0, -columns % step)), constant_values=-1)
    n_down, n_across = padded.shape[0] // step, padded.shape[1] // step
    parts = padded.reshape(n_down, step, n_across, step).swapaxes(1, 2).reshape(n_down, n_across, -1)
    best = parts.argmax(axis=2)
    top, left = np.nonzero(parts.max(axis=2) >= MIN_DEVIATION)
    inner = best[top, left]
    corners = np.stack([left * step + inner % step, top * step + inner // step], axis=1)
    return np.asarray(reach + corners * side, np.int64)


def _locate(correlations: Floats) -> tuple[Mask, Doubles]:
    """By how much blocks are moved `(m, 2)`, to a fraction of a pixel, given how they correlate `(n, K, K)`.

    The first that is returned says which of the blocks these are: it is not clear of the others.
    """
    count, side, _ = correlations.shape
    best = correlations.reshape(count, side * side).argmax(axis=1)
    y, x = np.divmod(best, side)
    inner = (x > 0) & (x < side - 1) & (y > 0) & (y < side - 1)
    clear = inner & (correlations[np.arange(count), y, x] >= MIN_CORRELATION)
    at, x, y = np.flatnonzero(clear), x[clear], y[clear]
    before, peak, after = (
        np.stack([correlations[at, y, x + step], correlations[at, y + step, x]], axis=1).astype(np.float64)
        for step in (-1, 0, 1)
    )
    curvatures = 2 * peak - before - after
    curved = curvatures.min(axis=1) >= MIN_CURVATURE
    clear[at[~curved]] = False
    shifts = np.clip((after - before)[curved] / (2 * curvatures[curved]), -0.5, 0.5)
    moves: Doubles = np.stack([x, y], axis=1)[curved] - side // 2 + shifts
    return clear, moves


def _fit_correction(found: Doubles, places: Doubles) -> Doubles | None:
    """The transform `(3, 3)` that most blocks agree on within a pixel; None where too few do."""
    if len(found) < MIN_BLOCKS:
        return None
    affine, near = cv2.estimateAffine2D(found, places, method=cv2.RANSAC, ransacReprojThreshold=1.0, maxIters=500)
    if affine is None or near.sum() < max(MIN_BLOCKS, MIN_SHARE * len(found)):
        return None
    correction = np.vstack([affine, [0, 0, 1]]).astype(np.float64)
    if len(found) > MANY_BLOCKS:
        projective, nearer = cv2.findHomography(found, places, cv2.RANSAC, 1.0, maxIters=500)
        if projective is not None and nearer.sum() > MANY_BLOCKS:
            least = MAX_PROJECTIVE_ERROR * _block_error(correction, found, places)
            if _block_error(projective, found, places) < least:
                return np.asarray(projective, np.float64)
    return correction


def _block_error(correction: Doubles, found: Doubles, places: Doubles) -> float:
    """The mean squared distance in pixels that a correction leaves, those beyond a pixel counting as one."""
    left = cv2.perspectiveTransform(found[None], correction)[0] - places
    return float(np.minimum((left**2).sum(axis=1), 1.0).mean())
