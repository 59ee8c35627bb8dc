"""Several pipelines answer one query: their rankings are fused into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.pipeline import Pipeline
from nearsight.search.engine import Ranking, image_summaries, overall_verdict, rank
from nearsight.search.results import Hit, Results
from nearsight.storage.snapshot import Snapshot, SnapshotReader
from nearsight.types import NO_ID, Explanation, Hits, Query
from nearsight.types.query import FUSION_METHODS
from nearsight.types.values import Ids

__all__ = ["FUSIONS", "FusedPipeline", "fuse", "reciprocal_rank", "search_fused", "standard_scores"]

FUSION_DEPTH = 1000
"""So many hits of each pipeline are fused."""

CONSTANT = 60

Fusion: TypeAlias = Callable[[Sequence[Hits]], tuple[Hits, float, float]]


def reciprocal_rank(lists: Sequence[Hits], constant: float = CONSTANT) -> tuple[Hits, float, float]:
    """Reciprocal rank fusion: an image's score is the sum of 1 / (constant + rank) over the lists that hold it.

    Only ranks count, so lists of any scores can be fused, and one bad list does little harm.

    Parameters
    ----------
    lists : hits `(1, n)` each, best first; ids once in each
    constant : how little the first ranks count over those after them, above 0

    Returns
    -------
    hits `(1, m)` of all ids, equal scores by id, and the least and the largest score that could have been

    Raises
    ------
    ValueError
        where there is no list, or constant is out of its range

    References
    ----------
    G. V. Cormack, C. L. A. Clarke and S. Büttcher, Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank
    Learning Methods, SIGIR 2009, doi:10.1145/1571941.1572114.
    """
    if not constant > 0:
        raise ValueError(f"constant is above 0; got {constant}")
    given = _fusion_hits(lists)
    parts = [(ids, 1 / (constant + 1 + np.arange(len(ids))), 0.0) for ids, _ in given]
    return _sum_scores(parts), 0.0, len(parts) / (constant + 1)


def standard_scores(lists: Sequence[Hits]) -> tuple[Hits, float, float]:
    """The mean of standard scores: each list's scores less their mean, divided by their standard deviation.

    How far a hit stands out counts, not only that it does. An image that a list does not hold has its least score; a
    list of equal scores says nothing.

    Parameters
    ----------
    lists : hits `(1, n)` each, best first; ids once in each

    Returns
    -------
    hits `(1, m)` of all ids, equal scores by id, and the least and the largest score that could have been

    Raises
    ------
    ValueError
        where there is no list

    References
    ----------
    M. Montague and J. A. Aslam, Relevance Score Normalization for Metasearch, CIKM 2001, doi:10.1145/502585.502657.
    """
    parts = []
    for ids, scores in _fusion_hits(lists):
        spread = float(scores.std()) if len(scores) else 0.0
        standard = (scores - scores.mean()) / spread if spread > 0 else np.zeros(len(ids))
        parts.append((ids, standard / len(lists), float(standard.min(initial=0)) / len(lists)))
    least = sum(floor for _, _, floor in parts)
    return _sum_scores(parts), least, sum(float(scores.max(initial=0)) for _, scores, _ in parts)


FUSIONS: dict[str, Fusion] = dict(zip(FUSION_METHODS, (reciprocal_rank, standard_scores), strict=True))
"""The ways to fuse, by the name that a user calls them by."""


def _fusion_hits(lists: Sequence[Hits]) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    if not lists:
        raise ValueError("a fusion takes one list of hits or more; got none")
    real = [each.ids[0] != NO_ID for each in lists]
    return [(each.ids[0][at], each.scores[0][at].astype(np.float64)) for each, at in zip(lists, real, strict=True)]


def _sum_scores(parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float64], float]]) -> Hits:
    """The sum of all parts, each of ids, their scores, and the score of what it does not hold; best first."""
    ids = np.unique(np.concatenate([some for some, _, _ in parts]))
    total = np.zeros(len(ids))
    for some, scores, missing in parts:
        mine = np.full(len(ids), missing)
        mine[np.searchsorted(ids, some)] = scores
        total += mine
    order = np.lexsort((ids, -total))
    return Hits(ids[None, order], total[None, order].astype(np.float32))


@dataclass(frozen=True)
class FusedPipeline:
    """Several pipelines that answer as one."""

    pipelines: tuple[Pipeline, ...]
    method: str

    @property
    def name(self) -> str:
        """The names of all, and how they are fused."""
        return fusion_label([each.name for each in self.pipelines], self.method)

    @property
    def recipe(self) -> str:
        """The recipes, written out."""
        return fusion_label([each.recipe for each in self.pipelines], self.method)


def search_fused(
    reader: SnapshotReader,
    snapshot: Snapshot,
    pipelines: Sequence[Pipeline],
    query: Query,
    allow: Ids | None = None,
) -> Results:
    """The k best hits of several pipelines together. Raises as `rank` does."""
    depth = max(query.k, FUSION_DEPTH)
    rankings = [rank(reader, snapshot, each, query, depth, allow=allow) for each in pipelines]
    together, least, largest = fuse(query.fuse, [each.hits for each in rankings])
    ids, scores = together.ids[0][: query.k], together.scores[0][: query.k].astype(np.float64)
    shares = np.clip((scores - least) / (largest - least), 0, 1) if largest > least else np.ones(len(scores))
    images = image_summaries(ids, reader, snapshot)
    parts = [_Part(each, each.to_hits(ids, images), each.hits.ids[0].tolist()) for each in rankings]
    hits = tuple(_fused_hit(at, share, parts, query.fuse) for at, share in enumerate(shares.tolist()))
    recipe = fusion_label([each.pipeline.recipe for each in rankings], query.fuse)
    return Results(recipe, overall_verdict(hits), hits, snapshot.total)


def fuse(method: str, rankings: Sequence[Hits]) -> tuple[Hits, float, float]:
    """The rankings as one, and the least and largest score that could have been."""
    return FUSIONS[method](rankings)


def fusion_label(recipes: Sequence[str], method: str) -> str:
    """What the fusion of some recipes or senses is called."""
    return f"{' + '.join(recipes)}, fused by {method}"


@dataclass(frozen=True)
class _Part:
    """What one pipeline says of the hits that are shown, and all ids that it found, in its order."""

    ranking: Ranking
    hits: Sequence[Hit]
    order: list[int]

    def sentence(self, at: int) -> str:
        """What it says of the hit shown at a place."""
        hit = self.hits[at]
        place = f"hit {self.order.index(hit.id) + 1}, {hit.why}" if hit.id in self.order else "not found"
        return f"{self.ranking.pipeline.name}: {place}"


def _fused_hit(at: int, share: float, parts: Sequence[_Part], method: str) -> Hit:
    """Alike where one of the pipelines says so, as the first of these says it; not alike where all say that."""
    hits = [part.hits[at] for part in parts]
    shown = next((hit for hit in hits if hit.alike), hits[0])
    alike = shown.alike or (False if all(hit.alike is False for hit in hits) else None)
    verdict = "" if alike is None else shown.verdict
    sentence = "; ".join(part.sentence(at) for part in parts)
    reason: Explanation = replace(shown.explanation, sentence=sentence, verdict=verdict, alike=alike, similarity=share)
    return replace(
        shown,
        rank=at + 1,
        score=share,
        distance=1 - share,
        metric=method,
        verdict=verdict,
        alike=alike,
        why=sentence,
        explanation=reason,
        heat_map=None,
    )
