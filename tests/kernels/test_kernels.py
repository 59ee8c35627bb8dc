"""What every kernel keeps to, the formula in plain loops, and the worked example of the lectures."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from nearsight.kernels import _postings
from nearsight.kernels.hamming_votes import HammingVotes
from nearsight.kernels.selective import Selective
from nearsight.kernels.tf_idf import TfIdf
from nearsight.registry import methods
from tests.kernels.words import row, rows, slowly

KERNELS = {name: cls() for name, cls in methods("kernels").items()}
EVERY = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS.keys())
WAYS = [
    *KERNELS.values(),
    *(TfIdf(idf=idf, burst=burst) for idf in (False, True) for burst in (False, True)),
    *(HammingVotes(idf=idf, burst=burst, sigma=0.6) for idf in (False, True) for burst in (False, True)),
    HammingVotes(threshold=1, sigma=5),
    Selective(alpha=1, threshold=0.25),
]


def test_there_are_some():
    assert {"tf_idf", "hamming_votes", "selective"} <= KERNELS.keys()


@pytest.mark.parametrize("kernel", WAYS, ids=repr)
@pytest.mark.parametrize("bits", [0, 8, 64])
@pytest.mark.parametrize("short", [0, 64])
def test_distances_are_those_of_the_formula_in_plain_loops(kernel, bits, short, monkeypatch):
    monkeypatch.setattr(_postings, "_MIN_LIST_LENGTH", short)
    monkeypatch.setattr(_postings, "_CHUNK", 50)
    monkeypatch.setattr(_postings, "_BLOCK", 40)
    queries, stored = rows(3, bits, 1, words=12), rows(8, bits, 2, words=12)
    found = kernel.distances(queries, stored)
    right = [[max(0.0, 1 - slowly(kernel, query, each, stored)) for each in stored] for query in queries]
    assert found == pytest.approx(np.array(right), abs=1e-5)
    assert (np.array(right) < 1).mean() > 0


@EVERY
def test_distances(kernel):
    queries, stored = rows(3, seed=1), rows(12, seed=2)
    kept = [each.copy() for each in (*queries, *stored)]
    for each in (*queries, *stored):
        each.flags.writeable = False
    found = kernel.distances(queries, stored)
    assert found.shape == (3, 12)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    assert all(np.array_equal(now, before) for now, before in zip((*queries, *stored), kept, strict=True))
    alone = np.concatenate([kernel.distances([query], stored) for query in queries])
    assert np.array_equal(alone, found)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(each, found) for each in pool.map(lambda _: kernel.distances(queries, stored), "ab"))
    assert kernel.symbol


@EVERY
def test_an_image_is_most_alike_to_itself(kernel):
    """Where each word is there once, that is 1 exactly; where words repeat, their features may disagree."""
    stored = [row(np.random.default_rng(seed).choice(40, 15, replace=False), 32, seed) for seed in range(8)]
    found = kernel.distances(stored, stored)
    assert np.diag(found) == pytest.approx(np.zeros(8), abs=1e-6)
    assert (found[~np.eye(8, dtype=bool)] > 0.1).all()
    assert found == pytest.approx(found.T, abs=1e-6)


@EVERY
def test_similarity_falls_from_one(kernel):
    distances = np.linspace(0, 1, 9, dtype=np.float32)
    similarity = kernel.similarity(distances)
    assert similarity.dtype == np.float32
    assert similarity[0] == 1
    assert (np.diff(similarity) < 0).all()
    assert similarity[-1] >= 0


@EVERY
def test_empty_images_are_alike_to_nothing(kernel):
    empty, some = row([], 16), rows(3)
    assert (kernel.distances([empty], [*some, empty]) == 1).all()
    assert (kernel.distances(some, [empty, empty]) == 1).all()
    assert kernel.distances([], some).shape == (0, 3)
    assert kernel.distances(some, []).shape == (3, 0)


@EVERY
def test_words_that_are_known_to_nobody_are_alike_to_nothing(kernel):
    assert (kernel.distances([row([1000, 1001], 16)], rows(6)) == 1).all()


@EVERY
def test_records_of_other_bits_are_refused(kernel):
    for queries, stored in ((rows(2, 8), rows(2, 16)), (rows(2, 16), [*rows(2, 16), *rows(1, 8)])):
        with pytest.raises(ValueError, match="8 and 16"):
            kernel.distances(queries, stored)


@EVERY
def test_weights_fall_from_one(kernel):
    for bits in (0, 8, 64):
        weights = kernel.weights(bits)
        assert weights.shape == (bits + 1,)
        assert weights.dtype == np.float32
        assert weights[0] == 1
        assert (np.diff(weights) <= 0).all()
        assert (weights >= 0).all()


def test_the_weights_by_hand():
    votes, selective = HammingVotes(threshold=0.5, sigma=0.5).weights(8), Selective(alpha=2, threshold=0.5).weights(8)
    assert votes == pytest.approx([math.exp(-((h / 4) ** 2)) if h <= 4 else 0 for h in range(9)])
    assert selective == pytest.approx([1, 0.75**2, 0.5**2, 0, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("kernel", "wrong"),
    [
        (HammingVotes(), {"threshold": 1.1}),
        (HammingVotes(), {"threshold": -0.1}),
        (HammingVotes(), {"sigma": 0}),
        (Selective(), {"alpha": 0.5}),
        (Selective(), {"threshold": 2.0}),
    ],
)
def test_parameters_out_of_range_are_refused(kernel, wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} is .*got {next(iter(wrong.values()))}"):
        replace(kernel, **wrong)


LISTS = [[1, 1, 3], [2, 5, 1], [7, 5, 5]]
"""The words of three images: W1 W1 W3, W2 W5 W1, W7 W5 W5."""


def test_the_worked_example_of_words_and_images():
    """The inverted file of the three images is the table of the lecture: word 1 in 1 and 2, word 5 in 2 and 3."""
    part = _postings.build_postings(np.arange(1, 4), [row(words) for words in LISTS], once=True)
    spans = zip(part["words"].tolist(), part["starts"][:-1], part["starts"][1:], strict=True)
    table = {word: part["ids"][part["docs"][start:stop]].tolist() for word, start, stop in spans}
    assert table == {1: [1, 2], 2: [2], 3: [1], 5: [2, 3], 7: [3]}


def test_the_worked_example_compares_counts_of_words():
    """sim = <d, q> / (|d| |q|), by hand, for the query W5 W9."""
    images, query = [row(words) for words in LISTS], row([5, 9])
    plain = 1 - TfIdf(idf=False).distances([query], images)[0]
    assert plain == pytest.approx([0, 1 / math.sqrt(3 * 2), 2 / math.sqrt(5 * 2)])


def test_the_worked_example_with_idf():
    """idf of words 1 and 5 is log 3/2; of 2, 3 and 7 it is log 3. The query is W1 W3."""
    half, whole = math.log(1.5), math.log(3)
    images, query = [row(words) for words in LISTS], row([1, 3])
    lengths = [math.hypot(2 * half, whole), math.sqrt(whole**2 + 2 * half**2), math.hypot(whole, 2 * half)]
    own = math.hypot(half, whole)
    right = [(2 * half**2 + whole**2) / (lengths[0] * own), half**2 / (lengths[1] * own), 0]
    assert 1 - TfIdf().distances([query], images)[0] == pytest.approx(right)
