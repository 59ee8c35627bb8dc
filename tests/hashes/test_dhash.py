import cv2
import numpy as np
import pytest

from nearsight.hashes.dhash import Dhash
from nearsight.metrics.hamming import Hamming


def by_definition(grey):
    """Bits of a luma image of count rows and count + 1 columns, with plain loops."""
    return [int(int(line[x + 1]) > int(line[x])) for line in grey.tolist() for x in range(len(line) - 1)]


@pytest.mark.parametrize("bits_side", [4, 8, 16])
def test_equals_the_definition(photos, bits_side):
    for photo in photos:
        small = cv2.resize(photo, (bits_side + 1, bits_side), interpolation=cv2.INTER_AREA)
        bits = np.unpackbits(Dhash(bits_side=bits_side).describe([small])[0])
        assert bits.tolist() == by_definition(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))


def test_whole_areas_are_compared():
    image = np.zeros((16, 18, 3), np.uint8)
    image[:, 1::2] = 100
    image[:, 8:10] = 51
    bits = np.unpackbits(Dhash().describe([image])[0]).reshape(8, 8)
    assert (bits == np.eye(8, dtype=np.uint8)[3]).all()


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 57), (256, 192)])
@pytest.mark.parametrize("value", [0, 1, 100, 255])
def test_flat_images_have_no_bit_set(shape, value):
    assert not Dhash().describe([np.full((*shape, 3), value, np.uint8)]).any()


def test_copies_are_near_and_other_images_far(photos, reencoded):
    brighter = [cv2.convertScaleAbs(photo, alpha=0.8, beta=30) for photo in photos]
    rows = Dhash().describe(photos)
    for copies in (reencoded, brighter):
        distances = Hamming().distances(Dhash().describe(copies), rows)
        assert np.diag(distances).max() <= 8
        assert (distances + 1e9 * np.eye(len(rows))).min() > 8


def test_a_mirror_reverses_and_negates(photos):
    row, mirrored = (np.unpackbits(row).reshape(8, 8) for row in Dhash().describe([photos[1], photos[1][:, ::-1]]))
    assert (mirrored == 1 - row[:, ::-1]).mean() > 0.9


@pytest.mark.parametrize("bits_side", [0, 6, 68])
def test_wrong_parameters(bits_side):
    with pytest.raises(ValueError, match="bits_side"):
        Dhash(bits_side=bits_side)
