"""Planes are found among many wrong matches, and nothing is found where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.geometry.homography import _project_by_homography, estimate_homography
from nearsight.geometry.matching import Matches
from tests.geometry.planes import ASPECT, MIRRORED, VIEWS, matches, moved

TOLERANCE = 0.02
CORNERS = np.array([[x, y * ASPECT] for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_a_plane_is_found_among_seventy_per_cent_of_wrong_matches(view, seed):
    given = matches(view, seed=seed)
    found = estimate_homography(given, TOLERANCE)
    apart = np.linalg.norm(moved(found.homography, CORNERS) - moved(view, CORNERS), axis=1)
    assert apart.max() < TOLERANCE
    assert 60 <= len(found.query_points) == len(found.hit_points) <= 110
    missed = np.linalg.norm(moved(found.homography, found.query_points) - found.hit_points, axis=1)
    assert missed.max() <= TOLERANCE
    pairs = {(*one, *other) for one, other in zip(given.query_points.tolist(), given.hit_points.tolist(), strict=True)}
    assert all((*one, *other) in pairs for one, other in zip(found.query_points, found.hit_points, strict=True))


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
def test_features_that_say_nothing_of_size_and_turn_find_it_too(view):
    given = matches(view, 150, 100)
    found = estimate_homography(Matches(given.query_points, given.hit_points, np.ones(250), np.zeros(250)), TOLERANCE)
    assert np.linalg.norm(moved(found.homography, CORNERS) - moved(view, CORNERS), axis=1).max() < TOLERANCE
    assert 100 <= len(found.query_points) <= 200
    anywhere = matches(view, 0, 250)
    found = estimate_homography(
        Matches(anywhere.query_points, anywhere.hit_points, np.ones(250), np.zeros(250)), TOLERANCE
    )
    assert found is None or len(found.query_points) < 15


@pytest.mark.parametrize("seed", range(5))
def test_matches_anywhere_agree_on_nothing(seed):
    found = estimate_homography(matches(np.eye(3), 0, 300, seed), TOLERANCE)
    assert found is None or len(found.query_points) < 10


@pytest.mark.parametrize("seed", range(3))
def test_a_mirrored_plane_is_none(seed):
    """Features turn by all angles there: one at angle a by 180 - 2 a. With one turn for all, the sides tell."""
    given, rng = matches(MIRRORED, 150, 0, seed), np.random.default_rng(seed)
    for turns in (rng.random(150) * 360, np.zeros(150)):
        found = estimate_homography(Matches(given.query_points, given.hit_points, given.scale_ratios, turns), TOLERANCE)
        assert found is None or len(found.query_points) < 15


def test_the_middle_of_two_planes_is_that_of_the_larger():
    """Two things moved apart: the one with more features is told."""
    one, other = matches(VIEWS["shifted"], 60, 0, 1), matches(VIEWS["turned"], 30, 0, 2)
    both = Matches(
        *(
            np.concatenate([getattr(each, name) for each in (one, other)])
            for name in ("query_points", "hit_points", "scale_ratios", "rotations")
        )
    )
    found = estimate_homography(both, TOLERANCE)
    assert np.linalg.norm(moved(found.homography, CORNERS) - moved(VIEWS["shifted"], CORNERS), axis=1).max() < TOLERANCE


def test_few_matches_and_matches_of_one_place_are_none():
    nothing = np.empty((0, 2))
    assert estimate_homography(Matches(nothing, nothing, np.empty(0), np.empty(0)), TOLERANCE) is None
    assert estimate_homography(matches(np.eye(3), 3, 0), TOLERANCE) is None
    one = np.full((40, 2), 0.5)
    assert estimate_homography(Matches(one, one, np.ones(40), np.zeros(40)), TOLERANCE) is None


def test_matches_on_a_line_say_nothing_of_a_plane():
    line = np.stack([np.linspace(0, 1, 40), np.full(40, 0.5)], axis=1)
    assert estimate_homography(Matches(line, line, np.ones(40), np.zeros(40)), TOLERANCE) is None


def test_several_matches_of_one_feature_count_once():
    given = matches(VIEWS["shifted"], 30, 0)
    twice = Matches(
        *(
            np.repeat(getattr(given, name), 4, axis=0)
            for name in ("query_points", "hit_points", "scale_ratios", "rotations")
        )
    )
    once, found = estimate_homography(given, TOLERANCE), estimate_homography(twice, TOLERANCE)
    assert len(found.query_points) == len(once.query_points)


def test_the_same_matches_give_the_same_plane():
    given = matches(VIEWS["slantwise"])
    first, second = (estimate_homography(given, TOLERANCE) for _ in range(2))
    assert np.array_equal(first.homography, second.homography)
    assert np.array_equal(first.query_points, second.query_points)


def test_the_scale_of_a_place_is_that_of_a_small_square_around_it():
    slanted = np.array([[1.1, 0.2, 0.1], [-0.1, 0.9, 0.05], [1.5, -0.7, 1.0]])
    _, scales = _project_by_homography(slanted, CORNERS)
    steps = np.eye(2) * 1e-5
    across, down = ((moved(slanted, CORNERS + step) - moved(slanted, CORNERS - step)) / 2e-5 for step in steps)
    areas = np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0])
    assert areas.max() > 20 * areas.min()
    assert scales == pytest.approx(np.sqrt(areas), rel=1e-6)
