import numpy as np
import pytest

from nearsight.evaluation.measures import (
    average_precision,
    majority_label,
    mean,
    micro_average_precision,
    ndcg,
    precision_at,
    recall_at,
    recall_at_precision,
    recall_of_neighbours,
    rectangular_average_precision,
    revisited_precision_at,
    ukbench_score,
)

GOLDEN = [
    ([0, 2, 5], 3, 0.677778, 0.722222),
    ([1], 1, 0.25, 0.5),
    ([0], 2, 0.5, 0.5),
    ([9], 1, 0.05, 0.1),
]


def slow_trapezoid(ranks, positives):
    """Walks down the whole ranking and integrates precision over recall."""
    area, found, recall, precision = 0.0, 0, 0.0, 1.0
    for place in range(max(ranks, default=-1) + 1):
        found += place in ranks
        grown = found / positives
        area += (grown - recall) * (precision + found / (place + 1)) / 2
        recall, precision = grown, found / (place + 1)
    return area


@pytest.mark.parametrize(("ranks", "positives", "trapezoid", "rectangular"), GOLDEN)
def test_golden_values(ranks, positives, trapezoid, rectangular):
    assert average_precision(ranks, positives) == pytest.approx(trapezoid, abs=1e-6)
    assert rectangular_average_precision(ranks, positives) == pytest.approx(rectangular, abs=1e-6)


def test_trapezoid_agrees_with_a_walk_down_the_ranking():
    random = np.random.default_rng(0)
    for _ in range(100):
        ranks = random.choice(60, random.integers(0, 12), replace=False).tolist()
        positives = len(ranks) + int(random.integers(1, 5))
        assert average_precision(ranks, positives) == pytest.approx(slow_trapezoid(ranks, positives))


def test_rectangular_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    relevant = np.random.default_rng(1).random(50) < 0.2
    expected = metrics.average_precision_score(relevant, -np.arange(50))
    assert rectangular_average_precision(np.flatnonzero(relevant), relevant.sum()) == pytest.approx(expected)


def test_order_of_the_ranks_does_not_matter_and_perfect_is_one():
    assert average_precision([5, 0, 2], 3) == average_precision([0, 2, 5], 3)
    assert average_precision(range(7), 7) == rectangular_average_precision(range(7), 7) == 1.0
    assert average_precision([], 3) == rectangular_average_precision([], 3) == recall_at([], 3) == 0.0


def test_recall_at_counts_what_could_stand_there():
    assert recall_at([0], 1) == 1.0
    assert recall_at([1], 1) == 0.0
    assert recall_at([0, 3, 8], 3, k=4) == pytest.approx(2 / 3)
    assert recall_at([0, 1], 50, k=2) == 1.0


@pytest.mark.parametrize(("ranks", "positives"), [([0], 0), ([0, 0], 2), ([-1], 1), ([0, 1], 1)])
def test_impossible_ranks_are_refused(ranks, positives):
    with pytest.raises(ValueError, match="got"):
        average_precision(ranks, positives)


def test_mean():
    assert mean([0.5, 1.0]) == 0.75
    with pytest.raises(ValueError, match="at least one"):
        mean([])


def test_precision_at_agrees_with_counting():
    relevant = np.random.default_rng(2).random(40) < 0.3
    for k in (1, 7, 40, 60):
        slow = sum(bool(relevant[at]) for at in range(min(k, 40))) / k
        assert precision_at(np.flatnonzero(relevant), k) == pytest.approx(slow)


def test_revisited_precision_stops_at_the_last_right_answer():
    """The rule written out: k' = min(the 1-based place of the last right answer, k)."""
    random = np.random.default_rng(3)
    for _ in range(50):
        places = random.choice(30, random.integers(1, 8), replace=False)
        for k in (1, 5, 10):
            shown = min(max(places) + 1, k)
            slow = len([place for place in places if place + 1 <= shown]) / shown
            assert revisited_precision_at(places, k) == pytest.approx(slow)
    assert revisited_precision_at([], 10) == 0.0
    assert revisited_precision_at([0, 1, 2], 10) == 1.0


def test_recall_of_neighbours_is_the_share_of_common_ones():
    assert recall_of_neighbours(range(10), range(5, 15)) == 0.5
    assert recall_of_neighbours([3, 1, 2, 99], [1, 2, 3, 4], k=3) == 1.0
    assert recall_of_neighbours([7], range(10)) == 0.1


def test_ukbench_score_is_four_at_best():
    assert ukbench_score([0, 1, 2, 3]) == 4.0
    assert ukbench_score([0, 2, 4, 90]) == 2.0
    assert ukbench_score([]) == 0.0


def test_votes_go_to_the_nearest_of_the_most_frequent():
    assert majority_label(["b", "a", "a", "c", "b"]) == "b"
    assert majority_label(["c", "a", "b", "a"]) == "a"
    assert majority_label(["only"]) == "only"
    with pytest.raises(ValueError, match="at least one"):
        majority_label([])


@pytest.mark.parametrize("k", [1, 5, 10, 30])
def test_ndcg_agrees_with_scikit_learn(k):
    metrics = pytest.importorskip("sklearn.metrics")
    gains = np.random.default_rng(4).integers(0, 4, 30).astype(float)
    expected = metrics.ndcg_score([gains], [-np.arange(30)], k=k, ignore_ties=True)
    assert ndcg(gains, gains, k) == pytest.approx(expected)


def test_ndcg_by_hand():
    best = 1 + 1 / np.log2(3)
    assert ndcg([0, 1, 1], [1, 1], 10) == pytest.approx((1 / np.log2(3) + 1 / np.log2(4)) / best)
    with pytest.raises(ValueError, match="at least one gain above 0"):
        ndcg([0], [0], 10)


def slow_micro(scores, right, positives):
    """Walks down all pairs; among equal scores the wrong ones come first."""
    found, area, recall = 0, 0.0, 0.0
    pairs = sorted(zip(scores, right, strict=True), key=lambda pair: (-pair[0], pair[1]))
    for place, (_, is_right) in enumerate(pairs, 1):
        found += is_right
        if is_right:
            area += found / place / positives
            recall = max(recall, found / positives if found / place >= 0.9 else 0.0)
    return area, recall


def test_micro_average_precision_agrees_with_a_walk_also_where_scores_are_equal():
    random = np.random.default_rng(5)
    for grain in (3, 1000):
        scores = random.integers(0, grain, 80) / grain
        right = random.random(80) < scores * 0.7
        positives = int(right.sum()) + 3
        area, recall = slow_micro(scores, right, positives)
        assert micro_average_precision(scores, right, positives) == pytest.approx(area)
        assert recall_at_precision(scores, right, positives) == pytest.approx(recall)


def test_micro_average_precision_agrees_with_scikit_learn_without_ties():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(6)
    scores, right = random.permutation(60) / 60, random.random(60) < 0.3
    assert micro_average_precision(scores, right, right.sum()) == pytest.approx(
        metrics.average_precision_score(right, scores)
    )


def test_pooled_measures_refuse_what_cannot_be():
    with pytest.raises(ValueError, match="at most 1 positive"):
        micro_average_precision([1, 2], [True, True], 1)
    with pytest.raises(ValueError, match="got 1 score, 1 positive of 2 pairs"):
        recall_at_precision([1], [True, False], 3)
    with pytest.raises(ValueError, match="at least 1; got 0"):
        precision_at([0], 0)
