"""Features of OpenCV that are described by strings of bits: the same as OpenCV's, found again in other views."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from nearsight.features.akaze import Akaze
from nearsight.features.brisk import Brisk
from nearsight.features.orb import Orb
from tests.features.views import angles_after_a_quarter_turn, found_again, photograph

OPENCV = {
    Akaze: lambda: cv2.AKAZE.create(threshold=0.001, nOctaves=4),
    Brisk: lambda: cv2.BRISK.create(thresh=30, octaves=3),
    Orb: lambda: cv2.ORB.create(nfeatures=100_000, nlevels=8),
}
every = pytest.mark.parametrize("method", OPENCV)


def by_opencv(image, method):
    """Place, diameter, angle and bytes of all that OpenCV finds, and the responses."""
    found, rows = OPENCV[method]().detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)
    places = [np.float32([p.pt[0] + 0.5, p.pt[1] + 0.5, p.size, p.angle]).tolist() for p in found]
    made = [(*place, row.tobytes()) for place, row in zip(places, rows, strict=True)]
    return made, np.array([point.response for point in found])


def as_tuples(found):
    numbers = np.column_stack([found.points, found.scales, found.angles]).tolist()
    return [(*each, row.tobytes()) for each, row in zip(numbers, found.descriptors, strict=True)]


@every
def test_equals_opencv(method):
    expected, _ = by_opencv(photograph(), method)
    found = as_tuples(method(n=100_000).features(photograph()))
    assert len(found) > 300
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("method", [Akaze, Brisk])
def test_the_strongest_are_kept(method):
    """ORB gives each level its share, so its strongest are not those of all."""
    made, responses = by_opencv(photograph(), method)
    found = as_tuples(method(n=50).features(photograph()))
    assert len(found) == 50
    least = sorted(responses, reverse=True)[49]
    chosen = {each for each, response in zip(made, responses, strict=True) if response >= least}
    assert set(found) <= chosen
    assert {each for each, response in zip(made, responses, strict=True) if response > least} <= set(found)


@pytest.mark.parametrize(
    ("method", "view", "again", "matched"),
    [
        (Akaze, "a quarter turn", 0.95, 0.9),
        (Akaze, "turned", 0.8, 0.7),
        (Akaze, "smaller", 0.7, 0.5),
        (Akaze, "darker", 0.95, 0.95),
        (Brisk, "a quarter turn", 0.85, 0.85),
        (Brisk, "turned", 0.65, 0.4),
        (Brisk, "smaller", 0.65, 0.35),
        (Brisk, "darker", 0.9, 0.85),
        (Orb, "a quarter turn", 0.9, 0.9),
        (Orb, "turned", 0.7, 0.55),
        (Orb, "smaller", 0.6, 0.4),
        (Orb, "darker", 0.85, 0.85),
    ],
)
def test_features_are_found_again(method, view, again, matched):
    repeated, right = found_again(method(), view)
    assert repeated > again
    assert right > matched


@every
def test_angles_turn_with_the_image(method):
    turns = angles_after_a_quarter_turn(method())
    assert len(turns) > 100
    assert (np.abs(turns - 90) < 10).mean() > 0.9


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        (Akaze, {"n": 0}),
        (Akaze, {"threshold": 0.0}),
        (Akaze, {"octaves": 9}),
        (Brisk, {"n": 0}),
        (Brisk, {"threshold": 0}),
        (Brisk, {"octaves": 9}),
        (Orb, {"n": 0}),
        (Orb, {"scale": 1.0}),
        (Orb, {"levels": 0}),
        (Orb, {"threshold": 255}),
    ],
)
def test_wrong_parameters(method, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        method(**wrong)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (31, 400), (400, 1)])
def test_images_too_small_for_a_point_never_reach_akaze(shape):
    """OpenCV's AKAZE writes outside of its memory on images of a pixel's width."""
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    assert len(Akaze(threshold=1e-9).features(noise)) == 0


@pytest.mark.parametrize("side", [31, 40, 64, 100])
def test_brisk_of_small_images_has_fewer_octaves(side):
    image = np.random.default_rng(side).integers(0, 256, (side, 2 * side, 3), np.uint8)
    assert (len(Brisk(octaves=8).features(image)) > 0) == (side >= 40)


def test_orb_of_small_images_has_fewer_levels():
    """A level of less than 63 pixels has no room for a patch: 70 pixels have one of 1.1, whatever is asked for."""
    image = photograph(70)
    found = Orb(scale=1.1, levels=16, threshold=5).features(image)
    one = Orb(scale=1.1, levels=2, threshold=5).features(image)
    assert len(found) > 0
    assert as_tuples(found) == as_tuples(one)
