import math

import cv2
import numpy as np
import pytest

from nearsight.hashes.phash import Phash
from nearsight.metrics.hamming import Hamming


def by_definition(grey, count):
    """Bits of a square luma image of 4 count pixels a side, with plain loops."""
    side = len(grey)
    block = []
    for v in range(count):
        for u in range(count):
            total = 0.0
            for y in range(side):
                for x in range(side):
                    wave = math.cos(math.pi * v * (2 * y + 1) / (2 * side)) * math.cos(
                        math.pi * u * (2 * x + 1) / (2 * side)
                    )
                    total += wave * int(grey[y, x])
            block.append(total)
    ordered = sorted(block[1:])
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return [0] + [int(value > median + 1e-6) for value in block[1:]]


@pytest.mark.parametrize("which", [0, 1])
def test_equals_the_definition(photos, which):
    photo = cv2.resize(photos[which], (32, 32), interpolation=cv2.INTER_AREA)
    bits = np.unpackbits(Phash().describe([photo])[0])
    assert bits.tolist() == by_definition(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), 8)


def test_equals_the_definition_with_fewer_bits(photos):
    photo = cv2.resize(photos[2], (16, 16), interpolation=cv2.INTER_AREA)
    bits = np.unpackbits(Phash(bits_side=4).describe([photo])[0])
    assert bits.tolist() == by_definition(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), 4)


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 57), (256, 192)])
@pytest.mark.parametrize("value", [0, 1, 100, 255])
def test_flat_images_have_no_bit_set(shape, value):
    for bits_side in (4, 8, 16):
        assert not Phash(bits_side=bits_side).describe([np.full((*shape, 3), value, np.uint8)]).any()


def test_an_image_that_varies_along_one_axis_has_only_bits_of_that_axis():
    wave = np.round(127 + 100 * np.cos(np.pi * 3 * (np.arange(32) + 0.5) / 32)).astype(np.uint8)
    bits = np.unpackbits(Phash().describe([np.repeat(wave[None, :, None], 3, 2).repeat(32, 0)])[0]).reshape(8, 8)
    assert bits[0, 3] == 1
    assert not bits[1:].any()


def test_copies_are_near_and_other_images_far(photos, reencoded):
    smaller = [cv2.resize(photo, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for photo in photos]
    brighter = [cv2.convertScaleAbs(photo, alpha=0.8, beta=30) for photo in photos]
    rows = Phash().describe(photos)
    for copies in (reencoded, smaller, brighter):
        distances = Hamming().distances(Phash().describe(copies), rows)
        assert np.diag(distances).max() <= 10
        assert (distances + 1e9 * np.eye(len(rows))).min() > 12


def test_a_mirror_flips_the_odd_columns(photos):
    rows = [np.unpackbits(row).reshape(8, 8) for row in Phash().describe([photos[0], photos[0][:, ::-1]])]
    assert (rows[0][:, ::2] == rows[1][:, ::2]).mean() > 0.85
    assert (rows[0][:, 1::2] == rows[1][:, 1::2]).mean() < 0.25


def test_a_right_angle_is_far(photos):
    distances = Hamming().distances(Phash().describe([np.rot90(p) for p in photos]), Phash().describe(photos))
    assert np.diag(distances).min() > 10


@pytest.mark.parametrize("bits_side", [0, 6, 68])
def test_wrong_parameters(bits_side):
    with pytest.raises(ValueError, match="bits_side"):
        Phash(bits_side=bits_side)
