"""Why each hit was found, and whether it is alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from nearsight.calibration import ALIKE
from nearsight.pipeline import Pipeline
from nearsight.search.context import QueryRows
from nearsight.senses import SENSES
from nearsight.types import Explanation, Ids, Image


def reasons(
    plan: Pipeline, image: Image | None, ids: Ids, distances: Mapping[int, float], rows: QueryRows, said: str = ""
) -> list[Explanation]:
    """Why, for each hit: the judgement, and what refiners say that only order.

    The judgement is the last word of those that give verdicts; without them, what the distance means in this
    collection.
    `said`, where there is something, is said of every hit instead.
    """
    unjudged = said or (SENSES[plan.name].said if plan.name in SENSES else "")
    if image is None or unjudged:
        return [Explanation(unjudged or "the nearest to these colours") for _ in ids]
    if any(refiner.gives_verdict for refiner in plan.rerankers):
        judged = _judged(plan, image, ids, distances, rows)
    else:
        background, share = rows.snapshot.background(plan), SENSES[plan.name].alike if plan.name in SENSES else ALIKE
        judged = [background.explain(distances[ident], share) for ident in ids.tolist()]
    orders = [each.explain(image, ids, rows) for each in plan.rerankers if not each.gives_verdict]
    return [_ordered(each, [reasons[at] for reasons in orders]) for at, each in enumerate(judged)]


def _ordered(judged: Explanation, given: Sequence[Explanation | None]) -> Explanation:
    """A judgement with the last word of refiners that only order, and its measure where the judgement has none."""
    said = [reason for reason in given if reason is not None]
    if not said:
        return judged
    similarity = said[-1].similarity if judged.similarity is None else judged.similarity
    return replace(judged, sentence=f"{said[-1].sentence}; {judged.sentence}", similarity=similarity)


def _judged(
    plan: Pipeline, image: Image, ids: Ids, distances: Mapping[int, float], rows: QueryRows
) -> list[Explanation]:
    """The last word of the refiners that give verdicts.

    A hit that one of them turned down, or has not come to, scores below every hit that it accepted.
    """
    made: list[Explanation] = []
    explained = [each.explain(image, ids, rows) for each in plan.rerankers if each.gives_verdict]
    for ident, *given in zip(ids.tolist(), *explained, strict=True):
        said = [reason for reason in given if reason is not None]
        reason = said[-1] if said else Explanation("not among the hits that were looked at closely", "", False)
        if reason.similarity is None:
            reason = replace(reason, similarity=similarity(plan, distances[ident]) / 2)
        made.append(reason)
    return made


def similarity(plan: Pipeline, distance: float) -> float:
    """A distance on a scale of 0 to 1."""
    return float(plan.metric.similarity(np.array([distance], np.float32))[0])
