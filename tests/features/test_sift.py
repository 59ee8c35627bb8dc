import cv2
import numpy as np
import pytest

from nearsight.features.sift import Sift
from tests.features.views import angles_after_a_quarter_turn, found_again, photograph


def by_opencv(image):
    return cv2.SIFT.create(nfeatures=300, contrastThreshold=0.02).detectAndCompute(
        cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), None
    )


def test_equals_opencv_and_root_sift_its_hellinger_distance():
    points, rows = by_opencv(photograph())
    plain, rooted = Sift(n=300, root=False).features(photograph()), Sift(n=300).features(photograph())
    assert len(plain) == 300
    assert np.array_equal(plain.descriptors, rows[:300])
    assert plain.points == pytest.approx(np.array([point.pt for point in points[:300]]) + 0.5)
    assert plain.scales == pytest.approx(np.array([point.size for point in points[:300]]))
    first, second = (row / row.sum() for row in rows[:2].astype(float))
    hellinger = sum((one**0.5 - other**0.5) ** 2 for one, other in zip(first, second, strict=True)) ** 0.5
    assert np.linalg.norm(rooted.descriptors[0] - rooted.descriptors[1]) == pytest.approx(hellinger, rel=1e-5)


@pytest.mark.parametrize(
    ("view", "again", "matched"),
    [("a quarter turn", 0.85, 0.85), ("turned", 0.7, 0.6), ("smaller", 0.75, 0.65), ("darker", 0.9, 0.85)],
)
def test_features_are_found_again(view, again, matched):
    repeated, right = found_again(Sift(), view)
    assert repeated > again
    assert right > matched


def test_angles_turn_with_the_image():
    turns = angles_after_a_quarter_turn(Sift())
    assert (np.abs(turns - 90) < 10).mean() > 0.7  # a place of several directions may be paired with itself otherwise


def test_upright_features_have_no_angle_and_tell_turned_ones_apart():
    assert (Sift(upright=True).features(photograph()).angles == 0).all()
    assert found_again(Sift(upright=True), "a quarter turn")[1] < 0.1


@pytest.mark.parametrize("wrong", [{"n": 0}, {"contrast": 1.0}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sift(**wrong)
