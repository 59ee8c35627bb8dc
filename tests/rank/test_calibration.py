"""What a distance means: as rare among random pairs as the verdict says, and no verdict where pairs are too few."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from nearsight.metrics.l2 import L2
from nearsight.rank.calibration import FEWEST, sampled


def rows(count, seed=0):
    return np.random.default_rng(seed).random((count, 6), np.float32)


def test_the_chance_is_the_share_of_pairs_that_are_as_near():
    some = rows(60)
    background = sampled(some, L2())
    pairs = np.sort(pdist(some))
    for distance in (pairs[0] / 2, pairs[10] + 1e-4, pairs[900] + 1e-4, 9.0):
        assert background.chance(distance) == pytest.approx((pairs <= distance).mean(), abs=1e-3)


def test_verdicts_of_a_large_collection():
    background = sampled(rows(300), L2())
    assert background.explain(0.0).alike is True
    near, far = background.distances[[20, 200]]
    assert background.explain(float(near)).alike is True
    assert background.explain(float(far)).alike is False
    assert background.explain(float(far)).verdict == "not alike"


def test_few_pairs_turn_nothing_down_that_may_be_near():
    background = sampled(rows(20), L2())
    assert len(background.distances) == 190
    first, third, fifth = background.distances[[0, 2, 4]].tolist()
    assert background.explain(first * 0.99).alike is True
    assert background.explain(first).alike is None
    assert background.explain(third).alike is None
    assert "too few" in background.explain(third).sentence
    assert background.explain(fifth).alike is False


def test_a_handful_is_not_judged():
    assert sampled(rows(FEWEST - 1), L2()).explain(0.0).alike is None
