import math

import numpy as np
import pytest

from nearsight.features.local_lbp import LocalLbp, cs_lbp_patterns, pattern_histograms
from nearsight.features.sift import Sift
from tests.features.views import angles_after_a_quarter_turn, found_again, photograph


def slow_patterns(cut, threshold):
    """Sample by sample, interpolated by the definition."""

    def value(y, x):
        top, left = math.floor(y), math.floor(x)
        down, right = y - top, x - left
        corners = [
            (0, 0, (1 - down) * (1 - right)),
            (0, 1, (1 - down) * right),
            (1, 0, down * (1 - right)),
            (1, 1, down * right),
        ]
        return sum(share * cut[top + i, left + j] for i, j, share in corners if share)

    made = np.zeros((37, 37), int)
    for row in range(37):
        for column in range(37):
            for pair in range(4):
                y, x = (round(2 * each(math.pi * pair / 4), 9) for each in (math.sin, math.cos))
                one, other = value(row + 2 + y, column + 2 + x), value(row + 2 - y, column + 2 - x)
                made[row, column] += (one - other > threshold) << pair
    return made


def slow_histogram(found, cells):
    made = np.zeros((cells, cells, 16))
    for row in range(37):
        for column in range(37):
            y, x = ((at + 0.5) * cells / 37 - 0.5 for at in (row, column))
            y, x = (min(max(at, 0), cells - 1) for at in (y, x))
            for i in range(cells):
                for j in range(cells):
                    made[i, j, found[row, column]] += max(0, 1 - abs(y - i)) * max(0, 1 - abs(x - j))
    row = made.ravel() / np.linalg.norm(made)
    row = np.minimum(row, 0.2)
    return row / np.linalg.norm(row)


@pytest.mark.parametrize("cells", [1, 3, 4])
def test_equals_a_slow_loop(cells):
    cut = np.random.default_rng(0).uniform(0, 255, (3, 41, 41)).astype(np.float32)
    found = cs_lbp_patterns(cut, 2.55)
    rows = pattern_histograms(found, cells)
    for at in range(3):
        expected = slow_patterns(cut[at].astype(float), 2.55)
        assert (found[at] == expected).mean() > 0.999  # a difference right at the threshold may go either way
        assert rows[at] == pytest.approx(slow_histogram(found[at], cells), abs=1e-6)


def test_an_edge_has_the_bits_of_the_pairs_across_it():
    ramp = np.tile(np.arange(41, dtype=np.float32), (1, 41, 1))  # brighter to the right
    assert (cs_lbp_patterns(ramp, 1.0) == 0b0011).all()  # right over left, and lower right over upper left
    assert (cs_lbp_patterns(ramp.transpose(0, 2, 1), 1.0) == 0b1110).all()
    assert (cs_lbp_patterns(ramp, 4.5) == 0).all()


def test_points_are_those_of_sift():
    own, found = Sift().features(photograph()), LocalLbp().features(photograph())
    order = [np.lexsort(np.column_stack([each.points, each.scales, each.angles]).T) for each in (own, found)]
    for one, other in ((own.points, found.points), (own.scales, found.scales), (own.angles, found.angles)):
        assert np.array_equal(one[order[0]], other[order[1]])
    assert np.linalg.norm(found.descriptors, axis=1) == pytest.approx(np.ones(len(found)), abs=1e-5)


@pytest.mark.parametrize(
    ("view", "again", "matched"),
    [("a quarter turn", 0.85, 0.85), ("turned", 0.7, 0.6), ("smaller", 0.75, 0.65), ("darker", 0.9, 0.85)],
)
def test_features_are_found_again(view, again, matched):
    repeated, right = found_again(LocalLbp(), view)
    assert repeated > again
    assert right > matched


def test_angles_turn_with_the_image():
    turns = angles_after_a_quarter_turn(LocalLbp())
    assert (np.abs(turns - 90) < 10).mean() > 0.7  # a place of several directions may be paired with itself otherwise


def test_upright_features_have_no_angle_and_tell_turned_ones_apart():
    assert (LocalLbp(upright=True).features(photograph()).angles == 0).all()
    assert found_again(LocalLbp(upright=True), "a quarter turn")[1] < 0.1


@pytest.mark.parametrize("wrong", [{"n": 0}, {"cells": 0}, {"extent": 0.5}, {"threshold": 1.0}, {"contrast": -0.1}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LocalLbp(**wrong)
