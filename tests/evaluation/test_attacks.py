import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS

skimage_data = pytest.importorskip("skimage.data")
LIGHT = {"jpeg20", "half", "crop10", "bright+20", "bright-20"}
QUALITIES = (75, 50, 30, 20, 15, 10, 8, 5, 3)


@pytest.fixture(scope="module")
def cat():
    return skimage_data.chelsea()


def psnr(first, second):
    return 10 * np.log10(255**2 / np.mean((first.astype(float) - second) ** 2))


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 2), (64, 48)])
def test_every_attack_takes_every_image(name, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    before = image.copy()
    altered = ATTACKS[name](image)
    assert altered.dtype == np.uint8
    assert altered.ndim == 3
    assert altered.shape[2] == 3
    assert min(altered.shape) >= 1
    assert np.array_equal(image, before)
    assert not np.shares_memory(altered, image)


@pytest.mark.parametrize("name", ATTACKS)
def test_same_image_same_bytes_and_something_changes(name, cat):
    first, second = ATTACKS[name](cat), ATTACKS[name](cat.copy())
    assert np.array_equal(first, second)
    assert first.shape != cat.shape or not np.array_equal(first, cat)


def test_another_image_is_altered_elsewhere(cat):
    other = skimage_data.coffee()
    kept = [ATTACKS["noise"](image).astype(int) - image for image in (cat[:200, :200], other[:200, :200])]
    inside = (kept[0] != 0) & (kept[1] != 0)
    assert abs(np.corrcoef(kept[0][inside], kept[1][inside])[0, 1]) < 0.05


def test_names_and_light_ones():
    assert all(attack.name == name for name, attack in ATTACKS.items())
    assert {name for name, attack in ATTACKS.items() if attack.light} == LIGHT


@pytest.mark.parametrize("percent", [10, 15, 20, 30, 40, 50, 60, 70, 80])
def test_crops_remove_that_share_and_keep_the_pixels(percent, cat):
    cropped = ATTACKS[f"crop{percent}"](cat)
    height, width = cropped.shape[:2]
    assert 1 - height * width / (cat.shape[0] * cat.shape[1]) == pytest.approx(percent / 100, abs=0.005)
    assert width / height == pytest.approx(cat.shape[1] / cat.shape[0], rel=0.02)
    difference = cv2.matchTemplate(cat, cropped, cv2.TM_SQDIFF)
    top, left = np.unravel_index(difference.argmin(), difference.shape)
    assert np.array_equal(cat[top : top + height, left : left + width], cropped)


def test_jpeg_gets_worse_with_the_quality(cat):
    quality = [psnr(cat, ATTACKS[f"jpeg{number}"](cat)) for number in QUALITIES]
    assert quality == sorted(quality, reverse=True)
    assert quality[0] > 33
    assert quality[-1] < 26


def test_small_jpeg_has_a_sixteenth_of_the_area(cat):
    small = ATTACKS["small-jpeg75"](cat)
    assert small.shape[0] * small.shape[1] * 16 == pytest.approx(cat.shape[0] * cat.shape[1], rel=0.02)


def test_sizes(cat):
    height, width = cat.shape[:2]
    assert ATTACKS["half"](cat).shape == (height // 2, round(width / 2), 3)
    assert ATTACKS["aspect+25"](cat).shape == (height, round(width * 1.25), 3)
    assert ATTACKS["rotate90"](cat).shape == (width, height, 3)
    assert ATTACKS["letterbox"](cat).shape == (height + 2 * round(height * 0.2), width, 3)


def test_geometry_is_exact_where_it_can_be(cat):
    assert np.array_equal(ATTACKS["mirror"](cat), cat[:, ::-1])
    assert np.array_equal(ATTACKS["rotate180"](cat), cat[::-1, ::-1])
    pad = round(0.1 * cat.shape[1])
    assert np.array_equal(ATTACKS["border"](cat)[pad:-pad, pad:-pad], cat)
    assert (ATTACKS["border"](cat)[:pad] == 255).all()


def test_colours():
    grey = np.full((8, 8, 3), 100, np.uint8)
    colour = np.tile(np.array([200, 100, 50], np.uint8), (8, 8, 1))
    assert (ATTACKS["bright+20"](grey) == 120).all()
    assert (ATTACKS["bright-20"](grey) == 80).all()
    assert np.ptp(ATTACKS["grey"](colour), axis=2).max() == 0
    assert np.ptp(ATTACKS["saturation-80"](colour), axis=2).max() == pytest.approx(0.2 * 150, abs=1)


def test_noise_and_salt_have_their_strength():
    grey = np.full((200, 200, 3), 128, np.uint8)
    assert ATTACKS["noise"](grey).std() == pytest.approx(25, rel=0.03)
    salted = ATTACKS["salt-pepper"](grey)[:, :, 0]
    assert (salted == 0).mean() == pytest.approx(0.025, abs=0.003)
    assert (salted == 255).mean() == pytest.approx(0.025, abs=0.003)


def test_text_covers_a_part_only(cat):
    changed = (ATTACKS["text"](cat) != cat).any(axis=2).mean()
    assert 0.03 < changed < 0.3


def test_screenshot_shows_the_whole_image(cat):
    page = ATTACKS["screenshot"](cat)
    height = round(432 * cat.shape[0] / cat.shape[1])
    shown = page[80 : 80 + height, 30 : 30 + 432]
    assert shown.mean() == pytest.approx(cat.mean(), abs=1)
    assert page.size > 1.5 * shown.size
