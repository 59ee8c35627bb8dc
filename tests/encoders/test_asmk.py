"""ASMK against plain loops, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.encoders.asmk import Asmk
from nearsight.kernels.selective import Selective
from nearsight.vocabularies.kmeans import Kmeans
from tests.encoders.local import WIDTH, bits, descriptors, features, nearest, quiet, ranks

ASMK = Asmk(words=Kmeans(k=6), several=3, bits=16)


def slowly(rows, fitted, several):
    """The words of an image, each with its bits and how many features it has: residuals summed one by one."""
    sums, counts = {}, {}
    for row in rows.astype(np.float64):
        for word in nearest(row, fitted["centres"])[:several]:
            sums[word] = sums.get(word, np.zeros(WIDTH)) + row - fitted["centres"][word]
            counts[word] = counts.get(word, 0) + 1
    signs = {word: [float(np.dot(each, total)) > 0 for each in fitted["directions"]] for word, total in sums.items()}
    return {word: (bits(signs[word]), counts[word]) for word in sums}


@pytest.mark.parametrize("several", [1, 3])
def test_bits_are_the_signs_of_the_summed_residuals(several, narrow):
    fitted, rows = ASMK.train(descriptors(600), quiet), descriptors(40, 1)
    (made,) = (ASMK.encode if several == 1 else ASMK.encode_queries)([features(rows)], fitted)
    assert len(made) == 40 * several
    right = slowly(rows, fitted, several)
    assert set(made["word"].tolist()) == right.keys()
    for word, (string, count) in right.items():
        mine = made[made["word"] == word]
        assert len(mine) == count
        assert (mine["bits"] == string).all()


def test_the_directions_are_a_rotation():
    directions = ASMK.train(descriptors(600), quiet)["directions"]
    assert directions @ directions.T == pytest.approx(np.eye(16), abs=1e-6)


def test_images_are_found_by_some_of_their_features_seen_again():
    assert ranks(Asmk(words=Kmeans(k=150), bits=16)) == [0] * 12


def test_the_same_again_is_the_same_and_a_little_noise_is_near():
    fitted = ASMK.train(descriptors(600), quiet)
    rows = descriptors(30, 1)
    noise = np.random.default_rng(0).normal(0, 0.02, rows.shape).astype(np.float32)
    kernel, first = Selective(), ASMK.encode([features(rows)], fitted)
    again = ASMK.encode([features(rows[::-1], 5), features(rows + noise), features(descriptors(30, 2))], fitted)
    same, near, far = kernel.distances(first, again)[0]
    assert same == pytest.approx(0, abs=1e-6)
    assert near < 0.2
    assert far > 2 * near + 0.2


def test_bits_that_do_not_fit_are_refused():
    for wrong in (0, 12, -8):
        with pytest.raises(ValueError, match=f"bits is a multiple of 8, at least 8; got {wrong}"):
            Asmk(bits=wrong)
    with pytest.raises(ValueError, match="at most the number of values of a descriptor, 16; got 128"):
        Asmk(words=Kmeans(k=2)).train(descriptors(100), quiet)
