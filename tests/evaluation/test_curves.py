from itertools import pairwise

import numpy as np
import pytest

from nearsight.evaluation.charts import HEIGHT, WIDTH, bars, curves
from nearsight.evaluation.measures import RECALL_LEVELS, interpolated_precision, mean_curve, precision_recall


def slow_interpolated(ranks, positives, level):
    """The best precision among all cuts of the ranking that reach this recall."""
    best = 0.0
    for length in range(1, max(ranks, default=0) + 2):
        found = sum(rank < length for rank in ranks)
        if found and found / positives >= level - 1e-12:
            best = max(best, found / length)
    return best


def test_interpolated_agrees_with_trying_every_cut():
    random = np.random.default_rng(0)
    for _ in range(20):
        ranks = random.choice(40, random.integers(0, 9), replace=False).tolist()
        positives = len(ranks) + int(random.integers(1, 4))
        expected = [slow_interpolated(ranks, positives, level) for level in RECALL_LEVELS]
        assert interpolated_precision(ranks, positives) == pytest.approx(expected)


def test_raw_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    relevant = np.random.default_rng(1).random(30) < 0.4
    recall, precision = precision_recall(np.flatnonzero(relevant), relevant.sum())
    precisions, recalls, _ = metrics.precision_recall_curve(relevant, -np.arange(30))
    at = [np.flatnonzero(np.isclose(recalls, level)) for level in recall]
    assert precision == pytest.approx([precisions[each].max() for each in at])


def test_mean_curve_is_the_mean_of_the_curves():
    both = mean_curve([([0], 1), ([1], 1)])
    assert both == pytest.approx(np.full(101, 0.75))
    with pytest.raises(ValueError, match="at least one"):
        mean_curve([])


def test_lines_go_from_the_left_to_the_right_and_high_precision_is_up():
    line = curves({"a": np.linspace(1, 0.5, 101)}, {"a": 3})[0]
    points = [tuple(map(float, point.split(","))) for point in line.points.split()]
    assert points[0] == (0.0, 0.0)
    assert points[-1] == (WIDTH, HEIGHT / 2)
    assert line.colour == 3


def test_bars_are_as_tall_as_their_share_and_do_not_overlap():
    groups = bars(["x", "y"], {"a": {"x": 100.0, "y": 50.0}, "b": {"x": 0.0, "y": 25.0}}, {"a": 1, "b": 0})
    assert [[bar.colour for bar in group.bars] for group in groups] == [[1, 0], [1, 0]]
    assert [[bar.height for bar in group.bars] for group in groups] == [[HEIGHT, 0], [HEIGHT / 2, HEIGHT / 4]]
    drawn = [bar for group in groups for bar in group.bars]
    assert all(a.x + a.width <= b.x for a, b in pairwise(drawn))
    assert drawn[-1].x + drawn[-1].width <= WIDTH
