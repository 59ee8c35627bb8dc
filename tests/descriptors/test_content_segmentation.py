import colorsys

import numpy as np
import pytest

from nearsight.descriptors._foreground import foreground
from nearsight.descriptors.content_segmentation import ContentSegmentation
from nearsight.metrics.jensen_shannon import JensenShannon
from tests.descriptors.shapes import drawn


def pattern(grey, y, x):
    """The local binary pattern of one pixel, with plain loops."""
    height, width = grey.shape
    around = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    bits = []
    for down, right in around:
        v, u = min(max(y + down, 0), height - 1), min(max(x + right, 0), width - 1)
        bits.append(int(grey[v, u] >= grey[y, x]))
    changes = sum(bits[i] != bits[i - 1] for i in range(8))
    return sum(bits) if changes <= 2 else 9


def by_definition(image, bins, thing, texture):
    grey = np.floor(image @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(int)
    mask, parts = foreground(image), []
    for part, weight in ((mask, thing), (~mask, 1 - thing)):
        colours, patterns = np.zeros(bins), np.zeros(10)
        for y, x in np.argwhere(part).tolist():
            hue, saturation, value = colorsys.rgb_to_hsv(*(image[y, x] / 255).tolist())
            hue, saturation, value = round(180 * hue) % 180, round(255 * saturation), round(255 * value)
            colours[hue * bins[0] // 180, saturation * bins[1] // 256, value * bins[2] // 256] += 1 / part.sum()
            patterns[pattern(grey, y, x)] += 1 / part.sum()
        parts += [weight * (1 - texture) * colours.ravel(), weight * texture * patterns]
    return np.concatenate(parts)


@pytest.mark.parametrize(("bins", "thing", "texture"), [((8, 4, 4), 0.3, 0.5), ((5, 2, 3), 0.6, 0.2)])
def test_equals_the_definition(photos, bins, thing, texture):
    for photo in (photos[0][::3, ::3], drawn("star")[::2, ::2]):
        image = np.ascontiguousarray(photo)
        row = ContentSegmentation(bins=bins, thing=thing, texture=texture).describe([image])[0]
        assert np.abs(row - by_definition(image, bins, thing, texture)).sum() < 0.02


def test_right_angles_and_mirrors_change_little(photos):
    for photo in photos:
        rows = ContentSegmentation().describe([photo, np.rot90(photo), photo[:, ::-1]])
        assert np.abs(rows - rows[0]).sum(axis=1) == pytest.approx(np.zeros(3), abs=1e-3)


def test_swapping_thing_and_ground_is_far_where_a_histogram_of_all_is_not():
    red, blue = (200, 30, 30), (30, 40, 200)
    half = np.full((120, 120, 3), blue, np.uint8)
    half[18:102, 18:102] = red
    rows = ContentSegmentation().describe(
        [half, np.roll(half, (6, -5), (0, 1)), np.where(half == red, blue, red).astype(np.uint8)]
    )
    moved, swapped = JensenShannon().distances(rows[:1], rows[1:])[0]
    assert moved < 0.02
    assert swapped > 0.5


def test_the_thing_is_found_again_on_another_ground():
    on_beige = drawn("star", 10)
    on_green = drawn("star", 60, 60, (10, 5), ground=(90, 160, 80))
    other = drawn("star", 10, ink=(30, 60, 190), ground=(90, 160, 80))
    rows = ContentSegmentation(thing=1.0).describe([on_beige, on_green, other])
    same, different = JensenShannon().distances(rows[:1], rows[1:])[0]
    assert same < 0.5 * different


def test_texture_tells_stripes_from_a_plain_ground():
    plain = np.full((90, 90, 3), 120, np.uint8)
    striped = plain.copy()
    striped[:, ::4] = 122
    rows = ContentSegmentation(texture=1.0).describe([plain, striped])
    assert JensenShannon().distances(rows[:1], rows[1:])[0, 0] > 0.3


def test_sums_and_the_ground_that_is_missing(photos):
    sums = ContentSegmentation().describe(photos).sum(axis=1)
    assert sums == pytest.approx(np.ones(len(photos)), abs=1e-5)
    flat = ContentSegmentation().describe([np.full((9, 9, 3), 80, np.uint8)])[0]
    assert flat[:138].sum() == pytest.approx(0.3)
    assert not flat[138:].any()


@pytest.mark.parametrize("wrong", [{"bins": (8, 8)}, {"bins": (8, 8, 0)}, {"thing": 1.5}, {"texture": -0.1}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ContentSegmentation(**wrong)
