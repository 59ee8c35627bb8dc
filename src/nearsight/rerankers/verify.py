"""Is this hit a copy of the query? A transform is proposed by matched points; all that both have in common decides."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from nearsight.features.sift import mirror_features
from nearsight.geometry.alignment import (
    AffineFit,
    downscale_to_align,
    fit_affine,
    rootsift_features,
    trim_border,
)
from nearsight.geometry.matching import Matches, match_each
from nearsight.geometry.overlap import ComparedImage, OverlapComparison, compare_overlap, screen_overlap
from nearsight.rerankers._copy_proposals import (
    Proposal,
    WholeView,
    add_points,
    image_strips,
    point_transforms,
    standardize_luma,
    strip_proposals,
    whole_proposals,
    whole_views,
)
from nearsight.rerankers._copy_verdict import MIN_TONES, CopyVerdict, Judgement, judge_comparison
from nearsight.types import (
    NO_ID,
    Doubles,
    Explanation,
    Floats,
    Hits,
    Ids,
    Image,
    LocalFeatures,
    RerankContext,
    Reranker,
)

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
MIN_CLEAR_SHARE = 0.85
"""Share of the thumbnails that agrees from which on the files are compared whole, without a glance at them first."""
MIN_GLANCED, MAX_GLANCED_SHARE = 100, 0.12
"""Cells of the files that say something at a glance, and the share of agreeing ones below which it is no copy."""
MAX_PROOFS = 2
"""Transforms that are tried on the files of one hit."""
MAX_NEAR_MISFIT, MAX_NEAR_CHANGE = 0.06, 0.1
"""What is left unexplained and what differs, at most, for the files to be registered once more."""
PROJECTIVE_WEIGHT = 0.9
"""What the agreement under a projective transform counts: an affine one that explains as much goes first."""
_MIRROR = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])


@dataclass(frozen=True)
class Evidence:
    """What was found out about one hit.

    `homography (3, 3)` maps unit points of the query as it was given to unit points of the hit; `fit` holds the matched
    points where there are some, in the pixels of thumbnails of `query_size` and `hit_size`; `at_thumbnail` says that
    the file could not be opened.
    """

    judgement: Judgement
    homography: Doubles | None = None
    mirrored: bool = False
    fit: AffineFit | None = None
    query_size: tuple[int, int] = (1, 1)
    hit_size: tuple[int, int] = (1, 1)
    at_thumbnail: bool = False

    def points(self) -> tuple[Floats, Floats] | tuple[None, None]:
        """Agreeing unit points `(n, 2) float32` of the query as it was given, and of the hit; None without any."""
        if self.fit is None:
            return None, None
        query, hit = self.fit.query_points / self.query_size, self.fit.hit_points / self.hit_size
        query = query * [-1, 1] + [1, 0] if self.mirrored else query
        return query.astype(np.float32), hit.astype(np.float32)


@dataclass(frozen=True, eq=False)
class _QueryView:
    """The query's thumbnail, its features and those of its mirror image, and the query at the side of a proof."""

    image: Image
    features: LocalFeatures
    context: RerankContext

    @cached_property
    def mirrored_features(self) -> LocalFeatures:
        return mirror_features(self.features, self.image.shape[1])

    @cached_property
    def wholes(self) -> list[WholeView]:
        return list(whole_views(self.image))

    @cached_property
    def strips(self) -> tuple[Floats, Floats]:
        return image_strips(self.image)

    @cached_property
    def small(self) -> ComparedImage:
        return ComparedImage(self.image)

    @cached_property
    def large(self) -> ComparedImage:
        return ComparedImage(self.context.query_pixels(_long_side(self.image, PROOF_SIDE)))


