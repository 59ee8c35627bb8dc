"""Do matched features of the query and a hit lie as one plane seen from two places? Then both show the same thing."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nearsight.geometry.alignment import rootsift_features
from nearsight.geometry.homography import estimate_homography
from nearsight.geometry.matching import Matches, match_mutual_nearest, match_words, normalize_by_longest_side
from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, LocalFeatures, Match, RerankContext, Reranker

MAX_FEATURES, RATIO = 500, 0.9
"""Features of a thumbnail, and how much nearer the best match is than the second."""
SpatialEvidence: TypeAlias = "tuple[int | None, Match | None]"
"""How many matches there were, None where nobody looked; and those that agree."""


@dataclass(frozen=True)
class Spatial(Reranker):
    """Moves hits to the front whose matched features agree with the query on one homography.

    1. Features of the query and of each of the first `n` hits match where they have the same visual word and, where
       they have bits, at most the share `threshold` of them differs. Words that make many such pairs say nothing of
       places, and of very many matches those of fewest differing bits count.
    2. Every match proposes a similarity by its two places, scales and angles. The proposal with most agreement is
       fitted as an affine transform, then as a homography, robustly (MAGSAC++).
    3. A hit with `inliers` agreeing matches or more is verified. Verified hits come first, by how many agree; all
       others follow in their order: moving hits up for a few agreeing matches makes results worse.

    The stored visual words suffice: no image is read again. Where the vectors are not visual words,
    RootSIFT features of the query and of the stored thumbnails match, those that are each other's nearest and clearly
    so; of these fewer need to agree, `spatial(inliers=8)`. After `seconds`, hits that have not been examined
    keep their rank, and say so.

    Parameters
    ----------
    n : hits that are examined, 1 or more
    inliers : matches that must agree, 5 or more
    threshold : the share of bits that may differ between matching features, 0 to 1
    tolerance : how far a match may miss, in units of the hit's longest side
    seconds : the time that a query may take here, above 0

    Returns
    -------
    Hits `(1, k)`: the same ids; verified ones score above all others

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    J. Philbin, O. Chum, M. Isard, J. Sivic and A. Zisserman, Object Retrieval with Large Vocabularies and Fast
    Spatial Matching, CVPR 2007, doi:10.1109/CVPR.2007.383172. D. Baráth, J. Noskova, M. Ivashechkin and J. Matas,
    MAGSAC++, a Fast, Reliable and Accurate Robust Estimator, CVPR 2020, doi:10.1109/CVPR42600.2020.00138.

    Notes
    -----
    Departures: a proposal uses the angles of features, where they have some.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from nearsight.visual_words import record_dtype
    >>> row = np.zeros(40, record_dtype(0))
    >>> row["word"], row["scale"] = np.arange(40), 60
    >>> row["x"], row["y"] = np.random.default_rng(0).integers(0, 65535, (2, 40))
    >>> context = SimpleNamespace(n_images=2, memo={}, verified={}, query_vector=row,
    ...     vector=lambda image_id: row[: 40 * (1 - image_id)])
    >>> hits = Hits(np.array([[1, 0]]), np.array([[-0.1, -0.2]], np.float32))
    >>> Spatial().rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    [[0, 1]]
    """

    n: int = 50
    inliers: int = 15
    threshold: float = 0.375
    tolerance: float = 0.02
    seconds: float = 10.0

    gives_verdict = True

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n is how many hits are examined, 1 or more; got {self.n}")
        if self.inliers < 5:
            raise ValueError(f"inliers is how many matches must agree, 5 or more; got {self.inliers}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is a share of the bits, 0 to 1; got {self.threshold}")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance is a share of the longest side, above 0 and below 1; got {self.tolerance}")
        if not self.seconds > 0:
            raise ValueError(f"seconds is the time that a query may take, above 0; got {self.seconds}")

    @property
    def depth(self) -> int:
        """As many hits as it looks at."""
        return self.n

    def rerank(self, image: Image, hits: Hits, rows: RerankContext) -> Hits:
        """Verified hits first, by agreeing matches; then the others as they were."""
        ids, scores = hits.ids[0], hits.scores[0]
        looked = self._match_hits(image, ids[ids != NO_ID][: self.n], rows)
        counts = np.array([self._count_inliers(looked.get(ident)) for ident in ids.tolist()], np.float32)
        order = np.argsort(-counts, kind="stable")
        top = scores[np.isfinite(scores)].max(initial=0.0)
        raised = np.where(counts > 0, top + counts, scores)
        return Hits(ids[None, order], raised[None, order].astype(np.float32))

    def explain(self, image: Image, ids: Ids, rows: RerankContext) -> list[Explanation | None]:
        """What agrees, for each hit that was looked at."""
        looked = (
            self._match_hits(image, ids[ids != NO_ID][: self.n], rows) if self not in rows.memo else rows.memo[self]
        )
        shape = image.shape[1], image.shape[0]
        return [
            explain_inliers(looked[ident], self.inliers, shape, rows.from_thumbnail(ident, _image_size))
            if ident in looked
            else None
            for ident in ids.tolist()
        ]

    def _count_inliers(self, evidence: SpatialEvidence | None) -> int:
        """Agreeing matches, 0 where there are too few."""
        if evidence is None or evidence[1] is None:
            return 0
        count = len(evidence[1].hit_points)
        return count if count >= self.inliers else 0

    def _match_hits(self, image: Image, ids: Ids, context: RerankContext) -> dict[int, SpatialEvidence]:
        """How many matches each of these hits has, and those that agree; kept for the rest of this query."""
        looked: dict[int, SpatialEvidence] = context.memo.setdefault(self, {})
        new = [ident for ident in ids.tolist() if ident not in looked]
        worded, end = context.query_vector.dtype.names is not None, time.monotonic() + self.seconds
        shown = None if worded or not new else _spatial_features(image)

        def match_hit(ident: int) -> SpatialEvidence:
            if time.monotonic() > end:
                return None, None
            if shown is None:
                return self._fit_homography(match_words(context.query_vector, context.vector(ident), self.threshold))
            hit = context.from_thumbnail(ident, _spatial_features)
            return self._fit_homography(normalize_by_longest_side(match_mutual_nearest(shown, hit, RATIO), shown, hit))

        with ThreadPoolExecutor(2) as pool:
            found = pool.map(match_hit, new)
            looked.update(zip(new, found, strict=True))
        for ident in new:
            match = looked[ident][1]
            if match is not None and self._count_inliers(looked[ident]):
                context.verified[ident] = match
        return looked

    def _fit_homography(self, tentative: Matches) -> SpatialEvidence:
        return len(tentative), estimate_homography(tentative, self.tolerance)


def explain_inliers(
    evidence: SpatialEvidence, min_inliers: int, query_size: tuple[int, int], hit_size: tuple[int, int]
) -> Explanation:
    """The explanation of a hit that needs `min_inliers` inliers; `query_size` and `hit_size` are widths and heights."""
    tried, match = evidence
    count = 0 if match is None else len(match.hit_points)
    if tried is None:
        return Explanation("not examined: the time limit of this query was reached", "not examined")
    if match is None or count < min_inliers:
        sentence = f"too few matched features agree ({count} of {tried}): not verified"
        return Explanation(sentence, "not verified", False, None)
    to_query, to_hit = (np.array([max(size) / size[0], max(size) / size[1]]) for size in (query_size, hit_size))
    unit = np.diag([*to_hit, 1]) @ match.homography @ np.linalg.inv(np.diag([*to_query, 1]))
    sentence = f"{count} of {tried} matched features agree on one homography"
    return Explanation(
        sentence,
        "the same thing",
        True,
        1 - 1 / (2 + count / min_inliers),
        (match.query_points * to_query).astype(np.float32),
        (match.hit_points * to_hit).astype(np.float32),
        unit,
    )


def _spatial_features(image: Image) -> LocalFeatures:
    """Those of a thumbnail."""
    return rootsift_features(image, MAX_FEATURES)


def _image_size(image: Image) -> tuple[int, int]:
    return image.shape[1], image.shape[0]
