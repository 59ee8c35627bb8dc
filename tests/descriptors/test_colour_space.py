import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from nearsight.descriptors._colour_space import (
    bin_indices,
    lab_to_rgb,
    rgb_to_lab,
    soft_assign_colour,
    to_hex,
    to_unit_range,
    unit_levels,
    unit_range_to_rgb,
)

SOME = np.array([[0, 0, 0], [255, 255, 255], [200, 30, 40], [17, 130, 240], [128, 128, 128]], np.uint8)


def test_lab_and_back_equal_scikit_image():
    assert rgb_to_lab(SOME) == pytest.approx(rgb2lab(SOME / 255), abs=0.3)
    assert lab_to_rgb(rgb_to_lab(SOME)) == pytest.approx(np.rint(255 * lab2rgb(rgb2lab(SOME / 255))), abs=1)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_unit_levels_and_shown_fit_together(photos, space):
    values = to_unit_range(photos[0], space)
    assert np.abs(values[..., None] - unit_levels(space).T).min(axis=3).max() < 1e-6
    assert np.abs(unit_range_to_rgb(values[0], space).astype(int) - photos[0][0]).mean() < 2


@pytest.mark.parametrize(("space", "tops"), [("rgb", (256, 256, 256)), ("hsv", (180, 256, 256))])
def test_bins_are_numbered_like_digits(photos, space, tops):
    image = photos[1][:20, :30]
    digits = np.floor(to_unit_range(image, space) * (np.array(tops) - 1) + 0.5) * (5, 3, 4) // tops
    assert (bin_indices(image, space, (5, 3, 4)) == digits @ [12, 4, 1]).all()


def test_a_picked_colour_is_mostly_itself_and_then_those_near():
    shares = soft_assign_colour((200, 30, 40), np.vstack([SOME, [[190, 40, 40]]]).astype(np.uint8))
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 2
    assert shares[5] > 0.2
    assert shares[[0, 1, 3, 4]].max() < 0.01


def test_names():
    assert [to_hex(colour) for colour in SOME[:3]] == ["#000000", "#ffffff", "#c81e28"]
