import statistics

import cv2
import numpy as np
import pytest

from nearsight.evaluation.attacks import ATTACKS
from nearsight.hashes.block_mean_hash import BlockMeanHash
from nearsight.metrics.hamming import Hamming


def by_definition(grey, count):
    """Bits of a luma image of 16 count pixels a side, with plain loops."""
    means = []
    for top in range(0, 16 * count, 16):
        for left in range(0, 16 * count, 16):
            block = [int(grey[top + y][left + x]) for y in range(16) for x in range(16)]
            means.append(sum(block) / 256)
    median = statistics.median(means)
    return [int(mean >= median) for mean in means]


@pytest.mark.parametrize("bits_side", [4, 8, 16])
def test_equals_the_definition(photos, bits_side):
    for photo in photos[:4]:
        sized = cv2.resize(photo, (16 * bits_side, 16 * bits_side), interpolation=cv2.INTER_LINEAR)
        bits = np.unpackbits(BlockMeanHash(bits_side=bits_side).describe([sized])[0])
        assert bits.tolist() == by_definition(cv2.cvtColor(sized, cv2.COLOR_RGB2GRAY).tolist(), bits_side)


@pytest.mark.parametrize("shape", [(1, 1), (32, 32), (33, 57), (256, 192)])
@pytest.mark.parametrize("value", [0, 1, 100, 255])
def test_flat_images_have_all_bits_set(shape, value):
    assert (BlockMeanHash().describe([np.full((*shape, 3), value, np.uint8)]) == 255).all()


def test_half_of_the_bits_of_a_photograph_are_set(photos):
    shares = np.unpackbits(BlockMeanHash().describe(photos), axis=1).mean(axis=1)
    assert shares == pytest.approx(np.full(len(photos), 0.5), abs=0.08)


@pytest.mark.parametrize("attack", ["jpeg20", "half", "bright-20", "contrast-50", "blur", "noise", "gamma0.6"])
def test_copies_are_near_and_other_images_far(photos, attack):
    rows = BlockMeanHash().describe(photos)
    distances = Hamming().distances(BlockMeanHash().describe([ATTACKS[attack](photo) for photo in photos]), rows)
    assert np.diag(distances).max() <= 24
    assert (distances + 1e9 * np.eye(len(rows))).min() > 60


def test_a_mirror_reverses(photos):
    pairs = [BlockMeanHash().describe([photo, photo[:, ::-1]]) for photo in photos]
    for row, mirrored in (np.unpackbits(pair, axis=1).reshape(2, 16, 16) for pair in pairs):
        assert (mirrored == row[:, ::-1]).mean() > 0.97


@pytest.mark.parametrize("bits_side", [0, 6, 68])
def test_wrong_parameters(bits_side):
    with pytest.raises(ValueError, match="bits_side"):
        BlockMeanHash(bits_side=bits_side)