@dataclass(frozen=True, eq=False)
class _HitView:
    """A hit's thumbnail as a whole and as strips, and the features of a smaller one; None where none can match."""

    small: ComparedImage
    whole: Floats
    strips: tuple[Floats, Floats]
    features: LocalFeatures | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what the features were found in."""
        return (1, 1) if self.features is None else self.features.size


@dataclass(frozen=True)
class Verify(Reranker):
    """Moves copies of the query to the front, and says what each hit is to the query and why.

    1. Transforms are proposed on thumbnails: that of the whole image, also turned by right angles or in the mirror; and
       affine ones on which matches of SIFT features with RootSIFT descriptors agree, of the query at 256 pixels and of
       the hit at 176: mutual nearest neighbours that beat 0.85 times the distance of the second nearest.
    2. The thumbnails are compared over all that they have in common under each proposal (`geometry.overlap`). A hit
       of which hardly a part agrees is no copy.
    3. Otherwise both files are opened and compared at 1024 pixels, where letters and lines differ: the transform is
       corrected to a fraction of a pixel, sharpness and tone are made alike, and the structure and colour of each cell
       are compared beyond the noise of both.
    4. The verdict says what was proved (`docs/alike.md`): identical image, copy, edited copy, part, contains, same
       template, same surroundings, same scene, not a copy; or nothing, where the image is too plain to judge.
    5. NFA = images in the collection x transforms tried x 0.3 to the power of the cells that agree, those of a coarse
       scale counting less: the number of images that would agree so by accident. It must be at most `alarms`. What
       agrees for a reason, such as a form or a background, is told from copies by what differs.
    6. Copies of any kind go first, least NFA first; then images that share the template, the scene or the surroundings;
       all others follow with their scores in their order.

    At least `n` hits are examined, all that were asked for, and more as long as the last ones are copies.

    An index of whole images does not see through turns and frames. It is asked with the query and its mirror image,
    and with guesses, turned by right angles and without a plain border, which count where they are nearer than both.

    Parameters
    ----------
    n : hits examined at least, 1 or more
    mirror : also look for mirrored copies
    turns : also look for copies turned by right angles
    trim : also look for the original of an image in a plain frame
    alarms : false alarms tolerated per query, above 0 and at most 1

    Returns
    -------
    Hits `(1, k)`: the same ids; those that are put first score above all others.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    L. Moisan, B. Stival, "A probabilistic criterion to detect rigid point matches between two images and estimate the
    fundamental matrix", IJCV 57(3), 2004 (the number of false alarms).
    D. G. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60(2), 2004.

    Notes
    -----
    Departures: matched points propose a transform only; what decides is the comparison of all pixels.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> noise = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3), dtype=np.uint8)
    >>> first, second = (np.kron(image, np.ones((8, 8, 1), np.uint8)) for image in noise)
    >>> query = np.ascontiguousarray(first[20:170, ::-1])
    >>> context = SimpleNamespace(n_images=2, memo={}, report=None, query_pixels=lambda side: query,
    ...     may_share_details=lambda image_id: True,
    ...     pixels=lambda image_id, side: (first, second)[image_id],
    ...     from_thumbnail=lambda image_id, make: make((first, second)[image_id]))
    >>> hits = Hits(np.array([[1, 0]]), np.array([[0.9, 0.8]], np.float32))
    >>> Verify().rerank(query, hits, context).ids.tolist()
    [[0, 1]]
    >>> [reason.verdict for reason in Verify().explain(query, np.array([0, 1]), context)]
    ['part', 'not a copy']
    """

    n: int = 20
    mirror: bool = True
    turns: bool = True
    trim: bool = True
    alarms: float = 0.01

    gives_verdict = True

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"verify looks at 1 hit or more; got n={self.n}")
        if not 0 < self.alarms <= 1:
            raise ValueError(f"false alarms per query are above 0 and at most 1; got alarms={self.alarms}")

    @property
    def depth(self) -> int:
        """As many hits as it looks at."""
        return self.n

    def query_views(self, image: Image) -> list[Image]:
        """The image, and in the mirror where mirrored copies are looked for."""
        return self._with_mirror_images([image])

    def speculative_views(self, image: Image) -> list[Image]:
        """The image turned by right angles and without its border, as far as such copies are looked for."""
        inner = trim_border(image) if self.trim else None
        turned = [np.rot90(image, turn) for turn in (1, 2, 3)] if self.turns else []
        return self._with_mirror_images(turned if inner is None else [*turned, inner])

    def _with_mirror_images(self, views: list[Image]) -> list[Image]:
        both = views + [view[:, ::-1] for view in views] if self.mirror else views
        return [np.ascontiguousarray(view) for view in both]

    def rerank(self, image: Image, hits: Hits, context: RerankContext) -> Hits:
        """Copies first, by evidence; then what agrees in part; then the others as the index had them."""
        ids, scores = hits.ids[0], hits.scores[0]
        self._judge(image, ids[ids != NO_ID], hits, context)
        ids, scores = self._with_further_copies(image, ids, scores, context)
        return self._copies_first(ids, scores, context)

    def _judge(self, image: Image, new: Ids, hits: Hits, context: RerankContext) -> None:
        """Examine the new ones of these hits; report in between, if anybody watches."""
        for group in _groups(new, context):
            self._examine(image, group, context)
            if context.report is not None:
                context.report(self, self._copies_first(hits.ids[0], hits.scores[0], context))

    def _copies_first(self, ids: Ids, scores: Floats, context: RerankContext) -> Hits:
        """The hits in the order of what was found out about them so far."""
        examined = context.memo[self]
        strength = np.array([self._strength(examined.get(id)) for id in ids.tolist()], np.float32)
        order = np.argsort(-strength, kind="stable")
        top = scores[np.isfinite(scores)].max(initial=0.0)
        raised = np.where(strength > 0, top + 1 + strength, scores)
        return Hits(ids[None, order], raised[None, order].astype(np.float32))

    def explain(self, image: Image, ids: Ids, context: RerankContext) -> list[Explanation | None]:
        """The evidence for each hit that was examined; where none was yet, for these."""
        if self not in context.memo:
            self._examine(image, ids[ids != NO_ID], context)
        examined = context.memo[self]
        return [self._explain_hit(examined[id]) if id in examined else None for id in ids.tolist()]

    def _with_further_copies(
        self, image: Image, ids: Ids, scores: Floats, context: RerankContext
    ) -> tuple[Ids, Floats]:
        """The hits, and further ones of the index as long as the last that were examined are copies."""
        while len(ids) < context.n_images and len(ids) >= FURTHER and (ids[-FURTHER:] != NO_ID).all():
            if not all(self._is_copy(context.memo[self].get(id)) for id in ids[-FURTHER:].tolist()):
                break
            found = context.search(context.query_vector[None], min(2 * len(ids), context.n_images))
            new = ~np.isin(found.ids[0], ids) & (found.ids[0] != NO_ID)
            if not new.any():
                break
            ids, scores = np.concatenate([ids, found.ids[0][new]]), np.concatenate([scores, found.scores[0][new]])
            self._judge(image, found.ids[0][new], Hits(ids[None], scores[None]), context)
        return ids, scores

    def _examine(self, image: Image, ids: Ids, context: RerankContext) -> None:
        """Keep the evidence for these hits for the rest of this query.

        Features are taken in threads, and files are compared in threads. Matching waits for both: its matrix products
        bring threads of their own.
        """
        examined: dict[int, Evidence] = context.memo.setdefault(self, {})
        new = [id for id in dict.fromkeys(ids.tolist()) if id not in examined]
        if not new:
            return
        query = context.memo.setdefault(_QueryView, None) or _query_view(image, context)
        context.memo[_QueryView] = query
        with ThreadPoolExecutor(min(len(new), os.cpu_count() or 1)) as pool:
            described = list(pool.map(lambda id: _describe_hit(id, context), new))
            proposed = self._promising(query, described)
            found = pool.map(
                lambda image_id, hit, proposals: self._prove(query, image_id, hit, proposals, context),
                *(new, described, proposed),
            )
            examined.update(zip(new, found, strict=True))

    def _promising(self, query: _QueryView, hits: Sequence[_HitView]) -> list[list[Proposal]]:
        """For each hit, the proposals under which the thumbnails agree well enough for a second look."""
        described = [hit.features for hit in hits if hit.features is not None]
        matches = iter(match_each(query.features, described))
        mirrored = iter(match_each(query.mirrored_features, described) if self.mirror else [None] * len(described))
        return [
            self._promising_of(query, hit, *((None, None) if hit.features is None else (next(matches), next(mirrored))))
            for hit in hits
        ]

    def _promising_of(
        self, query: _QueryView, hit: _HitView, matches: Matches | None, mirrored: Matches | None
    ) -> list[Proposal]:
        """Those of one hit, the best first."""
        found = list[tuple[float, Proposal]]()
        for proposal in self._proposals(query, hit, matches, mirrored):
            given = query.small.mirrored if proposal.mirrored else query.small
            agreeing, told = screen_overlap(given.image, hit.small.image, _in_pixels(proposal, given, hit.small))
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
        self, query: _QueryView, hit: _HitView, straight: Matches | None, mirrored: Matches | None
    ) -> list[Proposal]:
        wholes = whole_proposals(query.wholes, hit.small.image, hit.whole, turns=self.turns, mirror=self.mirror)
        fitted, size = list[Proposal](), (query.image.shape[1], query.image.shape[0])
        for matches, in_mirror in ((straight, False), (mirrored, True)):
            fit = None if matches is None else fit_affine(matches, hit.size)
            if matches is not None and fit is not None and fit.n_inliers >= MIN_INLIERS:
                for matrix in point_transforms(matches, fit):
                    unit = np.diag([1 / hit.size[0], 1 / hit.size[1], 1.0]) @ matrix @ np.diag([*size, 1.0])
                    fitted.append(Proposal(unit, in_mirror, fit))
        wholes = [add_points(each, fitted) for each in wholes]
        return [*wholes, *strip_proposals(query.strips, hit.strips), *fitted]

    def _prove(
        self,
        query: _QueryView,
        image_id: int,
        hit: _HitView,
        proposals: list[Proposal],
        context: RerankContext,
    ) -> Evidence:
        """The evidence for one hit: the files decide, where they can be opened."""
        size = query.image.shape[1], query.image.shape[0]
        if not proposals:
            sentence = "no part of it was found that agrees with the query"
            nothing = Judgement(CopyVerdict.NOT_A_COPY, sentence, float("inf"))
            return Evidence(nothing, query_size=size, hit_size=hit.size)
        pixels = context.pixels(image_id, _long_side(hit.small.image, PROOF_SIDE))
        large = None if pixels is None else ComparedImage(pixels)
        if large is not None and _nearly_equal(query.large.image, large.image) and context.has_same_pixels(image_id):
            same = Judgement(CopyVerdict.IDENTICAL_IMAGE, "the same pixels in another file", -MAX_STRENGTH)
            return Evidence(same, np.eye(3), query_size=size, hit_size=hit.size)
        best: Evidence | None = None
        for proposal in proposals:
            first, second = (query.small, hit.small) if large is None else (query.large, large)
            if (judgement := _refuse_at_a_glance(first, second, proposal)) is None:
                judgement, comparison = self._judge_proposal(first, second, proposal, context.n_images)
            else:
                comparison = None
            if large is None and judgement.verdict.alike:
                judgement = _at_thumbnail(judgement, comparison)
            homography = _unit_homography(comparison, proposal)
            found = Evidence(judgement, homography, proposal.mirrored, proposal.fit, size, hit.size, large is None)
            if best is None or _rank(found.judgement) < _rank(best.judgement):
                best = found
            if judgement.verdict in (CopyVerdict.COPY, CopyVerdict.PART, CopyVerdict.CONTAINS):
                break
        assert best is not None
        return best

    def _judge_proposal(
        self, query: ComparedImage, hit: ComparedImage, proposal: Proposal, n_images: int
    ) -> tuple[Judgement, OverlapComparison | None]:
        """The verdict under a proposal; what is nearly explained is registered once more, by a projective transform."""

        def judge(projective: bool) -> tuple[Judgement, OverlapComparison | None]:
            found = _compare(query, hit, proposal, projective=projective)
            return judge_comparison(found, 8 * n_images, mirrored=proposal.mirrored, alarms=self.alarms), found

        judgement, comparison = judge(projective=False)
        if judgement.verdict is not CopyVerdict.SCENE or comparison is None:
            return judgement, comparison
        if comparison.misfit > MAX_NEAR_MISFIT or comparison.changed_share > MAX_NEAR_CHANGE:
            return judgement, comparison
        return min((judge(projective=True), (judgement, comparison)), key=lambda each: _rank(each[0]))

    def _is_copy(self, evidence: Evidence | None) -> bool:
        return evidence is not None and evidence.judgement.verdict.alike is True

    def _strength(self, evidence: Evidence | None) -> float:
        """How a copy ranks among copies, and after them what shares its scene or form; 0 for all others."""
        verdict = None if evidence is None else evidence.judgement.verdict
        if evidence is None or verdict in (None, CopyVerdict.TOO_PLAIN, CopyVerdict.NOT_A_COPY):
            return 0.0
        certainty = float(np.clip(-evidence.judgement.log_nfa, 1, MAX_STRENGTH))
        return MAX_STRENGTH * (len(_RANKS) - _RANKS[evidence.judgement.verdict]) + certainty

    def _explain_hit(self, evidence: Evidence) -> Explanation:
        query, hit = evidence.points()
        judgement, verdict = evidence.judgement, evidence.judgement.verdict
        similarity = 1 / (1 + 10**judgement.log_nfa) if verdict.alike else None
        changes = judgement.changes
        if evidence.mirrored:
            changes = tuple(replace(each, query_box=_mirrored_box(each.query_box)) for each in changes)
        homography = evidence.homography if verdict.alike or changes else None
        return Explanation(
            judgement.sentence, str(verdict), verdict.alike, similarity, query, hit, homography, changes=changes
        )


MIN_GROUP = 4
"""The least number of hits that are examined between two reports."""
FURTHER, MAX_STRENGTH = 5, 300.0
"""Copies in a row at the end of what was examined that make it go on; and -log10 of the NFA beyond which all is one."""
_RANKS = {
    verdict: rank
    for rank, verdicts in enumerate(
        (
            (CopyVerdict.IDENTICAL_FILE, CopyVerdict.IDENTICAL_IMAGE),
            (CopyVerdict.COPY,),
            (CopyVerdict.PART, CopyVerdict.CONTAINS),
            (CopyVerdict.EDITED,),
            (CopyVerdict.TEMPLATE,),
            (CopyVerdict.SCENE,),
            (CopyVerdict.SURROUNDINGS,),
            (CopyVerdict.TOO_PLAIN,),
            (CopyVerdict.NOT_A_COPY,),
        )
    )
    for verdict in verdicts
}


def _groups(ids: Ids, context: RerankContext) -> list[Ids]:
    """Hits that are examined before anything is reported: all of them where nobody watches.

    A group keeps all processors busy; of many hits the groups are larger, since each report is about all of them.
    """
    size = max(MIN_GROUP, os.cpu_count() or 1, math.isqrt(len(ids)))
    return [ids] if context.report is None else np.split(ids, range(size, len(ids), size))


def _rank(judgement: Judgement) -> tuple[int, float]:
    return _RANKS[judgement.verdict], judgement.log_nfa


MAX_DECODING_DIFFERENCE = 4.0
"""Levels by which equal images differ on average, where one was reduced while it was decoded, or kept as a JPEG."""


def _nearly_equal(query: Image, hit: Image) -> bool:
    """Whether it is worth while to compare all pixels."""
    return query.shape == hit.shape and float(cv2.absdiff(query, hit).mean()) < MAX_DECODING_DIFFERENCE


def _query_view(image: Image, context: RerankContext) -> _QueryView:
    side = _long_side(image, QUERY_SIDE)
    small = downscale_to_align(image if side == QUERY_SIDE else context.query_pixels(side), side)
    return _QueryView(small, rootsift_features(small, QUERY_LIMIT), context)


def _long_side(image: Image, side: int) -> int:
    """The longest side at which an image has as many pixels as one of 4 x 3 has at `side`, where it is elongated."""
    aspect = max(image.shape[:2]) / min(image.shape[:2])
    return side if aspect <= MAX_ASPECT else round(side * np.sqrt(0.75 * aspect))


def _describe_hit(image_id: int, context: RerankContext) -> _HitView:
    """A hit by its thumbnail, or by its file where it is so long that a thumbnail shows hardly anything of it."""
    view = context.from_thumbnail(image_id, _hit_view)
    side = _long_side(view.small.image, QUERY_SIDE)
    pixels = None if side == QUERY_SIDE else context.pixels(image_id, side)
    if pixels is not None:
        return replace(_hit_view(pixels), features=_hit_features(pixels))
    if not context.may_share_details(image_id):
        return view
    return replace(view, features=context.from_thumbnail(image_id, _hit_features))


def _hit_view(thumbnail: Image) -> _HitView:
    return _HitView(ComparedImage(thumbnail), standardize_luma(thumbnail), image_strips(thumbnail))


def _hit_features(thumbnail: Image) -> LocalFeatures:
    return rootsift_features(downscale_to_align(thumbnail, _long_side(thumbnail, HIT_SIDE)), HIT_LIMIT)


def _refuse_at_a_glance(query: ComparedImage, hit: ComparedImage, proposal: Proposal) -> Judgement | None:
    """That it is no copy, where hardly any cell agrees in which both have structure; None where that is not clear."""
    if proposal.share >= MIN_CLEAR_SHARE:
        return None
    given = query.mirrored if proposal.mirrored else query
    agreeing, told = screen_overlap(given.image, hit.image, _in_pixels(proposal, given, hit), both=True)
    if told < MIN_GLANCED or agreeing >= MAX_GLANCED_SHARE * told:
        return None
    sentence = f"{100 * (1 - agreeing / told):.0f} % of {told} compared cells differ"
    return Judgement(CopyVerdict.NOT_A_COPY, sentence, float("inf"))


def _compare(
    query: ComparedImage, hit: ComparedImage, proposal: Proposal, *, projective: bool
) -> OverlapComparison | None:
    """Both images compared under a proposal."""
    given = query.mirrored if proposal.mirrored else query
    return compare_overlap(given, hit, _in_pixels(proposal, given, hit), projective=projective)


def _in_pixels(proposal: Proposal, query: ComparedImage, hit: ComparedImage) -> Doubles:
    """The transform of a proposal, from pixels of the query to pixels of the hit."""
    (height, width), (hit_height, hit_width) = query.image.shape[:2], hit.image.shape[:2]
    matrix: Doubles = np.diag([hit_width, hit_height, 1.0]) @ proposal.matrix @ np.diag([1 / width, 1 / height, 1.0])
    return matrix


def _unit_homography(comparison: OverlapComparison | None, proposal: Proposal) -> Doubles:
    """The transform from unit points of the query as it was given to unit points of the hit."""
    unit: Doubles = proposal.matrix
    if comparison is not None:
        (width, height), (hit_width, hit_height) = comparison.query_size, comparison.hit_size
        to_pixels = np.diag([width, height, 1.0])
        unit = np.diag([1 / hit_width, 1 / hit_height, 1.0]) @ comparison.matrix @ to_pixels
    if proposal.mirrored:
        unit = unit @ _MIRROR
    return np.asarray(unit / unit[2, 2], np.float64)


def _mirrored_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    return 1 - box[2], box[1], 1 - box[0], box[3]


def _at_thumbnail(judgement: Judgement, comparison: OverlapComparison | None) -> Judgement:
    """What remains proved where only the thumbnail is left: nothing of a page, whose letters it does not show."""
    if comparison is None or comparison.n_tones < MIN_TONES:
        sentence = "its file cannot be opened as it was indexed, and a thumbnail does not show enough to judge"
        return Judgement(CopyVerdict.TOO_PLAIN, sentence, judgement.log_nfa)
    sentence = f"{judgement.sentence}; compared by its thumbnail, its file cannot be opened as it was indexed"
    return replace(judgement, sentence=sentence)
