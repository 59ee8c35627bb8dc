"""Do two images show the same pixels, moved? Local features, their matches, one transform, and its false alarms.

Pure functions; `rerankers.verify` combines them. Coordinates are `(x, y)` in pixels, pixel centres at .5.

References
----------
D. G. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60(2), 2004.
R. Arandjelovic, A. Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012 (RootSIFT).
L. Moisan, B. Stival, "A probabilistic criterion to detect rigid point matches between two images and estimate the
fundamental matrix", IJCV 57(3), 2004.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.geometry.matching import Matches
from nearsight.types import Floats, Image, LocalFeatures

__all__ = [
    "AffineFit",
    "compute_log_nfa",
    "downscale_to_align",
    "fit_affine",
    "pixel_correlation",
    "rootsift_features",
    "trim_border",
]

_Doubles: TypeAlias = NDArray[np.float64]
_Mask: TypeAlias = NDArray[np.bool_]

BORDER = 24
"""A pixel that differs by more than this from the colour of the border is no part of it."""
CONTRAST = 0.02
"""SIFT's bar for a feature, half of the usual one: blurred and dark copies keep enough of them."""
MAX_SCALE_RATIO = 1.6
"""Matches agree in scale up to this factor."""
MAX_ANGLE_DIFFERENCE = 25.0
"""Matches agree in angle up to these degrees."""
PROPOSAL_TOLERANCE = 3.0
"""A transform proposed by one match alone may miss by this many tolerances; a fitted one by a single tolerance."""
N_PROPOSALS, MAX_ROUNDS = 5, 4
"""How many proposals are fitted, and how often each at most."""
MINIMAL_SAMPLE = 3
"""Matches that determine the transform: an affine one has six numbers."""
MAX_STRETCH = 2.0
"""A transform that stretches one way more than this times the other way is no copy's."""
CLUSTERING = 3.0
"""How much likelier a wrong match falls on the right place than a uniform one; calibrated, see `fit_affine`."""
N_BLOCKS, MIN_TEXTURE = 12, 4.0
"""Pixels are compared in this many blocks along the longest side; below this deviation in grey levels one is flat."""


@dataclass(frozen=True)
class AffineFit:
    """The transform that most matches agree on.

    `query_points`, `hit_points` `(n, 2) float64` are the agreeing matches, `matrix (3, 3)` maps the former to the
    latter; `n_inliers` of `n_tentative` distinct places agree, and a random match would with probability `chance`.
    """

    query_points: _Doubles
    hit_points: _Doubles
    matrix: _Doubles
    n_inliers: int
    n_tentative: int
    match_probability: float


def downscale_to_align(image: Image, side: int) -> Image:
    """The image with its longest side at most `side` pixels; a smaller one comes back as it is."""
    height, width = image.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def trim_border(image: Image) -> Image | None:
    """The image without its plain border of one colour; None where it has none, or little would be left.

    A row or column belongs to the image where more than one in twenty pixels differ from the colour of the border
    in some channel.
    """
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    differs = (np.abs(image.astype(np.int16) - np.median(edge, axis=0)) > BORDER).any(axis=2)
    rows, columns = (np.flatnonzero(differs.mean(axis=axis) > 0.05) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return None
    inner = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    share = inner[..., 0].size / image[..., 0].size
    return inner if 0.1 <= share <= 0.97 else None


def rootsift_features(image: Image, limit: int) -> LocalFeatures:
    """The strongest SIFT features, about `limit`, with RootSIFT descriptors `(n, 128)`; none is no error."""
    sift = cv2.SIFT.create(nfeatures=limit, contrastThreshold=CONTRAST)
    keypoints, found = sift.detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)
    if found is None:
        points, scales, angles, rooted = (np.empty(shape, np.float32) for shape in ((0, 2), (0,), (0,), (0, 128)))
        return LocalFeatures(points, scales, angles, rooted, (image.shape[1], image.shape[0]))
    rows = [(*keypoint.pt, keypoint.size, keypoint.angle) for keypoint in keypoints]
    x, y, scales, angles = np.array(rows, np.float32).T
    rooted = np.sqrt(found / np.maximum(found.sum(axis=1, keepdims=True), 1))
    points, size = np.stack([x, y], axis=1) + np.float32(0.5), (image.shape[1], image.shape[0])
    return LocalFeatures(points, scales, angles, rooted, size)


def _wrap_angle(degrees: _Doubles) -> _Doubles:
    return np.abs((degrees + 180) % 360 - 180)


