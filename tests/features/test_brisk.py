import cv2
import numpy as np
import pytest

from nearsight.features.brisk import Brisk
from tests.features.views import angles_after_a_quarter_turn, found_again, photograph


def by_opencv(image, method):
    """Place, diameter, angle and bytes of all that OpenCV finds, and the responses."""
    found, rows = method.detectAndCompute(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None)
    places = [np.float32([p.pt[0] + 0.5, p.pt[1] + 0.5, p.size, p.angle]).tolist() for p in found]
    made = [(*place, row.tobytes()) for place, row in zip(places, rows, strict=True)]
    return made, np.array([point.response for point in found])


def as_tuples(found):
    numbers = np.column_stack([found.points, found.scales, found.angles]).tolist()
    return [(*each, row.tobytes()) for each, row in zip(numbers, found.descriptors, strict=True)]


def test_equals_opencv():
    expected, _ = by_opencv(photograph(), cv2.BRISK.create(thresh=30, octaves=3))
    found = as_tuples(Brisk(n=100_000).features(photograph()))
    assert len(found) > 300
    assert sorted(found) == sorted(expected)


def test_the_strongest_are_kept():
    every, responses = by_opencv(photograph(), cv2.BRISK.create(thresh=30, octaves=3))
    found = as_tuples(Brisk(n=50).features(photograph()))
    assert len(found) == 50
    least = sorted(responses, reverse=True)[49]
    chosen = {each for each, response in zip(every, responses, strict=True) if response >= least}
    assert set(found) <= chosen
    assert {each for each, response in zip(every, responses, strict=True) if response > least} <= set(found)


@pytest.mark.parametrize(
    ("view", "again", "matched"),
    [
        ("a quarter turn", 0.85, 0.85),
        ("turned", 0.65, 0.4),
        ("smaller", 0.65, 0.35),
        ("darker", 0.9, 0.85),
    ],
)
def test_features_are_found_again(view, again, matched):
    repeated, right = found_again(Brisk(), view)
    assert repeated > again
    assert right > matched


def test_angles_turn_with_the_picture():
    turns = angles_after_a_quarter_turn(Brisk())
    assert len(turns) > 100
    assert (np.abs(turns - 90) < 10).mean() > 0.9


@pytest.mark.parametrize("wrong", [{"n": 0}, {"threshold": 0}, {"octaves": 9}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Brisk(**wrong)


@pytest.mark.parametrize("side", [31, 40, 64, 100])
def test_small_pictures_have_fewer_octaves(side):
    image = np.random.default_rng(side).integers(0, 256, (side, 2 * side, 3), np.uint8)
    assert (len(Brisk(octaves=8).features(image)) > 0) == (side >= 40)
