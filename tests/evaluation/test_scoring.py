from pathlib import Path

import numpy as np
import pytest

from nearsight.errors import UsageError
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth, Relevance
from nearsight.evaluation.scoring import MEASURES, Outcome, ScoredAnswer, compute_figures, positive_ranks


def question(name, group="", levels=("",)):
    answers = {level: Relevance(frozenset({"x"})) for level in levels}
    return EvaluationQuery(name, Path("/nowhere") / name, answers, group=group)


def outcome(ranks, positives, found=(), level="", group=""):
    first = tuple(ScoredAnswer(name, score, right) for name, score, right in found)
    return Outcome(question("q", group), level, tuple(ranks), positives, first)


def slow_places(ranked, positives, ignored):
    found, place = [], 0
    for each in ranked:
        if each in ignored:
            continue
        if each in positives:
            found.append(place)
        place += 1
    return found


def test_places_agree_with_a_walk():
    random = np.random.default_rng(0)
    for _ in range(30):
        ranked = random.permutation(40)
        positives, ignored = random.choice(60, 9, replace=False), random.choice(60, 9, replace=False)
        positives = np.setdiff1d(positives, ignored)
        found, counts = positive_ranks(ranked, positives, ignored)
        assert found.tolist() == slow_places(ranked.tolist(), positives.tolist(), ignored.tolist())
        assert ranked[counts].tolist() == [each for each in ranked.tolist() if each not in ignored]


def test_the_golden_rankings_give_their_golden_figures():
    outcomes = [outcome([0, 2, 5], 3), outcome([1], 1), outcome([0], 2), outcome([9], 1)]
    figure = {
        name: MEASURES[name].compute(outcomes, {}) for name in ("mAP", "mAP, rect.", "rank 1", "1-NN error", "P@10")
    }
    assert figure == pytest.approx(
        {
            "mAP": 25 * (0.677778 + 0.25 + 0.5 + 0.05),
            "mAP, rect.": 25 * (0.722222 + 0.5 + 0.5 + 0.1),
            "rank 1": 50.0,
            "1-NN error": 50.0,
            "P@10": 10 * (3 + 1 + 1 + 1) / 4,
        },
        abs=1e-4,
    )


def test_a_group_of_four_found_whole_scores_four():
    assert MEASURES["N-S"].compute([outcome(range(4), 4), outcome([0, 7], 4)], {}) == 2.5


def test_the_vote_is_among_the_first_ten():
    labels = {"a": "cat", "b": "dog"}
    found = [("a", 0.0, True)] * 4 + [("b", 0.0, False)] * 6 + [("a", 0.0, True)] * 10
    assert MEASURES["10-NN accuracy"].compute([outcome([], 1, found, group="dog")], labels) == 100.0
    assert MEASURES["10-NN accuracy"].compute([outcome([], 1, found, group="cat")], labels) == 0.0
    assert MEASURES["10-NN accuracy"].compute([outcome([], 1, (), group="cat")], labels) == 0.0


def test_pairs_of_all_queries_are_pooled():
    """Three right pairs, two found: at .9 and, behind a wrong .5 of another question, at .4."""
    outcomes = [outcome([0], 1, [("a", 0.9, True)]), outcome([1], 2, [("b", 0.5, False), ("c", 0.4, True)])]
    assert MEASURES["µAP"].compute(outcomes, {}) == pytest.approx(100 * (1 + 2 / 3) / 3)
    assert MEASURES["R@P90"].compute(outcomes, {}) == pytest.approx(100 / 3)


def test_levels_have_their_own_figures(tmp_path):
    asked = question("q", levels=("easy", "hard"))
    truth = GroundTruth("set", tmp_path, ("x",), (asked,), ("mAP", "mP@5"))
    made = compute_figures(truth, [outcome([0], 1, level="easy"), outcome([1], 1, level="hard")])
    assert made == pytest.approx({"mAP easy": 100, "mP@5 easy": 100, "mAP hard": 25, "mP@5 hard": 50})


def test_a_task_without_images_or_queries_is_refused(tmp_path):
    with pytest.raises(UsageError, match="got 0 images and 1 query"):
        GroundTruth("set", tmp_path, (), (question("q"),), ())
    with pytest.raises(UsageError, match="got 1 image and 0 queries"):
        GroundTruth("set", tmp_path, ("x",), (), ())
