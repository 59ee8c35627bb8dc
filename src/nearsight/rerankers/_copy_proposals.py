"""How one image may lie in another, to be proved: as a whole, as a strip, or as matched points say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from nearsight.features.sift import mirror_features
from nearsight.geometry.alignment import AffineFit, downscale_to_align, fit_affine, rootsift_features
from nearsight.geometry.cells import screen_overlap
from nearsight.geometry.matching import Matches, match_each
from nearsight.geometry.overlap import ComparedImage, OverlapComparison
from nearsight.types import Doubles, Floats, Image, LocalFeatures, RerankContext

__all__ = [
    "PROOF_SIDE",
    "HitView",
    "Proposal",
    "QueryView",
    "describe_hit",
    "in_pixels",
    "long_side",
    "promising_proposals",
    "unit_homography",
    "view_hit",
    "view_query",
]

QUERY_SIDE, QUERY_LIMIT = 256, 400
HIT_SIDE, HIT_LIMIT = 176, 200
"""Pixels and features of the query, looked at once, and of each hit."""
PROOF_SIDE = 1024
"""The longest side at which the files themselves are compared, in pixels: letters of a page differ there."""
MAX_ASPECT = 3.0
"""A panorama, strip or scroll is longer than so many times its width, and looked at more closely."""
MIN_INLIERS = 5
"""Matched points in distinct places that propose a transform; it is the comparison that decides."""
MIN_PROMISING, MIN_PROMISING_SHARE = 8, 0.3
"""Cells of the thumbnails that must agree, and their share, for the files to be opened."""
MIN_BLURRED_CORRELATION = 0.97
"""Correlation of both as a whole, in a few pixels, from which on less may agree: one may be blurred."""
MAX_PROOFS = 2
"""Transforms that are tried on the files of one hit."""
PROJECTIVE_WEIGHT = 0.9
"""What the agreement under a projective transform counts: an affine one that explains as much goes first."""

WHOLE_SIDE, MIN_WHOLE_CORRELATION, MAX_ASPECT_DIFFERENCE = 32, 0.6, 0.05
"""Pixels, and the least correlation, at which two whole images may be the same; and by how much proportions differ."""
MIN_DEVIATION = 1.0
"""Grey levels by which an image varies at least, not to be plain."""
MIN_STRIP = 8
"""Pixels that a strip has at least, where `WHOLE_SIDE` are the whole width."""
MIN_PROJECTIVE, PROJECTIVE_GAIN, PROJECTIVE_TOLERANCE = 16, 1.2, 1.5
"""Matches that propose a projective transform, by how many more than agree with an affine one; and within how many
pixels of the smaller images."""
_MIRROR = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])
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


@dataclass(frozen=True, eq=False)
class QueryView:
    """The query's thumbnail, its features and those of its mirror image, and the query at the side of a proof."""

    image: Image
    context: RerankContext

    @cached_property
    def features(self) -> LocalFeatures:
        return rootsift_features(self.image, QUERY_LIMIT)

    @cached_property
    def mirrored_features(self) -> LocalFeatures:
        return mirror_features(self.features, self.image.shape[1])

    @cached_property
    def wholes(self) -> list[WholeView]:
        return list(_whole_views(self.image))

    @cached_property
    def strips(self) -> tuple[Floats, Floats]:
        return _image_strips(self.image)

    @cached_property
    def small(self) -> ComparedImage:
        return ComparedImage(self.image)

    @cached_property
    def large(self) -> ComparedImage:
        return ComparedImage(self.context.query_pixels(long_side(self.image, PROOF_SIDE)))


