"""The plane that most matches lie on, seen from two places. Pure functions; `rerankers.spatial` uses them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.matching import Matches
from nearsight.types import Match

_Doubles = NDArray[np.float64]
_Mask = NDArray[np.bool_]

MIN_MATCHES = 4
"""Matches that a transform needs."""
N_PROPOSALS = 3
"""Proposals that are fitted."""
PROPOSAL_TOLERANCE = 2.5
"""A similarity proposed by one match may miss by this many tolerances: views differ by more than it can say."""
MAX_SCALE_RATIO, MAX_ANGLE_DIFFERENCE = 2.0, 40.0
"""Matches agree in scale up to this factor, and in angle up to these degrees."""
MAX_ROUNDS = 3
ESTIMATOR_SIDE = 1000.0
"""The robust estimator is given places as pixels of an image of this longest side."""
MAX_STRETCH = 4.0
"""A plane is not seen so slantwise that it is stretched more than this."""


def estimate_homography(matches: Matches, tolerance: float) -> Match | None:
    """The homography that most matches agree on, with those; None where none is plausible.

    1. Every match proposes a similarity; the `N_PROPOSALS` with most agreement in place, scale and angle are kept.
    2. Each is fitted as an affine transform to what agrees, until that stays the same.
    3. From the best, a homography is estimated robustly. Where it is not plausible, the affine transform stands.

    Features that say nothing of their size and turn propose nothing: the homography is then estimated from all matches.
    """
    if len(matches) < MIN_MATCHES:
        return None
    found = (
        _estimate_from_proposals(matches, tolerance)
        if matches.has_pose
        else _estimate_robustly(matches, np.ones(len(matches), bool), tolerance)
    )
    if found is None:
        return None
    matrix, near = found
    near = near & _distinct_mask(matches, near)
    return Match(matches.query_points[near], matches.hit_points[near], matrix) if near.sum() >= MIN_MATCHES else None


def _estimate_from_proposals(matches: Matches, tolerance: float) -> tuple[_Doubles, _Mask] | None:
    best: tuple[_Doubles, _Mask] | None = None
    for near in _homography_proposals(matches, PROPOSAL_TOLERANCE * tolerance):
        fitted = _refine_affine(matches, near, tolerance)
        if fitted is not None and (best is None or fitted[1].sum() > best[1].sum()):
            best = fitted
    return None if best is None else _refine_homography(matches, best, tolerance)


def _homography_proposals(matches: Matches, tolerance: float) -> _Mask:
    """Which matches agree with the similarity that each proposes: the rows of the best."""
    query, hit = matches.query_points @ [1, 1j], matches.hit_points @ [1, 1j]
    similarity = matches.scale_ratios * np.exp(1j * np.radians(matches.rotations))
    offset = hit - similarity * query
    missed = np.abs(similarity[:, None] * query + offset[:, None] - hit)
    steps = np.log(matches.scale_ratios)
    near = missed <= tolerance * np.maximum(1, np.sqrt(matches.scale_ratios))[:, None]
    near &= np.abs(steps - steps[:, None]) <= np.log(MAX_SCALE_RATIO)
    near &= _wrap_homography_angle(matches.rotations - matches.rotations[:, None]) <= MAX_ANGLE_DIFFERENCE
    rows: _Mask = near[np.argsort(-near.sum(axis=1), kind="stable")[:N_PROPOSALS]]
    return rows


def _refine_affine(matches: Matches, inliers: _Mask, tolerance: float) -> tuple[_Doubles, _Mask] | None:
    """An affine transform fitted to what agrees with it, until that stays the same; None where it is not plausible."""
    found = None
    for _ in range(MAX_ROUNDS):
        matrix = (
            _fit_affine(matches.query_points[inliers], matches.hit_points[inliers])
            if inliers.sum() >= MIN_MATCHES
            else None
        )
        if matrix is None:
            return found
        before, inliers = inliers, _find_inliers(matrix, matches, tolerance)
        if inliers.sum() >= MIN_MATCHES:
            found = matrix, inliers
        if np.array_equal(before, inliers):
            break
    return found


def _fit_affine(query: _Doubles, hit: _Doubles) -> _Doubles | None:
    solution, _, rank, _ = np.linalg.lstsq(np.column_stack([query, np.ones(len(query))]), hit, rcond=None)
    matrix = np.vstack([solution.T, [0, 0, 1]])
    return matrix if rank == 3 and _is_plausible(matrix, query) else None


def _refine_homography(matches: Matches, affine: tuple[_Doubles, _Mask], tolerance: float) -> tuple[_Doubles, _Mask]:
    """The robust homography near an affine transform, where it is plausible and at least as many agree."""
    found = _estimate_robustly(matches, _find_inliers(affine[0], matches, PROPOSAL_TOLERANCE * tolerance), tolerance)
    return affine if found is None or found[1].sum() < affine[1].sum() else found


def _estimate_robustly(matches: Matches, candidates: _Mask, tolerance: float) -> tuple[_Doubles, _Mask] | None:
    """The homography of which most of some matches are, and all that agree with it; None where it is not plausible."""
    if candidates.sum() < 8:
        return None
    matrix, _ = cv2.findHomography(
        matches.query_points[candidates] * ESTIMATOR_SIDE,
        matches.hit_points[candidates] * ESTIMATOR_SIDE,
        cv2.USAC_MAGSAC,
        tolerance * ESTIMATOR_SIDE,
        None,
        500,
        0.99,
    )
    if matrix is None:
        return None
    scale = np.diag([ESTIMATOR_SIDE, ESTIMATOR_SIDE, 1])
    matrix = np.linalg.inv(scale) @ matrix @ scale
    near = _find_inliers(matrix, matches, tolerance)
    return (matrix, near) if near.any() and _is_plausible(matrix, matches.query_points[near]) else None


def _find_inliers(matrix: _Doubles, matches: Matches, tolerance: float) -> _Mask:
    """Which matches lie where the transform takes them, with the scale that it has there, where they say one."""
    moved, scale = _project_by_homography(matrix, matches.query_points)
    near: _Mask = np.linalg.norm(moved - matches.hit_points, axis=1) <= tolerance * np.clip(scale, 0.5, 1)
    if matches.has_pose:
        near &= np.abs(np.log(matches.scale_ratios / np.maximum(scale, 1e-6))) <= np.log(MAX_SCALE_RATIO)
    return near


def _project_by_homography(matrix: _Doubles, points: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Where a homography takes places `(n, 2)`, and by how much it scales lengths there `(n,)`."""
    moved = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    depth = np.where(np.abs(moved[:, 2]) < 1e-9, 1e-9, moved[:, 2])
    area = np.abs(np.linalg.det(matrix)) / np.abs(depth) ** 3
    return moved[:, :2] / depth[:, None], np.sqrt(area)


