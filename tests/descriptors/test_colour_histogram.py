import colorsys

import numpy as np
import pytest

from nearsight.descriptors.colour_histogram import ColourHistogram
from nearsight.metrics.jensen_shannon import JensenShannon


def test_rgb_equals_counting_one_by_one(photos):
    image = photos[0][::7, ::5]
    counts = np.zeros((4, 3, 5))
    for red, green, blue in image.reshape(-1, 3).tolist():
        counts[red * 4 // 256, green * 3 // 256, blue * 5 // 256] += 1
    row = ColourHistogram(space="rgb", bins=(4, 3, 5)).describe([image])[0]
    assert row == pytest.approx(counts.ravel() / counts.sum(), abs=1e-7)


def test_hsv_equals_the_standard_library(photos):
    image = photos[2][::6, ::6]
    counts = np.zeros((16, 4, 4))
    for pixel in image.reshape(-1, 3).tolist():
        hue, saturation, value = colorsys.rgb_to_hsv(*(channel / 255 for channel in pixel))
        hue = round(180 * hue) % 180
        saturation, value = round(255 * saturation), round(255 * value)
        counts[hue * 16 // 180, saturation * 4 // 256, value * 4 // 256] += 1
    row = ColourHistogram().describe([image])[0]
    assert np.abs(row - counts.ravel() / counts.sum()).sum() < 0.01


def test_lab_of_the_plain_colours():
    plain = {(0, 0, 0): (0, 128, 128), (255, 255, 255): (255, 128, 128), (255, 0, 0): (136, 208, 195)}
    for colour, (light, a, b) in plain.items():
        row = ColourHistogram(space="lab", bins=(8, 8, 8)).describe([np.full((2, 2, 3), colour, np.uint8)])[0]
        assert row.argmax() == (light // 32 * 8 + a // 32) * 8 + b // 32


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_every_colour_is_counted(space):
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, len(levels), 3)
    assert ColourHistogram(space=space).describe([cube]).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("space", ["rgb", "hsv", "lab"])
def test_right_angles_and_mirrors_change_nothing(photos, space):
    histogram = ColourHistogram(space=space)
    for photo in photos:
        turned = [np.rot90(photo, quarter) for quarter in range(4)] + [photo[:, ::-1]]
        rows = histogram.describe(turned)
        assert (rows == rows[0]).all()


def test_reencoding_is_near_and_other_images_far(photos, reencoded):
    histogram = ColourHistogram()
    distances = JensenShannon().distances(histogram.describe(reencoded), histogram.describe(photos))
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()


def test_shared_names_the_main_colours():
    half = np.zeros((4, 4, 3), np.uint8)
    half[:, :2] = (255, 0, 0)
    third = np.zeros((4, 4, 3), np.uint8)
    third[:, :1] = (255, 0, 0)
    histogram = ColourHistogram(space="rgb", bins=(2, 2, 2))
    rows = histogram.describe([half, third])
    assert histogram.explain_overlap(rows[0], rows[1]) == "both have #404040 (50 %) and #c04040 (25 %)"


def test_shared_shows_grey_as_grey():
    grey = ColourHistogram().describe([np.full((4, 4, 3), 255, np.uint8)])[0]
    assert ColourHistogram().explain_overlap(grey, grey) == "both have #e0e0e0 (100 %)"


def test_shared_is_empty_where_nothing_is():
    histogram = ColourHistogram()
    black, white = histogram.describe([np.full((4, 4, 3), value, np.uint8) for value in (0, 255)])
    assert histogram.explain_overlap(black, white) == ""


@pytest.mark.parametrize("wrong", [{"space": "hsl"}, {"bins": (8, 8)}, {"bins": (8, 8, 0)}, {"bins": (8, 8, 65)}])
def test_wrong_parameters(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ColourHistogram(**wrong)


@pytest.mark.parametrize(("space", "bins"), [("rgb", (8, 8, 8)), ("hsv", (16, 4, 4)), ("lab", (8, 8, 8))])
def test_a_picked_colour_is_nearest_to_what_has_it_with_or_without_noise(space, bins):
    histogram, rng = ColourHistogram(space=space, bins=bins), np.random.default_rng(0)
    picked = [(255, 255, 255), (128, 128, 128), (0, 0, 0), (204, 51, 51), (40, 60, 200), (30, 160, 60)]
    plain = [np.full((32, 32, 3), colour, np.uint8) for colour in picked]
    noisy = [np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8) for image in plain]
    for number, colour in enumerate(picked):
        query = histogram.embed_colours({colour: 1.0})[None]
        for images in (plain, noisy):
            distances = JensenShannon().distances(query, histogram.describe(images))[0]
            assert distances.argmin() == number
            assert distances[number] < 0.75
            assert np.delete(distances, number).min() > distances[number] + 0.15
