import cv2
import numpy as np
import pytest

from nearsight.features.orb import Orb
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
    expected, _ = by_opencv(photograph(), cv2.ORB.create(nfeatures=100_000, nlevels=8))
    found = as_tuples(Orb(n=100_000).features(photograph()))
    assert len(found) > 300
    assert sorted(found) == sorted(expected)


def test_small_pictures_have_fewer_levels():
    # a level of less than 63 pixels has no room for a patch: 70 pixels have one level of 1.1, whatever is asked for
    image = photograph(70)
    found = Orb(scale=1.1, levels=16, threshold=5).features(image)
    one = Orb(scale=1.1, levels=2, threshold=5).features(image)
    assert len(found) > 0
    assert as_tuples(found) == as_tuples(one)


@pytest.mark.parametrize(
    ("view", "again", "matched"),
    [
        ("a quarter turn", 0.9, 0.9),
        ("turned", 0.7, 0.55),
        ("smaller", 0.6, 0.4),
        ("darker", 0.85, 0.85),
    ],
)
def test_features_are_found_again(view, again, matched):
    repeated, right = found_again(Orb(), view)
    assert repeated > again
    assert right > matched


def test_angles_turn_with_the_picture():
    turns = angles_after_a_quarter_turn(Orb())
    assert len(turns) > 100
    assert (np.abs(turns - 90) < 10).mean() > 0.9


@pytest.mark.parametrize("wrong", [{"n": 0}, {"scale": 1.0}, {"levels": 0}, {"threshold": 255}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Orb(**wrong)
