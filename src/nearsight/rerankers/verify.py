"""Is this hit an altered copy of the query? Matched points and pixels decide, not the index."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.alignment import (
    AffineFit,
    compute_log_nfa,
    downscale_to_align,
    fit_affine,
    mirror_features,
    pixel_correlation,
    rootsift_features,
    trim_border,
)
from nearsight.geometry.matching import match_mutual_nearest
from nearsight.types import NO_ID, Explanation, Floats, Hits, Ids, Image, LocalFeatures, RerankContext, Reranker

QUERY_SIDE, QUERY_LIMIT = 256, 400
HIT_SIDE, HIT_LIMIT = 176, 200
"""Pixels and features of the query, looked at once, and of each hit; chosen by measurement for 20 hits in 100 ms."""
MAX_LOG_EVIDENCE = 30.0
"""-log10 of the NFA beyond which more points say nothing more: they are many where an image has much texture."""
MIN_CORRELATION = 0.7
"""The least agreement of the pixels of a copy."""
MAX_CELL_DIFFERENCE, GRID, MAX_ASPECT_DIFFERENCE, MIN_CELL_CONTRAST = 8.0, 16, 0.03, 32.0
"""Levels of 255 by which the cells of a grid may differ in images that are the same but for re-saving and scale; the
share by which their proportions may; and the levels by which cells of one image must differ for that to say much."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for a hit.

    `alarms` is log10 of its expected false alarms, `pixels` the agreement of the pixels under the transform, and
    `difference` how far the most different part of the whole image differs, in levels of 255.
    """

    log_nfa: float = float("inf")
    correlation: float = 0.0
    difference: float = float("inf")
    mirrored: bool = False
    affine: AffineFit | None = None
    query_size: tuple[int, int] = (1, 1)
    hit_size: tuple[int, int] = (1, 1)

    @property
    def homography(self) -> NDArray[np.float64]:
        """The transform `(3, 3)` from unit points of the query as it was given to unit points of the hit."""
        if self.affine is None:
            return np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]]) if self.mirrored else np.eye(3)
        back = np.diag([1 / self.hit_size[0], 1 / self.hit_size[1], 1.0])
        unit = back @ self.affine.matrix @ np.diag([*self.query_size, 1.0])
        return unit @ np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]]) if self.mirrored else unit

    def points(self) -> tuple[Floats, Floats]:
        """Agreeing unit points `(n, 2) float32` of the query as it was given, and of the hit."""
        assert self.affine is not None
        query, hit = self.affine.query_points / self.query_size, self.affine.hit_points / self.hit_size
        query = query * [-1, 1] + [1, 0] if self.mirrored else query
        return query.astype(np.float32), hit.astype(np.float32)


@dataclass(frozen=True)
class _QueryView:
    """The query as given, or in the mirror: its pixels and its features."""

    image: Image
    features: LocalFeatures
    mirrored: bool


@dataclass(frozen=True)
class Verify(Reranker):
    """Moves altered copies of the query to the front, and says which hits are copies and why.

    1. SIFT features with RootSIFT descriptors are taken of the query at 256 pixels and of each of the first `n` hits
       at 176, and matched: mutual nearest neighbours that beat 0.85 times the distance of the second nearest.
    2. One affine transform is sought on which most matches agree within 3 pixels, and in SIFT scale and angle; matches
       that crowd into one place count once, and points on one line not at all.
    3. NFA = images in the collection x views x C(m, 3) x P(k - 3 or more of m - 3 random matches agree): the number
       of hits as good as this one to expect by chance in the whole collection. It must be at most `alarms`, so a copy
       needs more evidence in a larger collection.
    4. The hit is laid over the query by that transform; in half of the blocks the pixels must correlate by 0.7.
    5. An image that is the same as a whole, but for its size and re-saving, passes without points: smooth ones have
       none. No cell of a 16 x 16 grid may differ by more than 8 levels of 255 on the mean, and it must not be plain.
    6. Hits that pass go first, least NFA first; those beyond doubt (below 1e-30) by how well the pixels agree.
       All others follow with their scores in their order: moving hits up for a few agreeing points does more harm
       than good.

    An index of whole images does not find rotated or framed copies. It is searched with the query and its mirror image,
    and with guesses, turned by right angles and without a plain border, which count where they are nearer than both.

    Parameters
    ----------
    n : hits that are examined, 1 or more
    mirror : also look for mirrored copies
    turns : also look for copies turned by right angles
    trim : also look for the original of an image in a plain frame
    alarms : false alarms tolerated per query, above 0 and at most 1

    Returns
    -------
    Hits `(1, k)`: the same ids; accepted ones score above all others.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    References
    ----------
    L. Moisan, B. Stival, "A probabilistic criterion to detect rigid point matches between two images and estimate the
    fundamental matrix", IJCV 57(3), 2004.
    D. G. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 60(2), 2004.

    Notes
    -----
    Departures: the model has three free points and a fixed tolerance, so nothing is multiplied in for the choice of
    one. Random matches are not independent and not spread evenly: similar things in similar poses match alike. The
    chance of one is therefore thrice its area, agreement in scale and angle is required but not credited, and what is
    left (drawings of one series, two views of one building) is refused by the pixels. The promise is
    not kept everywhere: `benchmarks/copies.py` lists what is accepted of images that have no copy. Shots of one burst
    that do not move against each other pass: their pixels do agree.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> noise = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3), dtype=np.uint8)
    >>> first, second = (np.kron(image, np.ones((8, 8, 1), np.uint8)) for image in noise)
    >>> context = SimpleNamespace(n_images=2, memo={},
    ...     from_thumbnail=lambda image_id, make: make((first, second)[image_id]))
    >>> hits = Hits(np.array([[1, 0]]), np.array([[0.9, 0.8]], np.float32))
    >>> query = np.ascontiguousarray(first[20:170, ::-1])
    >>> Verify().rerank(query, hits, context).ids.tolist()
    [[0, 1]]
    >>> [reason.verdict for reason in Verify().explain(query, np.array([0, 1]), context)]
    ['mirrored copy', 'not a copy']
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

    def rerank(self, image: Image, hits: Hits, rows: RerankContext) -> Hits:
        """Copies first, by evidence; then the others as the index had them."""
        ids, scores = hits.ids[0], hits.scores[0]
        looked = self._verify_hits(image, ids[ids != NO_ID][: self.n], rows)
        strength = np.array([self._strength(looked.get(id)) for id in ids.tolist()], np.float32)
        accepted = strength > 0
        order = np.argsort(-strength, kind="stable")
        top = scores[np.isfinite(scores)].max(initial=0.0)
        raised = np.where(accepted, top + 1 + strength, scores)
        return Hits(ids[None, order], raised[None, order].astype(np.float32))

    def explain(self, image: Image, ids: Ids, rows: RerankContext) -> list[Explanation | None]:
        """The evidence for each hit that was looked at; where none was yet, for the first `n` of these."""
        looked = rows.memo.get(self) or self._verify_hits(image, ids[ids != NO_ID][: self.n], rows)
        return [self._explain_hit(looked[id], rows.n_images) if id in looked else None for id in ids.tolist()]

    def _verify_hits(self, image: Image, ids: Ids, context: RerankContext) -> dict[int, Evidence]:
        """The evidence for these hits, kept for the rest of this query.

        Features are taken in threads. Matching waits for them: its matrix products bring threads of their own, and
        both at once would wait for each other.
        """
        looked: dict[int, Evidence] = context.memo.setdefault(self, {})
        new = np.array([id for id in ids.tolist() if id not in looked], np.int64)
        if len(new):
            with ThreadPoolExecutor(min(len(new), os.cpu_count() or 1)) as pool:
                views = pool.submit(_views_to_verify, image, self.mirror)
                described = list(pool.map(lambda id: context.from_thumbnail(id, _hit_features), new.tolist()))
            found = (gather_evidence(views.result(), *hit, context.n_images) for hit in described)
            looked.update(zip(new.tolist(), found, strict=True))
        return looked

    def _is_copy(self, evidence: Evidence | None) -> bool:
        return evidence is not None and (
            _is_verified_whole(evidence)
            or (evidence.log_nfa <= np.log10(self.alarms) and evidence.correlation >= MIN_CORRELATION)
        )

    def _strength(self, evidence: Evidence | None) -> float:
        """-log10 of the NFA as far as it says more, then how well the pixels agree; 0 where it is no copy."""
        if evidence is None or not self._is_copy(evidence):
            return 0.0
        return (
            MAX_LOG_EVIDENCE + 1 + 1 / (1 + evidence.difference)
            if _is_verified_whole(evidence)
            else min(-evidence.log_nfa, MAX_LOG_EVIDENCE) + evidence.correlation
        )

    def _explain_hit(self, evidence: Evidence, total: int) -> Explanation:
        query, hit = evidence.points() if evidence.affine else (None, None)
        if not self._is_copy(evidence):
            return Explanation(_rejection_sentence(evidence), "not a copy", False, None, query, hit)
        verdict = "mirrored copy" if evidence.mirrored else "copy"
        similarity = 1.0 if _is_verified_whole(evidence) else 1 / (1 + 10**evidence.log_nfa)
        return Explanation(
            _verified_sentence(evidence, total), verdict, True, similarity, query, hit, evidence.homography
        )