def _alignment_proposals(matches: Matches, tolerance: float) -> _Mask:
    """Which matches agree with the similarity transform of one match: a row for each of the best."""
    query, hit = matches.query_points @ [1, 1j], matches.hit_points @ [1, 1j]
    similarity = matches.scale_ratios * np.exp(1j * np.radians(matches.rotations))
    offset = hit - similarity * query
    missed = np.abs(similarity[:, None] * query + offset[:, None] - hit)
    near = missed <= PROPOSAL_TOLERANCE * tolerance * np.sqrt(matches.scale_ratios)[:, None]
    steps = np.log(matches.scale_ratios)
    near &= np.abs(steps - steps[:, None]) <= np.log(MAX_SCALE_RATIO)
    near &= _wrap_angle(matches.rotations - matches.rotations[:, None]) <= MAX_ANGLE_DIFFERENCE
    rows: _Mask = near[np.argsort(-near.sum(axis=1), kind="stable")[:N_PROPOSALS]]
    return rows


def _fit_least_squares(query: _Doubles, hit: _Doubles) -> _Doubles | None:
    """The least-squares affine transform `(3, 3)`; None where the points do not determine a plausible one."""
    if len(query) <= MINIMAL_SAMPLE:
        return None
    solution, _, rank, _ = np.linalg.lstsq(np.column_stack([query, np.ones(len(query))]), hit, rcond=None)
    linear = solution[:2].T
    longest, shortest = np.linalg.svd(linear, compute_uv=False)
    if rank < MINIMAL_SAMPLE or np.linalg.det(linear) <= 0 or longest > MAX_STRETCH * shortest:
        return None
    return np.vstack([solution.T, [0, 0, 1]])


def _find_inliers(matrix: _Doubles, matches: Matches, tolerance: float) -> _Mask:
    """Which matches agree with a transform in place, in scale and in angle."""
    linear = matrix[:2, :2]
    scale = np.sqrt(np.linalg.det(linear))
    turn = np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))
    missed = np.linalg.norm(matches.query_points @ linear.T + matrix[:2, 2] - matches.hit_points, axis=1)
    near = (missed <= tolerance * np.sqrt(scale)) & (_wrap_angle(matches.rotations - turn) <= MAX_ANGLE_DIFFERENCE)
    flags: _Mask = near & (np.abs(np.log(matches.scale_ratios / scale)) <= np.log(MAX_SCALE_RATIO))
    return flags


def _refine_affine(inliers: _Mask, matches: Matches, tolerance: float) -> tuple[_Doubles, _Mask] | None:
    """A proposal, fitted to what agrees with it until that no longer changes; None where nothing plausible is left."""
    grown = None
    for _ in range(MAX_ROUNDS):
        matrix = _fit_least_squares(matches.query_points[inliers], matches.hit_points[inliers])
        if matrix is None:
            return None
        before, inliers = inliers, _find_inliers(matrix, matches, tolerance)
        grown = matrix, inliers
        if np.array_equal(before, inliers):
            break
    return grown


def _count_distinct(matches: Matches, inliers: _Mask, tolerance: float) -> int:
    """How many places agree: of matches within one cell of two tolerances, in either image, only one counts."""
    cells = [
        np.floor(points[inliers] / (2 * tolerance)) @ [1, 1j] for points in (matches.query_points, matches.hit_points)
    ]
    return min(len(np.unique(cell)) for cell in cells)


def _narrowest_deviation(points: _Doubles) -> float:
    """Standard deviation of points `(n, 2)`, n > 1, in the direction in which they vary least."""
    return float(np.sqrt(max(0.0, np.linalg.eigvalsh(np.cov(points.T))[0])))


