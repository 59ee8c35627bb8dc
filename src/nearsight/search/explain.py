"""Why each hit was found: its verdict and its sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nearsight.pipeline import Pipeline
from nearsight.search.encode import EncodedQuery
from nearsight.senses import SENSES
from nearsight.storage.snapshot import Snapshot
from nearsight.types import IDENTICAL_FILE, Explanation, Ids, Image, RerankContext, Reranker

NOT_JUDGED_YET = "not judged yet"
"""What is said of a hit while others are being judged."""


def explain_hits(
    pipeline: Pipeline,
    query: EncodedQuery,
    ids: Ids,
    distances: Mapping[int, float],
    context: RerankContext,
    snapshot: Snapshot,
    *,
    judges: Sequence[Reranker] | None = None,
) -> list[Explanation]:
    """Why, for each hit: the verdict, and what re-rankers without a verdict add to it.

    The verdict is that of the last re-ranker that gives one. Without such there is none: the sentence says how near the
    hit is, by the distances of random pairs of this collection. While hits are still being judged, `judges` are the
    re-rankers whose verdicts count so far.
    """
    if judges is not None:
        assert query.image is not None
        return _last_verdicts(pipeline, query.image, ids, distances, context, judges, NOT_JUDGED_YET)
    sense = SENSES.get(pipeline.name)
    label = query.label or (sense.label if sense else "")
    if query.image is None or label:
        return [Explanation(label) for _ in ids]
    if all_judges := [reranker for reranker in pipeline.rerankers if reranker.gives_verdict]:
        verdicts = _last_verdicts(pipeline, query.image, ids, distances, context, all_judges)
    else:
        background = snapshot.background(pipeline)
        verdicts = [Explanation(background.describe(distances[image_id])) for image_id in ids.tolist()]
    others = [each.explain(query.image, ids, context) for each in pipeline.rerankers if not each.gives_verdict]
    return [_with_ranking(each, [reasons[at] for reasons in others]) for at, each in enumerate(verdicts)]


def _with_ranking(verdict: Explanation, given: Sequence[Explanation | None]) -> Explanation:
    """A verdict with the sentence of the last re-ranker that only orders, and its score where the verdict has none."""
    reasons = [reason for reason in given if reason is not None]
    if not reasons:
        return verdict
    similarity = reasons[-1].similarity if verdict.similarity is None else verdict.similarity
    return replace(verdict, sentence=f"{reasons[-1].sentence}; {verdict.sentence}", similarity=similarity)


def _last_verdicts(
    pipeline: Pipeline,
    image: Image,
    ids: Ids,
    distances: Mapping[int, float],
    context: RerankContext,
    judges: Sequence[Reranker],
    unjudged: str = "not examined",
) -> list[Explanation]:
    """The last word of the re-rankers that give verdicts; `unjudged` is said of hits on which none has one.

    A hit that one of them rejected, or has not looked at, scores below every hit that it accepted.
    """
    found: list[Explanation] = []
    for image_id, *given in zip(ids.tolist(), *(each.explain(image, ids, context) for each in judges), strict=True):
        reasons = [reason for reason in given if reason is not None]
        if image_id in context.identical:
            reasons = [IDENTICAL_FILE]
        reason = reasons[-1] if reasons else Explanation(unjudged)
        if reason.similarity is None:
            reason = replace(reason, similarity=distance_to_score(pipeline, distances[image_id]) / 2)
        found.append(reason)
    return found


def distance_to_score(pipeline: Pipeline, distance: float) -> float:
    """A distance on a scale of 0 to 1."""
    return float(pipeline.metric.similarity(np.array([distance], np.float32))[0])
