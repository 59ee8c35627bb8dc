import numpy as np
import pytest

from nearsight.evaluate.measures import average_precision, mean, recall_at, rectangular_average_precision

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
