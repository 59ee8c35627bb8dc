"""How one image may lie in another, to be proved: as a whole, as a strip, or as matched points say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from nearsight.geometry.alignment import AffineFit
from nearsight.geometry.matching import Matches
from nearsight.types import Doubles, Floats, Image

__all__ = [
    "Proposal",
    "WholeView",
    "add_points",
    "image_strips",
    "point_transforms",
    "standardize_luma",
    "strip_proposals",
    "whole_proposals",
    "whole_views",
]

WHOLE_SIDE, MIN_WHOLE_CORRELATION, MAX_ASPECT_DIFFERENCE = 32, 0.6, 0.05
"""Pixels, and the least correlation, at which two whole images may be the same; and by how much proportions differ."""
MIN_DEVIATION = 1.0
"""Grey levels by which an image varies at least, not to be plain."""
MIN_STRIP = 8
"""Pixels that a strip has at least, where `WHOLE_SIDE` are the whole width."""
MIN_PROJECTIVE, PROJECTIVE_GAIN, PROJECTIVE_TOLERANCE = 16, 1.2, 1.5
"""Matches that propose a projective transform, by how many more than agree with an affine one; and within how many
pixels of the smaller images."""
_TURN = np.array([[0.0, -1, 1], [1, 0, 0], [0, 0, 1]])
"""Unit points of an image turned by 90 degrees clockwise, from those of the image."""


@dataclass(frozen=True)
class Proposal:
    """A transform `(3, 3)` from unit points of the query, in the mirror if so, to unit points of the hit.

    `share` is how much of the thumbnails agrees under it at a glance, 0 where that is not known; `correlation` that of
    both in a few pixels, where it is the whole of both.
    """

    matrix: Doubles
    mirrored: bool
    fit: AffineFit | None = None
    share: float = 0.0
    correlation: float = 0.0

    @property
    def is_projective(self) -> bool:
        """Whether lines that are parallel in the query may meet in the hit."""
        return bool(np.abs(self.matrix[2, :2]).max() > 1e-9)


@dataclass(frozen=True)
class WholeView:
    """The query turned or mirrored: its proportions, its standardized luma, and the transform to its unit points."""

    proportions: float
    pixels: Floats
    matrix: Doubles
    mirrored: bool
    turn: int


def point_transforms(matches: Matches, fit: AffineFit) -> list[Doubles]:
    """The affine transform; before it a projective one, where clearly more matches agree with that."""
    if len(matches) < MIN_PROJECTIVE:
        return [fit.matrix]
    found, near = cv2.findHomography(
        matches.query_points, matches.hit_points, cv2.RANSAC, PROJECTIVE_TOLERANCE, maxIters=300
    )
    if found is None or near.sum() < max(MIN_PROJECTIVE, PROJECTIVE_GAIN * fit.n_inliers):
        return [fit.matrix]
    return [np.asarray(found, np.float64), fit.matrix]


def add_points(whole: Proposal, fitted: Sequence[Proposal]) -> Proposal:
    """The whole with the matched points of a fitted proposal that is about the same transform."""
    corners = np.array([[[0.0, 0], [1, 0], [1, 1], [0, 1]]])
    for each in fitted:
        apart = cv2.perspectiveTransform(corners, whole.matrix) - cv2.perspectiveTransform(corners, each.matrix)
        if each.mirrored == whole.mirrored and np.abs(apart).max() < MAX_ASPECT_DIFFERENCE:
            return replace(whole, fit=each.fit)
    return whole


def whole_views(image: Image) -> Iterator[WholeView]:
    """The image turned by right angles, and all that in the mirror."""
    for mirrored in (False, True):
        view, matrix = (image[:, ::-1] if mirrored else image), np.eye(3)
        for turn in range(4):
            if turn:
                view, matrix = np.rot90(view, -1), _TURN @ matrix
            yield WholeView(view.shape[1] / view.shape[0], standardize_luma(view), matrix, mirrored, turn)


def whole_proposals(
    views: Sequence[WholeView], hit: Image, whole: Floats, *, turns: bool, mirror: bool
) -> list[Proposal]:
    """The whole of one as the whole of the other, turned and mirrored as it correlates best; none where it does not."""
    height, width = hit.shape[:2]
    best: tuple[float, Proposal] | None = None
    for view in views:
        if (view.turn and not turns) or (view.mirrored and not mirror):
            continue
        if abs(np.log(view.proportions * height / width)) <= MAX_ASPECT_DIFFERENCE:
            correlation = abs(float((view.pixels * whole).mean()))
            if best is None or correlation > best[0]:
                best = correlation, Proposal(view.matrix, view.mirrored, correlation=correlation)
    return [best[1]] if best is not None and (best[0] >= MIN_WHOLE_CORRELATION or not whole.any()) else []


def image_strips(image: Image) -> tuple[Floats, Floats]:
    """Luma at a width, and turned on its side at a height, of `WHOLE_SIDE` pixels."""
    return _at_width(image), _at_width(image.swapaxes(0, 1))


def strip_proposals(query: tuple[Floats, Floats], hit: tuple[Floats, Floats]) -> list[Proposal]:
    """One image as a strip of the other one that is as wide, or as high: what is left of it without bars."""
    found = []
    for axis, smalls in enumerate(zip(query, hit, strict=True)):
        lengths = [len(each) for each in smalls]
        shorter = int(lengths[1] < lengths[0])
        if min(lengths) < MIN_STRIP or abs(lengths[0] - lengths[1]) <= MAX_ASPECT_DIFFERENCE * max(lengths):
            continue
        correlations = cv2.matchTemplate(smalls[1 - shorter], smalls[shorter], cv2.TM_CCOEFF_NORMED)[:, 0]
        at = int(correlations.argmax())
        if correlations[at] < MIN_WHOLE_CORRELATION:
            continue
        share, start = lengths[shorter] / lengths[1 - shorter], at / lengths[1 - shorter]
        inner = np.array([[1, 0, 0], [0, share, start], [0, 0, 1]])
        inner = np.array([[share, 0, start], [0, 1, 0], [0, 0, 1]]) if axis else inner
        found.append(Proposal(np.linalg.inv(inner) if shorter else inner, mirrored=False))
    return found


def _at_width(image: Image) -> Floats:
    """Luma at a width of `WHOLE_SIDE` pixels."""
    height = max(1, round(image.shape[0] * WHOLE_SIDE / image.shape[1]))
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.resize(grey, (WHOLE_SIDE, height), interpolation=cv2.INTER_AREA), np.float32)


def standardize_luma(image: Image) -> Floats:
    """Luma in `WHOLE_SIDE` x `WHOLE_SIDE` pixels with mean 0 and variance 1; 0 where it is plain."""
    grey = cv2.resize(
        cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32),
        (WHOLE_SIDE, WHOLE_SIDE),
        interpolation=cv2.INTER_AREA,
    )
    grey -= grey.mean()
    deviation = float(grey.std())
    return np.asarray(grey / deviation if deviation >= MIN_DEVIATION else np.zeros_like(grey), np.float32)
