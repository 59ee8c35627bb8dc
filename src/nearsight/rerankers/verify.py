"""Is this hit a copy of the query? A transform is proposed by matched points; all that both have in common decides."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from nearsight.geometry.alignment import (
    AffineFit,
    trim_border,
)
from nearsight.geometry.cells import screen_overlap
from nearsight.geometry.ground import compare_on_ground
from nearsight.geometry.overlap import ComparedImage, OverlapComparison, compare_overlap
from nearsight.rerankers._copy_proposals import (
    PROOF_SIDE,
    HitView,
    Proposal,
    QueryView,
    describe_hit,
    in_pixels,
    long_side,
    promising_proposals,
    unit_homography,
    view_hit,
    view_query,
)
from nearsight.rerankers._copy_verdict import CopyVerdict, Judgement, judge_comparison, judge_thumbnail
from nearsight.types import NO_ID, Doubles, Explanation, Floats, Hits, Ids, Image, RerankContext, Reranker

MIN_CLEAR_SHARE = 0.85
"""Share of the thumbnails that agrees from which on the files are compared whole, without a glance at them first."""
MIN_WHOLE_COPY = 0.95
"""Correlation in a few pixels from which on a whole image is compared with the other before any features are taken."""
MIN_GLANCED, MAX_GLANCED_SHARE = 100, 0.12
"""Cells of the files that say something at a glance, and the share of agreeing ones below which it is no copy."""
MAX_NEAR_MISFIT, MAX_NEAR_CHANGE = 0.08, 0.1
"""What is left unexplained and what differs, at most, for the files to be registered once more."""
_AS_WHOLES = (CopyVerdict.EDITED, CopyVerdict.SCENE, CopyVerdict.SURROUNDINGS, CopyVerdict.TEMPLATE)
"""Verdicts after which a ground is looked for that one of both may lie on."""
_WITHIN = (CopyVerdict.PART, CopyVerdict.CONTAINS)
"""Verdicts that are given of images on a ground."""


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
    version = 2

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

    def compare(
        self, image: Image, image_id: int, context: RerankContext, *, points: bool = True
    ) -> tuple[Explanation, float]:
        """What one image is to the query, and log10 of the false alarms to expect among as many images as there are.

        Without `points`, features of a copy that is found as a whole are neither taken nor matched.
        """
        query = _query_view(image, context)
        evidence = None if points else self._prove_as_whole(query, image_id, context)
        if evidence is None:
            self._examine(image, np.array([image_id], np.int64), context)
            evidence = context.memo[self][image_id]
        return self._explain_hit(evidence), evidence.judgement.log_nfa

    def _prove_as_whole(self, query: QueryView, image_id: int, context: RerankContext) -> Evidence | None:
        """The evidence for a copy of all of the query, which no features can add to; None without that."""
        hit = view_hit(image_id, context)
        proposals = promising_proposals(query, [replace(hit, features=None)], turns=self.turns, mirror=self.mirror)[0]
        clear = [each for each in proposals if each.correlation >= MIN_WHOLE_COPY and each.share >= MIN_CLEAR_SHARE]
        evidence = self._prove(query, image_id, hit, clear, context)
        return evidence if _RANKS[evidence.judgement.verdict] <= _RANKS[CopyVerdict.COPY] else None

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
        query = _query_view(image, context)
        with ThreadPoolExecutor(min(len(new), os.cpu_count() or 1)) as pool:
            described = list(pool.map(lambda id: describe_hit(id, context), new))
            proposed = promising_proposals(query, described, turns=self.turns, mirror=self.mirror)
            found = pool.map(
                lambda image_id, hit, proposals: self._prove(query, image_id, hit, proposals, context),
                *(new, described, proposed),
            )
            examined.update(zip(new, found, strict=True))

    def _prove(
        self,
        query: QueryView,
        image_id: int,
        hit: HitView,
        proposals: list[Proposal],
        context: RerankContext,
    ) -> Evidence:
        """The evidence for one hit: the files decide, where they can be opened."""
        size = query.image.shape[1], query.image.shape[0]
        if not proposals:
            sentence = "no part of it was found that agrees with the query"
            nothing = Judgement(CopyVerdict.NOT_A_COPY, sentence, float("inf"))
            return Evidence(nothing, query_size=size, hit_size=hit.size)
        pixels = context.pixels(image_id, long_side(hit.small.image, PROOF_SIDE))
        large = None if pixels is None else ComparedImage(pixels)
        if large is not None and _nearly_equal(query.large.image, large.image) and context.has_same_pixels(image_id):
            same = Judgement(CopyVerdict.IDENTICAL_IMAGE, "the same pixels in another file", -MAX_STRENGTH)
            return Evidence(same, np.eye(3), query_size=size, hit_size=hit.size)
        evidence = list[Evidence]()
        for proposal in proposals:
            first, second = (query.small, hit.small) if large is None else (query.large, large)
            if (judgement := _refuse_at_a_glance(first, second, proposal)) is None:
                judgement, comparison = self._judge_proposal(first, second, proposal, context.n_images)
            else:
                comparison = None
            if large is None and judgement.verdict.alike:
                judgement = judge_thumbnail(judgement, comparison)
            homography = unit_homography(comparison, proposal)
            evidence.append(
                Evidence(judgement, homography, proposal.mirrored, proposal.fit, size, hit.size, large is None)
            )
            if judgement.verdict in (CopyVerdict.COPY, CopyVerdict.PART, CopyVerdict.CONTAINS):
                break
        verdicts = {each.judgement.verdict for each in evidence}
        if CopyVerdict.TEMPLATE in verdicts:  # what one transform shows to be a form is no edited copy by another one
            evidence = [each for each in evidence if each.judgement.verdict is not CopyVerdict.EDITED]
        return min(evidence, key=lambda each: _rank(each.judgement))

    def _judge_proposal(
        self, query: ComparedImage, hit: ComparedImage, proposal: Proposal, n_images: int
    ) -> tuple[Judgement, OverlapComparison | None]:
        """The verdict under a proposal; what is nearly explained is registered once more, by a projective transform."""

        def judge(projective: bool) -> tuple[Judgement, OverlapComparison | None]:
            found = _compare(query, hit, proposal, projective=projective)
            return judge_comparison(found, 8 * n_images, mirrored=proposal.mirrored, alarms=self.alarms), found

        judgement, first = best = judge(projective=False)
        if judgement.verdict not in _AS_WHOLES or first is None:
            return best
        near = first.misfit <= MAX_NEAR_MISFIT and first.changed_share <= MAX_NEAR_CHANGE
        if judgement.verdict is CopyVerdict.SCENE and near:
            best = min((judge(projective=True), best), key=lambda each: _rank(each[0]))
        if best[0].verdict not in _AS_WHOLES:
            return best
        given = query.mirrored if proposal.mirrored else query
        for each in compare_on_ground(given, hit, first):
            judgement = judge_comparison(each, 32 * n_images, mirrored=proposal.mirrored, alarms=self.alarms)
            if judgement.verdict in _WITHIN:
                return judgement, each
        return best

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


def _query_view(image: Image, context: RerankContext) -> QueryView:
    """The query as it is compared, made once."""
    if QueryView not in context.memo:
        context.memo[QueryView] = view_query(image, context)
    found: QueryView = context.memo[QueryView]
    return found


def _rank(judgement: Judgement) -> tuple[int, float]:
    return _RANKS[judgement.verdict], judgement.log_nfa


MAX_DECODING_DIFFERENCE = 4.0
"""Levels by which equal images differ on average, where one was reduced while it was decoded, or kept as a JPEG."""


def _nearly_equal(query: Image, hit: Image) -> bool:
    """Whether it is worth while to compare all pixels."""
    return query.shape == hit.shape and float(cv2.absdiff(query, hit).mean()) < MAX_DECODING_DIFFERENCE


def _refuse_at_a_glance(query: ComparedImage, hit: ComparedImage, proposal: Proposal) -> Judgement | None:
    """That it is no copy, where hardly any cell agrees in which both have structure; None where that is not clear."""
    if proposal.share >= MIN_CLEAR_SHARE:
        return None
    given = query.mirrored if proposal.mirrored else query
    agreeing, told = screen_overlap(given.image, hit.image, in_pixels(proposal, given, hit), both=True)
    if told < MIN_GLANCED or agreeing >= MAX_GLANCED_SHARE * told:
        return None
    sentence = f"{100 * (1 - agreeing / told):.0f} % of {told} compared cells differ"
    return Judgement(CopyVerdict.NOT_A_COPY, sentence, float("inf"))


def _compare(
    query: ComparedImage, hit: ComparedImage, proposal: Proposal, *, projective: bool
) -> OverlapComparison | None:
    """Both images compared under a proposal."""
    given = query.mirrored if proposal.mirrored else query
    return compare_overlap(given, hit, in_pixels(proposal, given, hit), projective=projective)


def _mirrored_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    return 1 - box[2], box[1], 1 - box[0], box[3]
