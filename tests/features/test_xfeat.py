"""XFeat's points and descriptors: what is made of the network's outputs against plain loops, and the network itself."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from nearsight.applications.match import explain_object
from nearsight.features.xfeat import Xfeat, find_peaks, keypoint_probabilities, sample_map
from tests.contract.test_methods import ready
from tests.features.views import found_again, photograph


def test_likelihoods_are_the_softmax_of_each_cell_at_its_pixels():
    logits = np.random.default_rng(0).normal(0, 3, (3, 4, 65)).astype(np.float32)
    found = keypoint_probabilities(logits)
    assert found.shape == (24, 32)
    for y in range(24):
        for x in range(32):
            cell = [float(np.exp(float(each))) for each in logits[y // 8, x // 8]]
            assert found[y, x] == pytest.approx(cell[y % 8 * 8 + x % 8] / sum(cell), rel=1e-5)


def test_peaks_are_the_largest_of_their_surroundings():
    likely = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    right = []
    for y in range(40):
        for x in range(50):
            around = likely[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
            if likely[y, x] == around.max() and likely[y, x] > 0.9:
                right.append((y, x))
    assert len(right) > 20
    assert list(zip(*(each.tolist() for each in find_peaks(likely, 0.9)), strict=True)) == right


def test_between_cells_it_is_linear_and_beyond_the_last_it_stays():
    cells = np.random.default_rng(0).random((5, 6, 3)).astype(np.float32)
    down, right = np.array([0, 3, 4, 20, 39]), np.array([0, 4, 11, 47, 21])
    for at, (y, x) in enumerate(zip(down.tolist(), right.tolist(), strict=True)):
        v, u = (y + 0.5) / 8 - 0.5, (x + 0.5) / 8 - 0.5
        top, left = int(np.floor(v)), int(np.floor(u))
        total = 0
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            weight = (1 - abs(v - top - i)) * (1 - abs(u - left - j))
            total = total + weight * cells[min(max(top + i, 0), 4), min(max(left + j, 0), 5)].astype(float)
        assert sample_map(cells, down, right)[at] == pytest.approx(total, abs=0.02)  # weights are of 1/32 in OpenCV


@pytest.mark.parametrize(("view", "again", "matched"), [("turned", 0.7, 0.5), ("darker", 0.9, 0.9)])
def test_features_are_found_again(view, again, matched):
    ready(Xfeat())
    repeated, right = found_again(Xfeat(), view)
    assert repeated > again
    assert right > matched


def test_features_move_with_the_image():
    ready(Xfeat())
    image = photograph(384)
    shifted = np.roll(image, (16, 24), axis=(0, 1))
    first, second = Xfeat().features(image), Xfeat().features(shifted)
    places = {
        tuple(point) for point in (first.points + np.array([24, 16])).tolist() if min(point) > 60 and max(point) < 330
    }
    assert len(places) > 100
    assert len(places & {tuple(point) for point in second.points.tolist()}) > 0.8 * len(places)


@pytest.mark.parametrize("matcher", ["nearest", "lighterglue"])
def test_a_plane_seen_aslant_is_the_same_thing(matcher):
    component = Xfeat(matcher=matcher)
    ready(component)
    image = photograph(384)
    view = np.array([[0.8, 0.1, 30], [-0.08, 0.75, 60], [0.0003, 0.0002, 1]])
    other = cv2.warpPerspective(image, view, (384, 384))
    found = explain_object(component, image, other)
    assert found.alike
    unit = np.diag([1 / 384, 1 / 384, 1]) @ view @ np.diag([384, 384, 1])
    assert found.homography / found.homography[2, 2] == pytest.approx(unit, abs=0.05)


def test_the_matcher_pairs_nothing_with_nothing():
    component = Xfeat(matcher="lighterglue")
    ready(component)
    some, none = component.describe([photograph(256), np.full((50, 60, 3), 9, np.uint8)])
    assert len(none) == 0
    for pair in ((some, none), (none, some), (none, none)):
        assert component.match_pairs(*pair).shape == (0, 2)
    assert len(component.match_pairs(some, some)) > 0.9 * len(some)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"least": 0}, {"least": 1}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Xfeat(**wrong)
