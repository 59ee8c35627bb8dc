"""Hamming embedding against plain loops, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.encoders.hamming_embedding import HammingEmbedding
from nearsight.vocabularies.kmeans import Kmeans
from tests.encoders.local import WIDTH, bits, descriptors, features, nearest, quiet, ranks

EMBEDDING = HammingEmbedding(words=Kmeans(k=6), several=2, bits=16)


def slowly(rows, words, fitted):
    """Word and bits of each descriptor: one direction after another."""
    made = []
    for row, word in zip(rows, words, strict=True):
        along = [float(np.dot(direction, row)) for direction in fitted["directions"]]
        signs = [value > float(median) for value, median in zip(along, fitted["medians"][word], strict=True)]
        made.append((word, bits(signs)))
    return made


def found(records):
    return sorted((int(record["word"]), record["bits"].tolist()) for record in records)


def test_bits_say_on_which_side_of_the_words_medians_a_descriptor_lies(narrow):
    fitted, rows = EMBEDDING.train(descriptors(600), quiet), descriptors(40, 1)
    words = [nearest(row, fitted["centres"]) for row in rows]
    (stored,), (asked) = (
        EMBEDDING.encode([features(rows)], fitted),
        EMBEDDING.encode_queries([features(rows)], fitted)[0],
    )
    assert found(stored) == sorted(slowly(rows, [each[0] for each in words], fitted))
    twice = slowly(np.repeat(rows, 2, axis=0), [word for each in words for word in each[:2]], fitted)
    assert found(asked) == sorted(twice)


def test_medians_split_the_cells_of_the_sample_evenly():
    sample = descriptors(601)
    fitted = EMBEDDING.train(sample, quiet)
    words = np.array([nearest(row, fitted["centres"])[0] for row in sample])
    assert fitted["medians"].shape == (6, 16)
    for word in range(6):
        above = sample[words == word] @ fitted["directions"].T > fitted["medians"][word]
        count = len(above)
        assert count >= 8
        assert (np.abs(above.sum(axis=0) - count / 2) <= 1).all()


def test_words_with_few_descriptors_split_at_their_centres():
    """Two descriptors are far from all others; their word has too few for a median."""
    sample = np.vstack([descriptors(300, spread=0.01), np.full((2, WIDTH), 90, np.float32)])
    wide = HammingEmbedding(words=Kmeans(k=37), bits=8)
    fitted = wide.train(sample, quiet)
    words = np.array([nearest(row, fitted["centres"])[0] for row in sample])
    few = [word for word in range(37) if (words == word).sum() < 8]
    assert few
    for word in few:
        assert fitted["medians"][word] == pytest.approx(fitted["directions"] @ fitted["centres"][word], abs=1e-4)


def test_images_are_found_by_some_of_their_features_seen_again():
    assert ranks(HammingEmbedding(words=Kmeans(k=20), bits=16)) == [0] * 12


def test_bits_differ_more_the_farther_apart_descriptors_lie():
    fitted, rows = EMBEDDING.train(descriptors(600), quiet), descriptors(1, 3)
    steps = np.random.default_rng(0).normal(0, 1, (200, WIDTH)).astype(np.float32)
    word = np.array([nearest(rows[0], fitted["centres"])[0]] * 200, np.int32)
    first = EMBEDDING.signatures(rows, word[:1], fitted)
    apart = [
        np.bitwise_count(EMBEDDING.signatures(rows + size * steps, word, fitted) ^ first).sum(axis=1).mean()
        for size in (0.01, 0.1, 0.5, 4)
    ]
    assert apart == sorted(apart)
    assert apart[0] < 1 < 5 < apart[3]


def test_bits_that_do_not_fit_are_refused():
    for wrong in (0, 12, -8):
        with pytest.raises(ValueError, match=f"bits is a multiple of 8, at least 8; got {wrong}"):
            HammingEmbedding(bits=wrong)
    with pytest.raises(ValueError, match="at most the number of values of a descriptor, 16; got 24"):
        HammingEmbedding(words=Kmeans(k=2), bits=24).train(descriptors(100), quiet)
