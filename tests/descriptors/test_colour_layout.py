import numpy as np
import pytest
from skimage.color import rgb2lab

from nearsight.descriptors.colour_layout import ColourLayout
from nearsight.metrics.l1 import L1


@pytest.mark.parametrize("spread", ["deviation", "variance"])
def test_cells_equal_their_pixels_one_by_one(photos, spread):
    image = photos[3][:120, :90]
    cells = ColourLayout(grid=3, space="rgb", spread=spread).describe([image])[0].reshape(3, 3, 2, 3)
    for y in range(3):
        for x in range(3):
            pixels = image[40 * y : 40 * y + 40, 30 * x : 30 * x + 30].reshape(-1, 3) / 255
            assert cells[y, x, 0] == pytest.approx(pixels.mean(axis=0), abs=1e-6)
            expected = pixels.std(axis=0) if spread == "deviation" else pixels.var(axis=0)
            assert cells[y, x, 1] == pytest.approx(expected, abs=1e-6)


def test_a_pixel_on_a_cut_counts_in_both_cells():
    image = np.zeros((3, 3, 3), np.uint8)
    image[1, 1] = 255
    cells = ColourLayout(grid=2, space="rgb").describe([image])[0].reshape(2, 2, 2, 3)
    share = 0.25 / 2.25
    assert cells[:, :, 0] == pytest.approx(share, abs=1e-6)
    assert cells[:, :, 1] == pytest.approx(np.sqrt(share - share**2), abs=1e-6)


def test_lab_is_that_of_scikit_image(photos):
    row = ColourLayout(grid=1).describe([photos[2]])[0]
    pixels = rgb2lab(photos[2]).reshape(-1, 3) / 100
    assert row == pytest.approx([*pixels.mean(axis=0), *pixels.std(axis=0)], abs=0.01)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
@pytest.mark.parametrize("spread", ["deviation", "variance", "none"])
def test_a_mirrored_image_has_mirrored_cells(photos, space, spread):
    layout = ColourLayout(grid=5, space=space, spread=spread)
    for photo in photos:
        row, mirrored, flipped = layout.describe([photo, photo[:, ::-1], photo[::-1]]).reshape(3, 5, 5, -1)
        assert mirrored == pytest.approx(row[:, ::-1], abs=1e-5)
        assert flipped == pytest.approx(row[::-1], abs=1e-5)


def test_the_same_colours_elsewhere_are_far_and_a_reencoding_near(photos, reencoded):
    layout = ColourLayout()
    rows = layout.describe(photos)
    again = L1().distances(layout.describe(reencoded), rows)
    turned = L1().distances(layout.describe([photo[::-1] for photo in photos]), rows)
    assert (again.argmin(axis=1) == np.arange(len(photos))).all()
    assert (np.diag(turned) > 10 * np.diag(again)).all()


@pytest.mark.parametrize("wrong", [{"space": "hsl"}, {"grid": 0}, {"grid": 65}, {"spread": "range"}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ColourLayout(**wrong)