def _views_to_verify(image: Image, mirror: bool) -> list[_QueryView]:
    small = downscale_to_align(image, QUERY_SIDE)
    described = rootsift_features(small, QUERY_LIMIT)
    views = [_QueryView(small, described, False)]
    if mirror:
        views.append(_QueryView(np.ascontiguousarray(small[:, ::-1]), mirror_features(described, small.shape[1]), True))
    return views


def _hit_features(hit: Image) -> tuple[Image, LocalFeatures]:
    small = downscale_to_align(hit, HIT_SIDE)
    return small, rootsift_features(small, HIT_LIMIT)


def gather_evidence(views: list[_QueryView], hit: Image, hit_features: LocalFeatures, total: int) -> Evidence:
    """The best evidence of any view of the query for one hit, among `total` images."""
    size = hit.shape[1], hit.shape[0]
    best = Evidence()
    for view in views:
        difference = _max_cell_difference(view.image, hit)
        if difference <= MAX_CELL_DIFFERENCE and difference < best.difference:
            best = replace(Evidence(), difference=difference, mirrored=view.mirrored)
        found = fit_affine(match_mutual_nearest(view.features, hit_features), size)
        if found is None:
            continue
        alarms = compute_log_nfa(total * len(views), found.n_tentative, found.n_inliers, found.match_probability)
        if alarms < best.log_nfa and (view.mirrored == best.mirrored or not _is_verified_whole(best)):
            pixels, seen = pixel_correlation(view.image, hit, found.matrix), (view.image.shape[1], view.image.shape[0])
            best = Evidence(alarms, pixels, min(difference, best.difference), view.mirrored, found, seen, size)
    return best


