"""How near a distance is: as rare among random pairs as the sentence says, and nothing where pairs are too few."""

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


def test_how_near_a_distance_is_is_said_in_pairs_of_the_collection():
    background = sample_background(rows(300), L2())
    assert len(background.distances) == 44_850
    nearest = background.distances[0]
    assert background.describe(nearest * 0.99) == "nearer than all of 44,850 random pairs of this collection"
    assert background.describe(background.distances[44]) == "as near as 1 in 997 random pairs of this collection"
    assert background.describe(background.distances[4484]) == "as near as 10 % of the random pairs of this collection"
    assert background.describe(np.inf) == "as near as 100 % of the random pairs of this collection"


def test_a_handful_says_nothing_of_how_near():
    said = sample_background(rows(MIN_VECTORS - 1), L2()).describe(0.0)
    assert said == "nearest first; too few images to say how near (fewer than 10)"


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