def fit_affine(matches: Matches, size: tuple[int, int], tolerance: float = 3.0) -> AffineFit | None:
    """The affine transform that most matches agree on in place, scale and angle; None where none is worth a look.

    1. Every match proposes a similarity from its two points, scales and angles; the five with most agreement are kept.
    2. Each is fitted again, as an affine transform, to the matches within `tolerance` pixels until they stay the same.
    3. The one with most distinct agreeing places wins. Crowded ones (all in one spot or on one line) are dropped.
    4. A random match agrees with `chance` = `CLUSTERING` x area of the tolerance circle / area of the hit (`size` is
       its width and height). Agreement in scale and angle is required but not counted as further evidence: among wrong
       matches that fall on the right place it is the rule, since similar things stand in similar poses.
    """
    best: tuple[int, _Doubles, _Mask] | None = None
    for proposal in _alignment_proposals(matches, tolerance) if len(matches) > MINIMAL_SAMPLE else ():
        grown = _refine_affine(proposal, matches, tolerance)
        if grown is None or grown[1].sum() <= MINIMAL_SAMPLE:
            continue
        if (
            min(_narrowest_deviation(points[grown[1]]) for points in (matches.query_points, matches.hit_points))
            < 2 * tolerance
        ):
            continue
        agreeing = _count_distinct(matches, grown[1], tolerance)
        if best is None or agreeing > best[0]:
            best = agreeing, *grown
    if best is None:
        return None
    agreeing, matrix, near = best
    circle = np.pi * tolerance**2 * np.sqrt(np.linalg.det(matrix[:2, :2]))
    tried = _count_distinct(matches, np.ones(len(matches), bool), tolerance)
    chance = min(0.5, CLUSTERING * float(circle) / (size[0] * size[1]))
    return AffineFit(matches.query_points[near], matches.hit_points[near], matrix, agreeing, tried, chance)


def compute_log_nfa(n_tests: int, n_tentative: int, n_inliers: int, match_probability: float) -> float:
    """log10 of the number of false alarms (NFA) to expect when `n_tests` images are tried.

    NFA = tests x C(tried, 3) x P(at least `n_inliers` - 3 of `n_tentative` - 3 random matches agree): the binomial
    tail, once for each choice of the three matches that determine the transform.
    """
    if n_inliers <= MINIMAL_SAMPLE:
        return float("inf")
    n = n_tentative - MINIMAL_SAMPLE
    k = np.arange(n_inliers - MINIMAL_SAMPLE, n + 1)
    terms = (
        scipy.special.gammaln(n + 1)
        - scipy.special.gammaln(k + 1)
        - scipy.special.gammaln(n - k + 1)
        + k * np.log(match_probability)
        + (n - k) * np.log1p(-match_probability)
    )
    choices = (
        scipy.special.gammaln(n_tentative + 1)
        - scipy.special.gammaln(MINIMAL_SAMPLE + 1)
        - scipy.special.gammaln(n + 1)
    )
    return float((np.log(n_tests) + choices + scipy.special.logsumexp(terms)) / np.log(10))


def _align_to_query(hit: Image, matrix: _Doubles, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """The hit in grey as the query would show it, and 1 where it shows anything at all."""
    grey = cv2.cvtColor(hit, cv2.COLOR_RGB2GRAY).astype(np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid, inside = (cv2.warpAffine(plane, matrix, size, flags=flags) for plane in (grey, np.ones_like(grey)))
    return laid, inside


def _block_means(planes: tuple[Floats, ...]) -> list[Floats]:
    height, width = planes[0].shape
    side = max(1, max(height, width) // N_BLOCKS)
    size = max(1, width // side), max(1, height // side)
    whole = [plane[: size[1] * side, : size[0] * side] for plane in planes]
    return [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in whole]


def pixel_correlation(query: Image, hit: Image, matrix: _Doubles) -> float:
    """How alike the pixels are, -1..1, once the hit is laid over the query by `matrix` (query to hit).

    1. Both are smoothed and cut into square blocks; each wholly covered block gets the zero-mean normalised
       correlation of its grey levels.
    2. The median over the blocks where the query has texture, or over those where the hit has, whichever is larger:
       so a text over a bright sky does not speak against a copy, whichever of the two carries it. 0 where fewer than
       three blocks can speak.
    """
    to_indices = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    moved = (to_indices @ matrix @ np.linalg.inv(to_indices))[:2]
    laid, inside = _align_to_query(hit, moved, (query.shape[1], query.shape[0]))
    grey = cv2.cvtColor(query, cv2.COLOR_RGB2GRAY).astype(np.float32)
    a, b = cv2.GaussianBlur(grey, (0, 0), 2.0), cv2.GaussianBlur(laid, (0, 0), 2.0)
    whole, mean_a, mean_b, aa, bb, ab = _block_means((inside, a, b, a * a, b * b, a * b))
    varied = [np.maximum(aa - mean_a**2, 0), np.maximum(bb - mean_b**2, 0)]
    correlations = (ab - mean_a * mean_b) / np.sqrt((varied[0] + MIN_TEXTURE**2 / 4) * (varied[1] + MIN_TEXTURE**2 / 4))
    speaking = [correlations[(whole > 0.999) & (variance > MIN_TEXTURE**2)] for variance in varied]
    return max(float(np.median(values)) if len(values) >= 3 else 0.0 for values in speaking)
