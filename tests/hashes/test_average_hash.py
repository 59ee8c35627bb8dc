import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS
from nearsight.hashes.average_hash import AverageHash
from nearsight.metrics.hamming import Hamming


def by_definition(grey):
    """Bits of a luma image of as many pixels as bits, with plain loops."""
    values = [int(value) for line in grey for value in line]
    return [int(value * len(values) > sum(values)) for value in values]


@pytest.mark.parametrize("bits_side", [4, 8, 16])
def test_equals_the_definition(photos, bits_side):
    for photo in photos:
        small = cv2.resize(photo, (bits_side, bits_side), interpolation=cv2.INTER_AREA)
        bits = np.unpackbits(AverageHash(bits_side=bits_side).describe([small])[0])
        assert bits.tolist() == by_definition(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def test_whole_areas_are_compared():
    image = np.full((40, 80, 3), 90, np.uint8)
    image[5:10, 20:30] = 200
    bits = np.unpackbits(AverageHash().describe([image])[0]).reshape(8, 8)
    assert np.argwhere(bits).tolist() == [[1, 2]]


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 57), (256, 192)])
@pytest.mark.parametrize("value", [0, 1, 100, 255])
def test_flat_images_have_no_bit_set(shape, value):
    assert not AverageHash().describe([np.full((*shape, 3), value, np.uint8)]).any()


@pytest.mark.parametrize("attack", ["jpeg20", "half", "bright-20", "contrast-50", "blur", "gamma0.6"])
def test_copies_are_near_and_other_images_far(photos, attack):
    rows = AverageHash().describe(photos)
    distances = Hamming().distances(AverageHash().describe([ATTACKS[attack](photo) for photo in photos]), rows)
    assert np.diag(distances).max() <= 8
    assert (distances + 1e9 * np.eye(len(rows))).min() > 8


def test_a_mirror_reverses_and_a_right_angle_is_far(photos):
    for photo in photos:
        square = np.ascontiguousarray(photo[:160, :160])
        bits, mirrored, turned = (
            np.unpackbits(row).reshape(8, 8)
            for row in AverageHash().describe([square, square[:, ::-1], np.rot90(square)])
        )
        assert (mirrored == bits[:, ::-1]).mean() > 0.95
        assert (turned == np.rot90(bits)).mean() > 0.95


@pytest.mark.parametrize("bits_side", [0, 6, 68])
def test_wrong_parameters(bits_side):
    with pytest.raises(ValueError, match="bits_side"):
        AverageHash(bits_side=bits_side)
