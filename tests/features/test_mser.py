import math

import cv2
import numpy as np
import pytest

from nearsight.features.mser import Mser
from tests.features.views import angles_after_a_quarter_turn, found_again, photograph


def an_ellipse(size, middle, axes, degrees):
    image = np.full((size[1], size[0], 3), 180, np.uint8)
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    turn = math.radians(degrees)
    along = math.cos(turn) * (x - middle[0]) + math.sin(turn) * (y - middle[1])
    aside = math.cos(turn) * (y - middle[1]) - math.sin(turn) * (x - middle[0])
    image[(along / axes[0]) ** 2 + (aside / axes[1]) ** 2 <= 1] = 60
    return image


@pytest.mark.parametrize(("axes", "degrees"), [((20, 20), 0), ((30, 12), 25), ((25, 8), 110)])
def test_an_ellipse_has_its_centre_and_the_diameter_of_its_area(axes, degrees):
    image = an_ellipse((160, 140), (70.5, 61.25), axes, degrees)
    found = Mser(n=1).features(image)
    assert found.points[0] == pytest.approx((70.5, 61.25), abs=0.2)
    assert found.scales[0] == pytest.approx(2 * math.sqrt(axes[0] * axes[1]), rel=0.01)


def test_regions_are_measured_as_by_a_slow_loop():
    image = photograph()
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    mser = cv2.MSER.create(delta=5, min_area=60, max_area=math.ceil(luma.size * 0.1), max_variation=0.25)
    regions = sorted(mser.detectRegions(luma)[0], key=len, reverse=True)
    found = Mser().features(image)
    assert len(found) == len(regions) > 300
    for region, point, diameter in zip(regions[:60], found.points, found.scales, strict=False):
        x, y = ([float(each) + 0.5 for each in column] for column in region.T)
        middle = sum(x) / len(x), sum(y) / len(y)
        xx = sum((each - middle[0]) ** 2 + 1 / 12 for each in x) / len(x)
        yy = sum((each - middle[1]) ** 2 + 1 / 12 for each in y) / len(y)
        xy = sum((one - middle[0]) * (other - middle[1]) for one, other in zip(x, y, strict=True)) / len(x)
        # an ellipse of semi-axes a, b has moments with determinant (a b / 4)^2
        assert point == pytest.approx(middle, abs=1e-3)
        assert diameter == pytest.approx(2 * math.sqrt(4 * math.sqrt(xx * yy - xy**2)), rel=1e-4)


def test_dark_and_bright_regions_are_found():
    image = np.full((100, 200, 3), 128, np.uint8)
    image[30:60, 30:60], image[30:60, 130:160] = 10, 240
    found = Mser().features(image)
    assert sorted(found.points.tolist()) == [[45, 45], [145, 45]]


def test_the_largest_are_kept():
    every, few = Mser().features(photograph()), Mser(n=20).features(photograph())
    assert np.array_equal(few.points, every.points[:20])
    assert few.scales.min() > np.median(every.scales)


@pytest.mark.parametrize(
    ("view", "again", "matched"),
    [("a quarter turn", 0.95, 0.7), ("turned", 0.6, 0.2), ("smaller", 0.8, 0.35), ("darker", 0.95, 0.75)],
)
def test_features_are_found_again(view, again, matched):
    repeated, right = found_again(Mser(), view)
    assert repeated > again
    assert right > matched


def test_angles_turn_with_the_image():
    turns = angles_after_a_quarter_turn(Mser())
    assert len(turns) > 100
    assert (np.abs(turns - 90) < 10).mean() > 0.9


def test_upright_features_have_no_angle_and_tell_turned_ones_apart():
    assert (Mser(upright=True).features(photograph()).angles == 0).all()
    assert found_again(Mser(upright=True), "a quarter turn")[1] < 0.1


@pytest.mark.parametrize(
    "wrong",
    [{"n": 0}, {"delta": 0}, {"variation": 0.0}, {"smallest": 0}, {"largest": 1.5}, {"extent": 0.5}],
)
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Mser(**wrong)
