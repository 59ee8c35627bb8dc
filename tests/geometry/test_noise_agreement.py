"""Noise tells two photographs from two copies of one, and explains what differs in a JPEG of low quality."""

import cv2
import numpy as np
import pytest

from nearsight.geometry.compression import noise_variances
from nearsight.geometry.noise_agreement import compare_blocks, correlate_noise
from nearsight.geometry.photometric import ImagePair

skimage_data = pytest.importorskip("skimage.data")


def photograph(noise=0.0, seed=0):
    """A smooth scene, taken with noise of its own."""
    rng = np.random.default_rng(9)
    scene = cv2.GaussianBlur(rng.uniform(40, 220, (480, 640, 3)), (0, 0), 25)
    scene = (scene - scene.mean()) * 6 + 128
    return np.clip(scene + np.random.default_rng(seed).normal(0, noise, scene.shape), 0, 255).astype(np.uint8)


def saved(image, quality):
    encoded = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1])


def pair(first, second, quality=None):
    greys = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32) for each in (first, second)]
    noises = [noise_variances(greys[0], None), noise_variances(greys[1], quality)]
    inside = np.ones(first.shape[:2], np.float32)
    return ImagePair(first.astype(np.float32), second.astype(np.float32), inside, *noises, 16)


@pytest.mark.parametrize("quality", [70, 85, 95])
def test_one_photograph_saved_twice_has_one_noise_and_another_one_has_its_own(quality):
    taken = photograph(4.0, seed=1)
    assert correlate_noise(pair(saved(taken, 92), saved(taken, quality))) > 0.3
    again = photograph(4.0, seed=2)
    assert abs(correlate_noise(pair(saved(taken, 92), saved(again, quality)))) < 0.05


def test_without_noise_in_both_nothing_is_said():
    taken = photograph(4.0, seed=1)
    assert correlate_noise(pair(taken, cv2.GaussianBlur(taken, (0, 0), 3))) is None
    assert correlate_noise(pair(photograph(), photograph())) is None
    added = np.clip(taken + np.random.default_rng(3).normal(0, 20, taken.shape), 0, 255).astype(np.uint8)
    assert correlate_noise(pair(taken, added)) is None


def test_black_and_white_show_no_noise():
    taken = photograph(4.0, seed=1)
    taken[:, :] = np.where(taken > 128, 255, 0)
    assert correlate_noise(pair(taken, taken)) is None


def test_blocks_agree_where_quantization_explains_what_differs():
    image = skimage_data.coffee()
    found = compare_blocks(pair(image, saved(image, 5), quality=5), 5)
    assert found is not None
    assert found.quality == 5
    assert found.n_pixels > 10_000
    assert found.correlation > 0.8


def test_blocks_disagree_where_something_changed_and_say_nothing_of_a_better_quality():
    image = skimage_data.coffee()
    changed = image.copy()
    changed[100:140, 200:260] = 230, 230, 230
    assert compare_blocks(pair(image, saved(changed, 5), quality=5), 5) is None
    assert compare_blocks(pair(image, saved(image, 60), quality=60), 60) is None
    assert compare_blocks(pair(image, image), None) is None
