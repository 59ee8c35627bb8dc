import numpy as np
import pytest
from scipy import stats

from nearsight.descriptors._colour_space import to_unit_range
from nearsight.descriptors.colour_moments import ColourMoments
from nearsight.metrics.l1 import L1


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_equals_scipy(photos, space):
    for photo in photos[:3]:
        pixels = to_unit_range(photo, space).reshape(-1, 3).astype(np.float64)
        third = stats.moment(pixels, order=3, axis=0)
        expected = [*pixels.mean(axis=0), *pixels.std(axis=0), *(np.sign(third) * np.abs(third) ** (1 / 3))]
        assert ColourMoments(space=space).describe([photo])[0] == pytest.approx(expected, abs=1e-5)


def test_skewness_has_the_sign_of_the_longer_tail():
    image = np.full((10, 10, 3), 200, np.uint8)
    image[0] = 0
    dark_tail, bright_tail = ColourMoments(space="rgb").describe([image, 200 - image])
    assert dark_tail[6:] == pytest.approx(-bright_tail[6:], abs=1e-6)
    assert dark_tail[6:].max() < -0.3


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_right_angles_and_mirrors_change_nothing(photos, space):
    moments = ColourMoments(space=space)
    for photo in photos:
        rows = moments.describe([np.rot90(photo, quarter) for quarter in range(4)] + [photo[:, ::-1]])
        assert rows == pytest.approx(np.tile(rows[0], (5, 1)), abs=1e-5)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_a_palette_is_the_row_of_an_image_of_it(space):
    image = np.full((4, 5, 3), (200, 40, 30), np.uint8)
    image[0] = 20, 180, 90
    moments = ColourMoments(space=space)
    asked = moments.embed_colours({(200, 40, 30): 3.0, (20, 180, 90): 1.0})
    assert asked == pytest.approx(moments.describe([image])[0], abs=1e-5)


def test_reencoding_is_near_and_other_images_far(photos, reencoded):
    moments = ColourMoments()
    distances = L1().distances(moments.describe(reencoded), moments.describe(photos))
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_shared_names_the_mean_colours_where_they_are_alike(space):
    moments = ColourMoments(space=space)
    colours = [(200, 40, 40), (190, 40, 40), (40, 40, 200)]
    red, other_red, blue = moments.describe([np.full((3, 3, 3), colour, np.uint8) for colour in colours])
    first, _, second = moments.explain_overlap(red, other_red).removeprefix("on average ").partition(" and ")
    for name, colour in ((first, colours[0]), (second, colours[1])):
        assert list(bytes.fromhex(name[1:])) == pytest.approx(colour, abs=3)
    assert moments.explain_overlap(red, blue) == ""


def test_wrong_parameters():
    with pytest.raises(ValueError, match="space"):
        ColourMoments(space="hsl")
