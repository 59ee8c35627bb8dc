import numpy as np
import pytest
from scipy.spatial.distance import pdist

from nearsight.metrics.l2 import L2
from nearsight.metrics.warp import Warp
from nearsight.rank.calibration import sampled


class Counting(L2):
    """L2 that counts."""

    def __init__(self, costly):
        object.__setattr__(self, "costly", costly)
        object.__setattr__(self, "measured", [])

    def distances(self, queries, rows):
        self.measured.append(len(queries) * len(rows))
        return super().distances(queries, rows)


def test_the_background_is_all_pairs_once():
    rows = np.random.default_rng(0).random((60, 8), np.float32)
    background = sampled(rows, L2())
    assert background.distances == pytest.approx(np.sort(pdist(rows)), rel=1e-5)
    assert background.chance(np.inf) == 1
    assert background.chance(background.distances[0] - 1e-3) == 0


@pytest.mark.parametrize(("costly", "pairs"), [(False, 400 * 399 // 2), (True, 46 * 45 // 2)])
def test_a_costly_metric_measures_just_enough_to_tell_one_in_a_thousand(costly, pairs):
    metric = Counting(costly)
    background = sampled(np.random.default_rng(0).random((1000, 4), np.float32), metric)
    assert len(background.distances) == sum(metric.measured) == pairs >= 1000


def test_it_is_enough_for_metrics_that_are_not_symmetric():
    rows = np.random.default_rng(0).random((12, 27), np.float32)
    expected = [Warp().distances(rows[i, None], rows[j, None])[0, 0] for i in range(12) for j in range(i + 1, 12)]
    assert sampled(rows, Warp()).distances == pytest.approx(np.sort(expected), abs=1e-6)


def test_too_few_rows_say_nothing():
    background = sampled(np.zeros((9, 3), np.float32), L2())
    assert len(background.distances) == 0
    assert "too few" in background.explain(0.1).sentence
