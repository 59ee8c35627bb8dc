from itertools import pairwise

import cv2
import numpy as np
import pytest
from scipy.signal import correlate

from nearsight.evaluation.attacks import ATTACKS
from nearsight.hashes.convolution_hash import ConvolutionHash
from nearsight.indexes.flat import Flat
from nearsight.metrics.byte_l1 import ByteL1
from nearsight.metrics.l1 import L1

CHANNELS = (3, 8, 16, 32, 64, 128, 128)
GOLDEN = [88, 111, 58, 0, 0]


def by_definition(image, seed, convolve):
    """The 512 values before they are rounded, in float64; `image (128, 128, 3)`."""
    draw = np.random.Generator(np.random.PCG64(seed))
    maps = image.astype(float).transpose(2, 0, 1)
    maps = (maps - maps.min()) / (maps.max() - maps.min())
    for before, after in pairwise(CHANNELS):
        weights = draw.normal(0, np.sqrt(2 / (9 * before)), (after, before, 3, 3))
        maps = np.stack(
            [sum(convolve(one, kernel) for one, kernel in zip(maps, each, strict=True)) for each in weights]
        )
        side = maps.shape[1] // 2
        maps = np.maximum(maps, 0).reshape(after, side, 2, side, 2).max(axis=(2, 4))
    values = maps.transpose(1, 2, 0).ravel()
    return 255 * (values - values.min()) / (values.max() - values.min())


def by_loops(one, kernel):
    padded, out = np.pad(one, 1), np.zeros_like(one)
    for y in range(3):
        for x in range(3):
            out += kernel[y, x] * padded[y : y + len(one), x : x + len(one)]
    return out


def by_scipy(one, kernel):
    return correlate(one, kernel, mode="same")


@pytest.mark.parametrize(("seed", "convolve"), [(0, by_loops), (7, by_scipy)])
def test_equals_the_definition(photos, seed, convolve):
    image = cv2.resize(photos[0], (128, 128), interpolation=cv2.INTER_AREA)
    row = ConvolutionHash(seed=seed).describe([image])[0]
    assert np.abs(row - by_definition(image, seed, convolve)).max() <= 0.501


def test_golden_bytes():
    y, x, c = np.mgrid[:128, :128, :3]
    row = ConvolutionHash().describe([((7 * x + 3 * y + 40 * c + x * y // 8) % 256).astype(np.uint8)])[0]
    assert np.abs(row[[0, 1, 2, 255, 511]].astype(int) - GOLDEN).max() <= 1


@pytest.mark.parametrize("attack", ["jpeg20", "half", "bright-20", "contrast-50", "blur", "gamma0.6", "noise"])
def test_copies_are_near_and_other_images_far(photos, attack):
    rows = ConvolutionHash().describe(photos)
    distances = ByteL1().distances(ConvolutionHash().describe([ATTACKS[attack](photo) for photo in photos]), rows)
    assert (distances.argmin(axis=1) == np.arange(len(photos))).all()
    assert np.diag(distances).max() < (distances + 1e9 * np.eye(len(rows))).min()


def test_brightness_and_contrast_are_taken_out(photos):
    photo = photos[1] // 2
    rows = ConvolutionHash().describe([photo, photo + 40])
    assert np.abs(np.diff(rows.astype(int), axis=0)).max() <= 1


def test_bytes_are_searched_and_compared_as_numbers(photos):
    rows = ConvolutionHash().describe(photos)
    apart = np.abs(rows[:, None].astype(int) - rows).sum(axis=2)
    for metric, unit in ((L1(), 1), (ByteL1(), 512)):
        hits = Flat().empty(metric).add(np.arange(len(photos)), rows).search(rows, 2)
        assert (hits.ids == apart.argsort(axis=1)[:, :2]).all()
        assert (-hits.scores * unit == np.sort(apart, axis=1)[:, :2]).all()


@pytest.mark.parametrize("value", [0, 1, 100, 255])
def test_flat_images_are_zeros(value):
    assert not ConvolutionHash().describe([np.full((33, 57, 3), value, np.uint8)]).any()


def test_other_seeds_are_other_hashes(photos):
    first, second = (ConvolutionHash(seed=seed).describe(photos[:1])[0].astype(int) for seed in (0, 1))
    assert np.abs(first - second).mean() > 20
    with pytest.raises(ValueError, match="seed is 0 or larger; got -1"):
        ConvolutionHash(seed=-1)
