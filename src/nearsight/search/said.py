"""The answers to words and filters alone."""

from __future__ import annotations

import os
from collections.abc import Sequence

from nearsight.search.engine import FOUND, NOTHING, Hit, Results
from nearsight.storage.records import ImageRecord
from nearsight.types import Explanation


def worded(found: Sequence[tuple[ImageRecord, float, str]], total: int) -> Results:
    """The answer to a query of words alone: images with their BM25 scores and what holds the words, best first."""
    best = max([1e-9, *(score for _, score, _ in found)])
    hits = [_worded_hit(rank, each, score, score / best, why) for rank, (each, score, why) in enumerate(found, 1)]
    return Results("words", FOUND if hits else NOTHING, tuple(hits), total)


def listed(found: Sequence[ImageRecord], where: str, total: int) -> Results:
    """The answer to a filter alone: images in the order of their paths."""
    reason = Explanation(f"it is so that {where}", "passes the filter", True, 1.0)
    hits = [_said_hit(rank, each, 0.0, "filter", reason) for rank, each in enumerate(found, 1)]
    return Results("where", FOUND if hits else NOTHING, tuple(hits), total)


def _worded_hit(rank: int, image: ImageRecord, score: float, share: float, why: str) -> Hit:
    reason = Explanation(why, "holds the words", True, max(0.0, share))
    return _said_hit(rank, image, score, "bm25", reason)


def _said_hit(rank: int, image: ImageRecord, distance: float, metric: str, reason: Explanation) -> Hit:
    assert reason.similarity is not None
    return Hit(
        rank=rank,
        id=image.id,
        path=os.fsdecode(image.path),
        score=reason.similarity,
        distance=distance,
        metric=metric,
        verdict=reason.verdict,
        alike=True,
        why=reason.sentence,
        explanation=reason,
    )
