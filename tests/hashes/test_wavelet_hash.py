import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS
from nearsight.hashes.wavelet_hash import WaveletHash
from nearsight.metrics.hamming import Hamming


def haar(values):
    """The whole transform of one line by halving: the mean, then differences, coarse ones first."""
    details = []
    while len(values) > 1:
        pairs = list(zip(values[::2], values[1::2], strict=True))
        details = [(left - right) / 2 for left, right in pairs] + details
        values = [(left + right) / 2 for left, right in pairs]
    return [*values, *details]


def by_definition(grey, count):
    """Bits of a square luma image, with the transform of every line and then of every column."""
    lines = [haar(line) for line in grey]
    columns = [haar([line[x] for line in lines]) for x in range(count)]
    bits = [int(columns[x][y] > 0) for y in range(count) for x in range(count)]
    return [0, *bits[1:]]


@pytest.mark.parametrize("bits_side", [4, 8, 16])
def test_equals_the_definition(photos, bits_side):
    for photo in photos:
        small = cv2.resize(photo, (4 * bits_side, 4 * bits_side), interpolation=cv2.INTER_AREA)
        bits = np.unpackbits(WaveletHash(bits_side=bits_side).describe([small])[0])
        assert bits.tolist() == by_definition(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).tolist(), bits_side)


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 57), (256, 192)])
@pytest.mark.parametrize("value", [0, 1, 100, 255])
def test_flat_images_have_no_bit_set(shape, value):
    assert not WaveletHash().describe([np.full((*shape, 3), value, np.uint8)]).any()


def test_a_step_has_the_one_wavelet_that_it_is():
    image = np.full((64, 64, 3), 40, np.uint8)
    image[:32] = 90
    bits = np.unpackbits(WaveletHash().describe([image])[0]).reshape(8, 8)
    assert np.argwhere(bits).tolist() == [[1, 0]]


@pytest.mark.parametrize("attack", ["jpeg20", "half", "bright-20", "contrast-50", "blur", "noise", "gamma0.6"])
def test_copies_are_near_and_other_images_far(photos, attack):
    rows = WaveletHash().describe(photos)
    distances = Hamming().distances(WaveletHash().describe([ATTACKS[attack](photo) for photo in photos]), rows)
    assert np.diag(distances).max() <= 10
    assert (distances + 1e9 * np.eye(len(rows))).min() > 12


def test_a_mirror_negates_the_coarsest_wavelet_along_x(photos):
    pairs = [WaveletHash().describe([photo, photo[:, ::-1]]) for photo in photos]
    bits = np.unpackbits(np.stack(pairs), axis=2).reshape(-1, 2, 8, 8)
    assert (bits[:, 0, :, 1] != bits[:, 1, :, 1]).mean() > 0.9
    assert (bits[:, 0, 1:, 0] == bits[:, 1, 1:, 0]).mean() > 0.9


@pytest.mark.parametrize("bits_side", [0, 12, 68])
def test_wrong_parameters(bits_side):
    with pytest.raises(ValueError, match="bits_side"):
        WaveletHash(bits_side=bits_side)