def _max_cell_difference(query: Image, hit: Image) -> float:
    """The most by which the mean of a cell of a grid differs between two images, in levels.

    inf for other proportions, and for plain images, which are like all plain ones.
    """
    height, width = hit.shape[:2]
    if abs(query.shape[1] * height / (query.shape[0] * width) - 1) > MAX_ASPECT_DIFFERENCE + 1 / min(height, width):
        return float("inf")
    cells = [cv2.resize(each.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA) for each in (query, hit)]
    plain = np.ptp(cells[1], axis=(0, 1)).max() < MIN_CELL_CONTRAST
    return float("inf") if plain else float(np.abs(cells[0] - cells[1]).max())


def _is_verified_whole(evidence: Evidence) -> bool:
    return evidence.difference <= MAX_CELL_DIFFERENCE


def _verified_sentence(evidence: Evidence, total: int) -> str:
    if evidence.affine is None or evidence.log_nfa > 0:
        mirror = "in the mirror " if evidence.mirrored else ""
        return (
            f"{mirror}the same image as a whole: no part differs by more than {evidence.difference:.1f} levels of 255"
        )
    linear = evidence.affine.matrix[:2, :2]
    scale = np.sqrt(abs(np.linalg.det(evidence.homography[:2, :2])))
    turn = round(float(np.degrees(np.arctan2(linear[1, 0] - linear[0, 1], linear[0, 0] + linear[1, 1]))))
    mirror = "mirrored, " if evidence.mirrored else ""
    return (
        f"{evidence.affine.n_inliers} matched points agree on one transform ({mirror}scale {scale:.2f}, turned {turn} "
        f"degrees); expected by chance in {total:,} {'image' if total == 1 else 'images'}: 1e{evidence.log_nfa:.0f}"
    )


def _rejection_sentence(evidence: Evidence) -> str:
    agreeing = evidence.affine.n_inliers if evidence.affine else 0
    if evidence.correlation < MIN_CORRELATION and evidence.log_nfa < -1:
        correlation = f"correlation {evidence.correlation:.2f}"
        return f"{agreeing} matched points agree, but the pixels do not ({correlation}): not a copy"
    return f"too few matched points agree ({agreeing}): not a copy"
