"""What a distance means: as rare among random pairs as the verdict says, and no verdict where pairs are too few."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from nearsight.calibration import MIN_VECTORS, sample_background
from nearsight.metrics.l2 import L2
from nearsight.metrics.warp import Warp


def rows(count, seed=0):
    return np.random.default_rng(seed).random((count, 6), np.float32)


def test_the_chance_is_the_share_of_pairs_that_are_as_near():
    some = rows(60)
    background = sample_background(some, L2())
    pairs = np.sort(pdist(some))
    for distance in (pairs[0] / 2, pairs[10] + 1e-4, pairs[900] + 1e-4, 9.0):
        assert background.false_match_rate(distance) == pytest.approx((pairs <= distance).mean(), abs=1e-3)


def test_verdicts_of_a_large_collection():
    background = sample_background(rows(300), L2())
    assert background.explain(0.0).alike is True
    near, far = background.distances[[20, 200]]
    assert background.explain(float(near)).alike is True
    assert background.explain(float(far)).alike is False
    assert background.explain(float(far)).verdict == "not alike"


def test_a_sense_may_call_more_pairs_alike():
    background = sample_background(rows(300), L2())
    some, more = background.distances[[400, 500]].tolist()
    assert background.explain(some).alike is False
    assert background.explain(some, max_rate=0.01).alike is True
    assert background.explain(more, max_rate=0.01).alike is False
    few = sample_background(rows(20), L2())
    assert few.explain(few.distances[0], max_rate=0.01).alike is True
    assert few.explain(few.distances[1], max_rate=0.01).alike is False


def test_few_pairs_turn_nothing_down_that_may_be_near():
    background = sample_background(rows(20), L2())
    assert len(background.distances) == 190
    first, third, fifth = background.distances[[0, 2, 4]].tolist()
    assert background.explain(first * 0.99).alike is True
    assert background.explain(first).alike is None
    assert background.explain(third).alike is None
    assert "too small for a verdict" in background.explain(third).sentence
    assert background.explain(fifth).alike is False


def test_a_handful_is_not_judged():
    assert sample_background(rows(MIN_VECTORS - 1), L2()).explain(0.0).alike is None


class Counting(L2):
    """L2 that counts."""

    def __init__(self, costly):
        object.__setattr__(self, "costly", costly)
        object.__setattr__(self, "measured", [])

    @property
    def is_expensive(self):
        return self.costly

    def distances(self, queries, rows):
        self.measured.append(len(queries) * len(rows))
        return super().distances(queries, rows)


def test_the_background_is_all_pairs_once():
    rows = np.random.default_rng(0).random((60, 8), np.float32)
    background = sample_background(rows, L2())
    assert background.distances == pytest.approx(np.sort(pdist(rows)), rel=1e-5)
    assert background.false_match_rate(np.inf) == 1
    assert background.false_match_rate(background.distances[0] - 1e-3) == 0


@pytest.mark.parametrize(("costly", "pairs"), [(False, 400 * 399 // 2), (True, 46 * 45 // 2)])
def test_a_costly_metric_measures_just_enough_to_tell_one_in_a_thousand(costly, pairs):
    metric = Counting(costly)
    background = sample_background(np.random.default_rng(0).random((1000, 4), np.float32), metric)
    assert len(background.distances) == sum(metric.measured) == pairs >= 1000


def test_it_is_enough_for_metrics_that_are_not_symmetric():
    rows = np.random.default_rng(0).random((12, 27), np.float32)
    expected = [Warp().distances(rows[i, None], rows[j, None])[0, 0] for i in range(12) for j in range(i + 1, 12)]
    assert sample_background(rows, Warp()).distances == pytest.approx(np.sort(expected), abs=1e-6)
