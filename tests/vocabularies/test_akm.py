"""Approximate k-means against k-means, and the indexes over its centres."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from skimage import data

from nearsight.clustering import nearest_centroids
from nearsight.features.sift import Sift
from nearsight.vocabularies import _centre_index as module
from nearsight.vocabularies._centre_index import CentreIndexCache, build_centre_index, search_centres
from nearsight.vocabularies.akm import Akm
from nearsight.vocabularies.hkm import Hkm
from nearsight.vocabularies.kmeans import Kmeans

WORDS, LEARNT = 800, 6400


def quiet(done, total):
    """Nobody asks."""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small vocabularies are looked up in an index too."""
    monkeypatch.setattr(module, "EXACT_BELOW", 500)


@pytest.fixture(scope="module")
def sample():
    """RootSIFT of photographs."""
    sift = Sift(n=4000, contrast=0.005)
    photographs = data.astronaut(), data.coffee(), data.rocket(), data.chelsea()
    rows = np.concatenate([sift.features(photograph).descriptors for photograph in photographs])
    return np.random.default_rng(0).permutation(rows)


@pytest.fixture(scope="module")
def fitted(sample):
    """A vocabulary of photographs that was learnt through an index."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "EXACT_BELOW", 500)
        return Akm(k=WORDS).train(sample[:LEARNT], quiet)


def error(rows, centres):
    """The mean squared distance to the nearest centre."""
    return ((rows - centres[nearest_centroids(rows, centres)]) ** 2).sum(1).mean()


def test_99_of_100_descriptors_get_their_nearest_word(sample, fitted):
    rows = sample[LEARNT:]
    assert len(rows) > 700
    exact = Kmeans().assign(rows, fitted, 5)
    words = Akm().assign(rows, fitted, 5)
    assert (words[:, 0] == exact[:, 0]).mean() > 0.99
    assert (
        np.mean([len(set(mine) & set(right)) for mine, right in zip(words.tolist(), exact.tolist(), strict=True)]) > 4.9
    )
    assert np.array_equal(Akm().assign(rows, fitted)[:, 0], words[:, 0])


def test_the_error_is_hardly_more_than_that_of_k_means_and_less_than_that_of_the_tree(sample, fitted):
    """The three in the order of their accuracy, on the sample and on other descriptors."""
    exact = Kmeans(WORDS).train(sample[:LEARNT], quiet)["centres"]
    tree = Hkm(branch=10, depth=3).train(sample[:LEARNT], quiet)
    assert len(exact) == len(fitted["centres"]) == WORDS
    for rows in (sample[:LEARNT], sample[LEARNT:]):
        least, mine = error(rows, exact), error(rows, fitted["centres"])
        walked = ((rows - tree["centres"][Hkm(branch=10, depth=3).assign(rows, tree)[:, 0]]) ** 2).sum(1).mean()
        assert 0.99 * least < mine < 1.01 * least
        assert mine < walked


def test_few_words_are_compared_one_by_one(sample):
    few = Akm(k=200).train(sample[:2000], quiet)
    assert np.array_equal(few["centres"], Kmeans(k=200).train(sample[:2000], quiet)["centres"])


@pytest.mark.parametrize("width", [1, 7, 16, 23, 64])
def test_descriptors_of_any_width(width):
    rows = np.random.default_rng(width).random((700, width), np.float32)
    made = build_centre_index(rows)
    assert (search_centres(made, rows, 1)[:, 0] == np.arange(700)).mean() > 0.98
    assert search_centres(made, rows[:0], 3).shape == (0, 3)


def test_a_shelf_makes_each_index_once_and_forgets_the_oldest(monkeypatch):
    made = []
    monkeypatch.setattr(module, "build_centre_index", lambda centres: made.append(centres[0, 0]) or len(made))
    shelf, many = CentreIndexCache(), [np.full((3, 2), number, np.float32) for number in range(6)]
    assert [shelf.get(centres) for centres in many[:4]] == [1, 2, 3, 4]
    assert [shelf.get(centres.copy()) for centres in many[:4]] == [1, 2, 3, 4]
    assert shelf.get(many[4]) == 5
    assert [shelf.get(centres) for centres in many[1:5]] == [2, 3, 4, 5]
    assert shelf.get(many[0]) == 6
    assert made == [0, 1, 2, 3, 4, 0]


def test_a_shelf_knows_an_array_in_the_place_of_another(monkeypatch):
    """Arrays come and go, and a new one often lies where an old one lay."""
    monkeypatch.setattr(module, "build_centre_index", lambda centres: float(centres[0, 0]))
    shelf = CentreIndexCache()
    for number in range(200):
        centres = np.full((4, 2), number % 7, np.float32)
        assert shelf.get(centres) == number % 7
        del centres
    gc.collect()
    assert shelf.get(np.full((2, 4), 1, np.float32)) == 1
    assert len(shelf._known_keys) < 200


def test_the_same_bytes_in_another_shape_are_other_centres(monkeypatch):
    monkeypatch.setattr(module, "build_centre_index", lambda centres: centres.shape)
    shelf = CentreIndexCache()
    assert shelf.get(np.ones((4, 2), np.float32)) == (4, 2)
    assert shelf.get(np.ones((2, 4), np.float32)) == (2, 4)


def test_threads_share_a_shelf(sample, fitted):
    other = {"centres": fitted["centres"][::-1].copy()}
    right = Akm().assign(sample[:300], fitted), Akm().assign(sample[:300], other)
    assert np.mean(right[0] + right[1] == WORDS - 1) > 0.98
    ways = [fitted, other, {"centres": fitted["centres"].copy()}, {"centres": other["centres"].copy()}] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda each: Akm().assign(sample[:300], each), ways))
    assert all(np.array_equal(words, right[number % 2]) for number, words in enumerate(found))


def test_no_words_are_refused():
    with pytest.raises(ValueError, match="k is the number of words"):
        Akm(k=0)


def test_others_are_served_while_an_index_is_built(monkeypatch):
    started, finish = Event(), Event()
    first, second = np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32)

    def build(centres):
        if not centres.any():
            started.set()
            assert finish.wait(10)
        return float(centres[0, 0])

    monkeypatch.setattr(module, "build_centre_index", build)
    shelf = CentreIndexCache()
    with ThreadPoolExecutor(3) as pool:
        slow = pool.submit(shelf.get, first)
        assert started.wait(10)
        try:
            assert pool.submit(shelf.get, second).result(10) == 1
        finally:
            finish.set()
        assert slow.result() == 0


def test_a_build_that_fails_is_tried_again(monkeypatch):
    answers = iter([MemoryError("no room"), 7])

    def build(centres):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(module, "build_centre_index", build)
    shelf, centres = CentreIndexCache(), np.zeros((3, 2), np.float32)
    with pytest.raises(MemoryError, match="no room"):
        shelf.get(centres)
    assert shelf.get(centres) == 7
