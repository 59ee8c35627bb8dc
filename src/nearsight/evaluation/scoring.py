"""From rankings to figures: what each question's answer was worth, and the measures of a whole task."""

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
"""How many answers to each question are kept by name and score."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class ScoredAnswer:
    """One of the first answers that count."""

    name: str
    score: float
    right: bool


@dataclass(frozen=True)
class Outcome:
    """What became of one question at one level: 0-based places of the right answers, and the first answers."""

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
    """What it costs: milliseconds a query with everything, milliseconds to describe an image, bytes of its row."""

    ask_ms: float
    describe_ms: float
    row_bytes: int


@dataclass(frozen=True)
class Trial:
    """What one recipe made of a task. `kinds` is the percentage of altered images whose original came first."""

    name: str
    recipe: str
    figures: Mapping[str, float]
    cost: Cost
    outcomes: tuple[Outcome, ...] = ()
    kinds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluationMeasure:
    """One column: how it is computed of all outcomes of a level, its unit, and a line that says what it is."""

    unit: str
    description: str
    compute: Callable[[Sequence[Outcome], Labels], float]


def positive_ranks(ranked: Ids, positives: Ids, ignored: Ids) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where the right answers of one ranking stand, once those that do not count are taken out.

    Parameters
    ----------
    ranked : `(n,)` ids, best first
    positives, ignored : ids

    Returns
    -------
    0-based places `(m,)` of the right ones among those that count, and `(n,)` which count
    """
    counts = ~np.isin(ranked, ignored)
    return np.flatnonzero(np.isin(ranked[counts], positives)), counts


def compute_figures(truth: GroundTruth, outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Every measure of a task, by its name and the level's where there are several."""
    made = {}
    for level in truth.levels:
        mine = [each for each in outcomes if each.level == level]
        for name in truth.measures:
            made[f"{name} {level}".strip()] = MEASURES[name].compute(mine, truth.labels)
    return made


def _mean(of: Callable[[Outcome], float]) -> Callable[[Sequence[Outcome], Labels], float]:
    return lambda outcomes, labels: mean([of(each) for each in outcomes])


def _percent(of: Callable[[Outcome], float]) -> Callable[[Sequence[Outcome], Labels], float]:
    return _mean(lambda outcome: 100 * of(outcome))


def _pool_answers(outcomes: Sequence[Outcome]) -> tuple[list[float], list[bool], int]:
    """Scores and rightness of the first answers to all questions, and how many right pairs there are."""
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
        "mean average precision, by rectangles as in textbooks",
        _percent(lambda o: rectangular_average_precision(o.ranks, o.n_positives)),
    ),
    "rank 1": EvaluationMeasure(
        "%", "questions whose first answer is right", _percent(lambda o: precision_at(o.ranks, 1))
    ),
    "1-NN error": EvaluationMeasure(
        "%", "questions whose first answer is wrong", _percent(lambda o: 1 - precision_at(o.ranks, 1))
    ),
    "10-NN accuracy": EvaluationMeasure(
        "%", "questions whose class most of the first ten answers have", _neighbour_accuracy
    ),
    "P@10": EvaluationMeasure("%", "right ones among the first ten", _percent(lambda o: precision_at(o.ranks, 10))),
    "R@10": EvaluationMeasure(
        "%",
        "right ones found in the first ten, of as many as fit",
        _percent(lambda o: recall_at(o.ranks, o.n_positives, 10)),
    ),
    "N-S": EvaluationMeasure(
        "", "images of the group in the first four, 4 at best", _mean(lambda o: ukbench_score(o.ranks))
    ),
    "µAP": EvaluationMeasure(
        "%",
        "average precision of all pairs pooled, the first 20 of each question",
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