def _is_plausible(matrix: _Doubles, points: _Doubles) -> bool:
    """Not mirrored, not seen too slantwise, and no place at infinity."""
    centre = points.mean(axis=0)
    depths = np.column_stack([points, np.ones(len(points))]) @ matrix[2]
    if (depths * np.sign(depths[0]) < 0.2 * np.abs(depths).max()).any():
        return False
    depth = np.append(centre, 1) @ matrix[2]
    moved = (matrix @ np.append(centre, 1))[:2] / depth
    slope = (matrix[:2, :2] - np.outer(moved, matrix[2, :2])) / depth
    if np.linalg.det(slope) <= 0:
        return False
    longest, shortest = np.linalg.svd(slope, compute_uv=False)
    return bool(longest <= MAX_STRETCH * shortest and 0.05 < longest < 20)


def _distinct_mask(matches: Matches, inliers: _Mask) -> _Mask:
    """Of several agreeing matches of one feature, or at one place, only the first counts."""
    kept = np.zeros(len(inliers), bool)
    at = np.flatnonzero(inliers)
    for points in (matches.query_points, matches.hit_points):
        cells = np.rint(points[at] * 200) @ [1, 1j]
        at = at[np.sort(np.unique(cells, return_index=True)[1])]
    kept[at] = True
    return kept


def _wrap_homography_angle(degrees: _Doubles) -> _Doubles:
    return np.abs((degrees + 180) % 360 - 180)
