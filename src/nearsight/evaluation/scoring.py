"""From rankings to measures: the outcome of each query, and the figures of a whole task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth
from nearsight.evaluation.measures import (
    average_precision,
    majority_label,
    mean,
    micro_average_precision,
    ndcg,
    precision_at,
    recall_at,
    recall_at_precision,
    rectangular_average_precision,
    revisited_precision_at,
    ukbench_score,
)
from nearsight.types import Ids

__all__ = [
    "MAX_ANSWERS",
    "MEASURES",
    "Cost",
    "EvaluationMeasure",
    "Outcome",
    "ScoredAnswer",
    "Trial",
    "compute_figures",
    "positive_ranks",
]

MAX_ANSWERS = 20
"""The number of first hits kept for each query, by name and score."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class ScoredAnswer:
    """One of the first hits that are not junk."""

    name: str
    score: float
    right: bool


@dataclass(frozen=True)
class Outcome:
    """The result of one query at one level: the 0-based ranks of the positives, and the first hits."""

    query: EvaluationQuery
    level: str
    ranks: tuple[int, ...]
    n_positives: int
    first_answers: tuple[ScoredAnswer, ...]

    @property
    def precision(self) -> float:
        """Its average precision by the trapezoid rule."""
        return average_precision(self.ranks, self.n_positives)


@dataclass(frozen=True)
class Cost:
    """The cost of a recipe: milliseconds of a whole search and of describing an image, bytes of its vector."""

    ask_ms: float
    describe_ms: float
    row_bytes: int


@dataclass(frozen=True)
class Trial:
    """The evaluation of one recipe. `kinds`: the percentage of altered images whose original is the first hit."""

    name: str
    recipe: str
    figures: Mapping[str, float]
    cost: Cost
    outcomes: tuple[Outcome, ...] = ()
    kinds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationMeasure:
    """One measure: its unit, a line of description, and its value for all outcomes of a level."""

    unit: str
    description: str
    compute: Callable[[Sequence[Outcome], Labels], float]


def positive_ranks(ranking: Ids, positives: Ids, junk: Ids) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The ranks of the positives in one ranking, after the junk is removed.

    Parameters
    ----------
    ranked : `(n,)` ids, best first
    positives, ignored : ids

    Returns
    -------
    0-based ranks `(m,)` of the positives, and a mask `(n,)` of what is not junk
    """
    counted = ~np.isin(ranking, junk)
    return np.flatnonzero(np.isin(ranking[counted], positives)), counted


def compute_figures(truth: GroundTruth, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Every measure of a task, by its name and that of the level where there are several."""
    made = {}
    for level in truth.levels:
        mine = [each for each in outcomes if each.level == level]
        for name in truth.measures:
            made[f"{name} {level}".strip()] = MEASURES[name].compute(mine, truth.labels)
    return made


def _mean_score(of: Callable[[Outcome], float]) -> Callable[[Sequence[Outcome], Labels], float]:
    return lambda outcomes, labels: mean([of(each) for each in outcomes])


def _percent(of: Callable[[Outcome], float]) -> Callable[[Sequence[Outcome], Labels], float]:
    return _mean_score(lambda outcome: 100 * of(outcome))


def _pool_answers(outcomes: Sequence[Outcome]) -> tuple[list[float], list[bool], int]:
    """Scores and relevance of the first hits of all queries, and the number of positive pairs."""
    found = [each for outcome in outcomes for each in outcome.first_answers]
    return [each.score for each in found], [each.right for each in found], sum(o.n_positives for o in outcomes)


def _neighbour_accuracy(outcomes: Sequence[Outcome], labels: Labels) -> float:
    votes = [
        majority_label([labels[found.name] for found in each.first_answers[:10]]) if each.first_answers else None
        for each in outcomes
    ]
    return mean([100.0 * (vote == each.query.group) for vote, each in zip(votes, outcomes, strict=True)])


def _ndcg_at_10(outcome: Outcome) -> float:
    return ndcg([found.right for found in outcome.first_answers], [1.0] * outcome.n_positives, 10)


MEASURES = {
    "mAP": EvaluationMeasure(
        "%", "mean average precision, by trapezoids as Oxford and Holidays are scored", _percent(lambda o: o.precision)
    ),
    "mAP, rect.": EvaluationMeasure(
        "%",
        "mean average precision, rectangular as in textbooks",
        _percent(lambda o: rectangular_average_precision(o.ranks, o.n_positives)),
    ),
    "rank 1": EvaluationMeasure("%", "queries whose first hit is right", _percent(lambda o: precision_at(o.ranks, 1))),
    "1-NN error": EvaluationMeasure(
        "%", "queries whose first hit is wrong", _percent(lambda o: 1 - precision_at(o.ranks, 1))
    ),
    "10-NN accuracy": EvaluationMeasure(
        "%", "queries whose class most of the first ten hits have", _neighbour_accuracy
    ),
    "P@10": EvaluationMeasure("%", "right ones among the first ten", _percent(lambda o: precision_at(o.ranks, 10))),
    "R@10": EvaluationMeasure(
        "%",
        "right ones found in the first ten, of as many as fit",
        _percent(lambda o: recall_at(o.ranks, o.n_positives, 10)),
    ),
    "N-S": EvaluationMeasure(
        "", "images of the group in the first four, 4 at best", _mean_score(lambda o: ukbench_score(o.ranks))
    ),
    "µAP": EvaluationMeasure(
        "%",
        "average precision of all pairs pooled, the first 20 of each query",
        lambda outcomes, labels: 100 * micro_average_precision(*_pool_answers(outcomes)),
    ),
    "R@P90": EvaluationMeasure(
        "%",
        "pairs found by one threshold of precision .9",
        lambda outcomes, labels: 100 * recall_at_precision(*_pool_answers(outcomes)),
    ),
    "NDCG@10": EvaluationMeasure("%", "discounted gain of the first ten", _percent(_ndcg_at_10)),
    **{
        f"mP@{k}": EvaluationMeasure(
            "%",
            f"precision at {k}, or at the last right answer before it",
            _percent(lambda o, k=k: revisited_precision_at(o.ranks, k)),  # type: ignore[misc]
        )
        for k in (1, 5, 10)
    },
}
"""The columns that a protocol can ask for."""
