"""The plane that most matches lie on, seen from two places. Pure functions; `rank.spatial` uses them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.matching import Matches
from nearsight.types import Match

Doubles = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEWEST = 4
"""Matches that a transform needs."""
SEEDS = 3
"""Proposals that are fitted."""
LOOSE = 2.5
"""A similarity proposed by one match may miss by this many tolerances: views differ by more than it can say."""
STEP, TURN = 2.0, 40.0
"""Matches agree in scale up to this factor, and in angle up to these degrees."""
ROUNDS = 3
PIXELS = 1000.0
"""The robust estimator is given places as pixels of a picture of this longest side."""
STRETCH = 4.0
"""A plane is not seen so slantwise that it is stretched more than this."""


def estimated(matches: Matches, tolerance: float) -> Match | None:
    """The homography that most matches agree on, with those; None where none is plausible.

    1. Every match proposes a similarity; the `SEEDS` with most agreement in place, scale and angle are kept.
    2. Each is fitted as an affine transform to what agrees, until that stays the same.
    3. From the best, a homography is estimated robustly. Where it is not plausible, the affine transform stands.

    Features that say nothing of their size and turn propose nothing: the homography is then estimated from all matches.
    """
    if len(matches) < FEWEST:
        return None
    found = (
        _by_proposals(matches, tolerance) if matches.posed else _robust(matches, np.ones(len(matches), bool), tolerance)
    )
    if found is None:
        return None
    matrix, near = found
    near = near & _distinct(matches, near)
    return Match(matches.query[near], matches.hit[near], matrix) if near.sum() >= FEWEST else None


def _by_proposals(matches: Matches, tolerance: float) -> tuple[Doubles, Flags] | None:
    best: tuple[Doubles, Flags] | None = None
    for near in _proposals(matches, LOOSE * tolerance):
        fitted = _affine_grown(matches, near, tolerance)
        if fitted is not None and (best is None or fitted[1].sum() > best[1].sum()):
            best = fitted
    return None if best is None else _homography(matches, best, tolerance)


def _proposals(matches: Matches, tolerance: float) -> Flags:
    """Which matches agree with the similarity that each proposes: the rows of the best."""
    query, hit = matches.query @ [1, 1j], matches.hit @ [1, 1j]
    similarity = matches.ratios * np.exp(1j * np.radians(matches.turns))
    offset = hit - similarity * query
    missed = np.abs(similarity[:, None] * query + offset[:, None] - hit)
    steps = np.log(matches.ratios)
    near = missed <= tolerance * np.maximum(1, np.sqrt(matches.ratios))[:, None]
    near &= np.abs(steps - steps[:, None]) <= np.log(STEP)
    near &= _turned(matches.turns - matches.turns[:, None]) <= TURN
    rows: Flags = near[np.argsort(-near.sum(axis=1), kind="stable")[:SEEDS]]
    return rows


def _affine_grown(matches: Matches, near: Flags, tolerance: float) -> tuple[Doubles, Flags] | None:
    """An affine transform fitted to what agrees with it, until that stays the same; None where it is not plausible."""
    found = None
    for _ in range(ROUNDS):
        matrix = _affine(matches.query[near], matches.hit[near]) if near.sum() >= FEWEST else None
        if matrix is None:
            return found
        before, near = near, _agreeing(matrix, matches, tolerance)
        if near.sum() >= FEWEST:
            found = matrix, near
        if np.array_equal(before, near):
            break
    return found


def _affine(query: Doubles, hit: Doubles) -> Doubles | None:
    solution, _, rank, _ = np.linalg.lstsq(np.column_stack([query, np.ones(len(query))]), hit, rcond=None)
    matrix = np.vstack([solution.T, [0, 0, 1]])
    return matrix if rank == 3 and _plausible(matrix, query) else None


def _homography(matches: Matches, best: tuple[Doubles, Flags], tolerance: float) -> tuple[Doubles, Flags]:
    """The robust homography near an affine transform, where it is plausible and at least as many agree."""
    found = _robust(matches, _agreeing(best[0], matches, LOOSE * tolerance), tolerance)
    return best if found is None or found[1].sum() < best[1].sum() else found


def _robust(matches: Matches, close: Flags, tolerance: float) -> tuple[Doubles, Flags] | None:
    """The homography of which most of some matches are, and all that agree with it; None where it is not plausible."""
    if close.sum() < 8:
        return None
    matrix, _ = cv2.findHomography(
        matches.query[close] * PIXELS, matches.hit[close] * PIXELS, cv2.USAC_MAGSAC, tolerance * PIXELS, None, 500, 0.99
    )
    if matrix is None:
        return None
    scale = np.diag([PIXELS, PIXELS, 1])
    matrix = np.linalg.inv(scale) @ matrix @ scale
    near = _agreeing(matrix, matches, tolerance)
    return (matrix, near) if near.any() and _plausible(matrix, matches.query[near]) else None


def _agreeing(matrix: Doubles, matches: Matches, tolerance: float) -> Flags:
    """Which matches lie where the transform takes them, with the scale that it has there, where they say one."""
    moved, scale = _moved(matrix, matches.query)
    near: Flags = np.linalg.norm(moved - matches.hit, axis=1) <= tolerance * np.clip(scale, 0.5, 1)
    if matches.posed:
        near &= np.abs(np.log(matches.ratios / np.maximum(scale, 1e-6))) <= np.log(STEP)
    return near


def _moved(matrix: Doubles, places: Doubles) -> tuple[Doubles, Doubles]:
    """Where a homography takes places `(n, 2)`, and by how much it scales lengths there `(n,)`."""
    moved = np.column_stack([places, np.ones(len(places))]) @ matrix.T
    depth = np.where(np.abs(moved[:, 2]) < 1e-9, 1e-9, moved[:, 2])
    area = np.abs(np.linalg.det(matrix)) / np.abs(depth) ** 3
    return moved[:, :2] / depth[:, None], np.sqrt(area)


def _plausible(matrix: Doubles, places: Doubles) -> bool:
    """Not mirrored, not seen too slantwise, and no place at infinity."""
    centre = places.mean(axis=0)
    depths = np.column_stack([places, np.ones(len(places))]) @ matrix[2]
    if (depths * np.sign(depths[0]) < 0.2 * np.abs(depths).max()).any():
        return False
    depth = np.append(centre, 1) @ matrix[2]
    moved = (matrix @ np.append(centre, 1))[:2] / depth
    slope = (matrix[:2, :2] - np.outer(moved, matrix[2, :2])) / depth
    if np.linalg.det(slope) <= 0:
        return False
    longest, shortest = np.linalg.svd(slope, compute_uv=False)
    return bool(longest <= STRETCH * shortest and 0.05 < longest < 20)


def _distinct(matches: Matches, near: Flags) -> Flags:
    """Of several agreeing matches of one feature, or at one place, only the first counts."""
    kept = np.zeros(len(near), bool)
    at = np.flatnonzero(near)
    for points in (matches.query, matches.hit):
        cells = np.rint(points[at] * 200) @ [1, 1j]
        at = at[np.sort(np.unique(cells, return_index=True)[1])]
    kept[at] = True
    return kept


def _turned(degrees: Doubles) -> Doubles:
    return np.abs((degrees + 180) % 360 - 180)