@dataclass(frozen=True, eq=False)
class HitView:
    """A hit's thumbnail as a whole and as strips, and the features of a smaller one; None where none can match."""

    small: ComparedImage
    whole: Floats
    strips: tuple[Floats, Floats]
    features: LocalFeatures | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what the features were found in."""
        return (1, 1) if self.features is None else self.features.size


def promising_proposals(
    query: QueryView, hits: Sequence[HitView], *, turns: bool, mirror: bool
) -> list[list[Proposal]]:
    """For each hit, the proposals under which the thumbnails agree well enough for a second look."""
    described = [hit.features for hit in hits if hit.features is not None]
    matches = iter(match_each(query.features, described) if described else [])
    mirrored = iter(match_each(query.mirrored_features, described) if mirror and described else [None] * len(described))
    found = []
    for hit in hits:
        points = (None, None) if hit.features is None else (next(matches), next(mirrored))
        found.append(_promising_of(query, hit, _proposals(query, hit, points, turns=turns, mirror=mirror)))
    return found


def _promising_of(query: QueryView, hit: HitView, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Those of one hit, the best first."""
    found = list[tuple[float, Proposal]]()
    for proposal in proposals:
        given = query.small.mirrored if proposal.mirrored else query.small
        agreeing, told = screen_overlap(given.image, hit.small.image, in_pixels(proposal, given, hit.small))
        if told < MIN_PROMISING:
            found.append((0.0, proposal))
        elif agreeing >= max(MIN_PROMISING, MIN_PROMISING_SHARE * told):
            weight = PROJECTIVE_WEIGHT if proposal.is_projective else 1
            found.append((weight * agreeing**2 / told, replace(proposal, share=agreeing / told)))
        elif proposal.correlation >= MIN_BLURRED_CORRELATION:
            found.append((0.0, proposal))
    order = sorted(range(len(found)), key=lambda at: -found[at][0])
    return [found[at][1] for at in order[:MAX_PROOFS]]


def _proposals(
    query: QueryView, hit: HitView, points: tuple[Matches | None, Matches | None], *, turns: bool, mirror: bool
) -> list[Proposal]:
    wholes = _whole_proposals(query.wholes, hit.small.image, hit.whole, turns=turns, mirror=mirror)
    fitted, size = list[Proposal](), (query.image.shape[1], query.image.shape[0])
    for matches, in_mirror in zip(points, (False, True), strict=True):
        fit = None if matches is None else fit_affine(matches, hit.size)
        if matches is not None and fit is not None and fit.n_inliers >= MIN_INLIERS:
            for matrix in _point_transforms(matches, fit):
                unit = np.diag([1 / hit.size[0], 1 / hit.size[1], 1.0]) @ matrix @ np.diag([*size, 1.0])
                fitted.append(Proposal(unit, in_mirror, fit))
    wholes = [_add_points(each, fitted) for each in wholes]
    return [*wholes, *_strip_proposals(query.strips, hit.strips), *fitted]


def view_query(image: Image, context: RerankContext) -> QueryView:
    side = long_side(image, QUERY_SIDE)
    return QueryView(downscale_to_align(image if side == QUERY_SIDE else context.query_pixels(side), side), context)


def long_side(image: Image, side: int) -> int:
    """The longest side at which an image has as many pixels as one of 4 x 3 has at `side`, where it is elongated."""
    aspect = max(image.shape[:2]) / min(image.shape[:2])
    return side if aspect <= MAX_ASPECT else round(side * np.sqrt(0.75 * aspect))


def view_hit(image_id: int, context: RerankContext) -> HitView:
    """A hit as a whole by its thumbnail, or by its file where a thumbnail shows hardly anything, so long is it."""
    view = context.from_thumbnail(image_id, _hit_view)
    side = long_side(view.small.image, QUERY_SIDE)
    pixels = None if side == QUERY_SIDE else context.pixels(image_id, side)
    return view if pixels is None else replace(_hit_view(pixels), features=_hit_features(pixels))


def describe_hit(image_id: int, context: RerankContext) -> HitView:
    """A hit with its features."""
    view = view_hit(image_id, context)
    if view.features is not None or not context.may_share_details(image_id):
        return view
    return replace(view, features=context.from_thumbnail(image_id, _hit_features))


def _hit_view(thumbnail: Image) -> HitView:
    return HitView(ComparedImage(thumbnail), _standardize_luma(thumbnail), _image_strips(thumbnail))


