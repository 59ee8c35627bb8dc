"""Bags of words against the nearest centres in plain loops."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest

from nearsight import clustering
from nearsight.encoders import _word_encoder
from nearsight.encoders._word_encoder import random_directions
from nearsight.encoders.bow import Bow
from nearsight.encoders.hamming_embedding import HammingEmbedding
from nearsight.kernels.tf_idf import TfIdf
from nearsight.vocabularies.kmeans import Kmeans
from tests.encoders.local import descriptors, features, nearest, quiet, ranks

BOW = Bow(words=Kmeans(k=12), several=3)


def test_every_feature_is_its_nearest_word_and_where_it_lies_is_kept():
    fitted, image = BOW.train(descriptors(600), quiet), features(descriptors(50, 1))
    (made,) = BOW.encode([image], fitted)
    right = []
    for row, (x, y) in zip(image.descriptors, image.points, strict=True):
        right.append((nearest(row, fitted["centres"])[0], round(x / 640 * 65535), round(y / 640 * 65535)))
    found = zip(made["word"].tolist(), made["x"].tolist(), made["y"].tolist(), strict=True)
    assert sorted(found) == sorted(right)
    assert (np.diff(made["word"].astype(int)) >= 0).all()
    assert made["bits"].shape == (50, 0)


def test_features_of_a_query_have_several_words(narrow):
    fitted, image = BOW.train(descriptors(600), quiet), features(descriptors(20, 1))
    (made,) = BOW.encode_queries([image], fitted)
    right = [word for row in image.descriptors for word in nearest(row, fitted["centres"])[:3]]
    assert sorted(made["word"].tolist()) == sorted(right)
    assert len(made) == 60


def test_there_are_no_more_words_than_there_are(narrow):
    few = Bow(words=Kmeans(k=2), several=5)
    fitted = few.train(descriptors(600), quiet)
    (made,) = few.encode_queries([features(descriptors(4, 1))], fitted)
    assert made["word"].tolist() == [0] * 4 + [1] * 4


@pytest.mark.parametrize(("count", "each"), [(12, 1), (1999, 1), (2000, 2), (9000, 3)])
def test_features_have_a_word_for_each_thousand_of_the_vocabulary(count, each):
    fitted = {"centres": np.random.default_rng(0).random((count, 8)).astype(np.float32)}
    (made,) = Bow(words=Kmeans(k=count), several=3).encode_queries([features(descriptors(4, 1)[:, :8])], fitted)
    assert len(made) == 4 * each


def test_the_bag_of_words_is_the_histogram_of_words():
    """The kernel without idf is the cosine of the histograms, made here another way."""
    fitted = BOW.train(descriptors(600), quiet)
    images = BOW.encode([features(descriptors(count, count)) for count in (5, 30, 80)], fitted)
    bags = np.array([np.bincount(each["word"], minlength=12) for each in images], float)
    cosines = bags @ bags.T / np.outer(*[np.linalg.norm(bags, axis=1)] * 2)
    assert 1 - TfIdf(idf=False).distances(images, images) == pytest.approx(cosines, abs=1e-6)


def test_images_are_found_by_some_of_their_features_seen_again():
    found = ranks(Bow(words=Kmeans(k=60), several=1))
    assert found.count(0) >= 10


def test_directions_are_orthonormal_and_always_the_same():
    made = random_directions(24, 32)
    assert made @ made.T == pytest.approx(np.eye(24), abs=1e-6)
    assert np.array_equal(made, random_directions(32, 32)[:24])
    with pytest.raises(ValueError, match="at most the number of values of a descriptor, 16; got 24"):
        random_directions(24, 16)


def test_parameters_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="words is a vocabulary"):
        Bow(words=None)
    with pytest.raises(ValueError, match="several is how many words"):
        Bow(several=0)


def test_recipes_that_learn_together_learn_the_same_words_once(monkeypatch):
    calls, train_kmeans = [], Kmeans.train
    monkeypatch.setattr(Kmeans, "train", lambda self, *given: calls.append(self) or train_kmeans(self, *given))
    sample = descriptors(600, 9)
    first, second = (
        each.train(sample, quiet)["centres"] for each in (BOW, HammingEmbedding(words=Kmeans(k=12), bits=8))
    )
    assert len(calls) == 1
    assert np.array_equal(first, second)
    assert np.array_equal(first, train_kmeans(Kmeans(k=12), sample, quiet)["centres"])
    BOW.train(sample[:-1], quiet)
    Bow(words=Kmeans(k=5)).train(sample[:-1], quiet)
    assert len(calls) == 3


def test_threads_that_train_at_once_get_their_own_words(monkeypatch):
    """The second thread trains another vocabulary while the first is in its report."""
    other = []

    def interrupt(done, total):
        if (done, total) == (1, 1) and not other:
            with ThreadPoolExecutor(1) as pool:
                other.append(pool.submit(Bow(words=Kmeans(k=5)).train, sample, quiet).result()["centres"])

    sample = descriptors(600, 31)
    words = BOW.train(sample, interrupt)["centres"]
    assert (len(words), len(other[0])) == (12, 5)


def test_a_sample_in_a_file_is_hashed_a_piece_at_a_time(monkeypatch, tmp_path):
    released, sample = [], descriptors(600, 32)
    sample.tofile(tmp_path / "sample")
    mapped = np.memmap(tmp_path / "sample", np.float32, "r", 0, sample.shape)
    monkeypatch.setattr(clustering, "release_pages", lambda array: released.append(len(array)))
    assert _word_encoder._hash_sample(mapped) == sha256(sample.data).digest()
    assert len(released) == 2