def _hit_features(thumbnail: Image) -> LocalFeatures:
    return rootsift_features(downscale_to_align(thumbnail, long_side(thumbnail, HIT_SIDE)), HIT_LIMIT)


def in_pixels(proposal: Proposal, query: ComparedImage, hit: ComparedImage) -> Doubles:
    """The transform of a proposal, from pixels of the query to pixels of the hit."""
    (height, width), (hit_height, hit_width) = query.image.shape[:2], hit.image.shape[:2]
    matrix: Doubles = np.diag([hit_width, hit_height, 1.0]) @ proposal.matrix @ np.diag([1 / width, 1 / height, 1.0])
    return matrix


def unit_homography(comparison: OverlapComparison | None, proposal: Proposal) -> Doubles:
    """The transform from unit points of the query as it was given to unit points of the hit."""
    unit: Doubles = proposal.matrix
    if comparison is not None:
        (width, height), (hit_width, hit_height) = comparison.query_size, comparison.hit_size
        to_pixels = np.diag([width, height, 1.0])
        unit = np.diag([1 / hit_width, 1 / hit_height, 1.0]) @ comparison.matrix @ to_pixels
    if proposal.mirrored:
        unit = unit @ _MIRROR
    return np.asarray(unit / unit[2, 2], np.float64)


def _point_transforms(matches: Matches, fit: AffineFit) -> list[Doubles]:
    """The affine transform; before it a projective one, where clearly more matches agree with that."""
    if len(matches) < MIN_PROJECTIVE:
        return [fit.matrix]
    found, near = cv2.findHomography(
        matches.query_points, matches.hit_points, cv2.RANSAC, PROJECTIVE_TOLERANCE, maxIters=300
    )
    if found is None or near.sum() < max(MIN_PROJECTIVE, PROJECTIVE_GAIN * fit.n_inliers):
        return [fit.matrix]
    return [np.asarray(found, np.float64), fit.matrix]


def _add_points(whole: Proposal, fitted: Sequence[Proposal]) -> Proposal:
    """The whole with the matched points of a fitted proposal that is about the same transform."""
    corners = np.array([[[0.0, 0], [1, 0], [1, 1], [0, 1]]])
    for each in fitted:
        apart = cv2.perspectiveTransform(corners, whole.matrix) - cv2.perspectiveTransform(corners, each.matrix)
        if each.mirrored == whole.mirrored and np.abs(apart).max() < MAX_ASPECT_DIFFERENCE:
            return replace(whole, fit=each.fit)
    return whole


def _whole_views(image: Image) -> Iterator[WholeView]:
    """The image turned by right angles, and all that in the mirror."""
    for mirrored in (False, True):
        view, matrix = (image[:, ::-1] if mirrored else image), np.eye(3)
        for turn in range(4):
            if turn:
                view, matrix = np.rot90(view, -1), _TURN @ matrix
            yield WholeView(view.shape[1] / view.shape[0], _standardize_luma(view), matrix, mirrored, turn)


def _whole_proposals(
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


def _image_strips(image: Image) -> tuple[Floats, Floats]:
    """Luma at a width, and turned on its side at a height, of `WHOLE_SIDE` pixels."""
    return _at_width(image), _at_width(image.swapaxes(0, 1))


def _strip_proposals(query: tuple[Floats, Floats], hit: tuple[Floats, Floats]) -> list[Proposal]:
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


def _standardize_luma(image: Image) -> Floats:
    """Luma in `WHOLE_SIDE` x `WHOLE_SIDE` pixels with mean 0 and variance 1; 0 where it is plain."""
    grey = cv2.resize(
        cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY).astype(np.float32),
        (WHOLE_SIDE, WHOLE_SIDE),
        interpolation=cv2.INTER_AREA,
    )
    grey -= grey.mean()
    deviation = float(grey.std())
    return np.asarray(grey / deviation if deviation >= MIN_DEVIATION else np.zeros_like(grey), np.float32)
