"""Query expansion: means of scores by hand, and a small manifold."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from nearsight.indexes.inverted import Inverted
from nearsight.kernels.tf_idf import TfIdf
from nearsight.rerankers.expand import Expand
from nearsight.types import Hits, Match
from nearsight.visual_words import record_dtype

IMAGE = np.zeros((2, 2, 3), np.uint8)
EVERYWHERE = Match(np.zeros((0, 2)), np.zeros((0, 2)), np.eye(3))
KERNEL = TfIdf(idf=False)


def words(*some):
    """An image with these words; all lie in its middle."""
    row = np.zeros(len(some), record_dtype(0))
    row["word"], row["x"], row["y"] = sorted(some), 30000, 30000
    return row


CHAIN = {at: words(*range(at, at + 4)) for at in range(12)} | {at: words(50 + at) for at in range(50, 70)}
"""Images of which each shares words with its neighbours; the query is the first."""


def rows(verified, images=CHAIN, question=CHAIN[0]):
    index = Inverted().empty(KERNEL).add(np.array(list(images)), list(images.values()))
    return SimpleNamespace(
        verified=dict.fromkeys(verified, EVERYWHERE),
        query_vector=question,
        vector=images.__getitem__,
        search=index.search,
        memo={},
        n_images=len(images),
    )


def asked(seen, k=40):
    found = seen.search([seen.query_vector], k)
    keep = found.ids[0] >= 0
    return Hits(found.ids[:, keep], found.scores[:, keep])


def cosine(one, other):
    return len(set(one["word"].tolist()) & set(other["word"].tolist())) / np.sqrt(len(one) * len(other))


def by_hand(asking, weights):
    """The weighted mean of the similarities of every image to those that ask; best first."""
    alike = {
        ident: sum(w * cosine(each, row) for w, each in zip(weights, asking, strict=True)) / sum(weights)
        for ident, row in CHAIN.items()
    }
    return sorted(((ident, one) for ident, one in alike.items() if one > 0), key=lambda pair: (-pair[1], pair[0]))


def assert_equal(hits, right):
    assert hits.ids[0].tolist() == [ident for ident, _ in right]
    assert 1 + hits.scores[0] == pytest.approx([alike for _, alike in right], abs=1e-6)


def test_scores_are_the_mean_of_those_of_the_query_and_its_verified_hits():
    seen = rows([1, 3])
    assert_equal(Expand().rerank(IMAGE, asked(seen), seen), by_hand([CHAIN[0], CHAIN[1], CHAIN[3]], [1, 1, 1]))


def test_with_alpha_a_hit_weighs_by_its_own_score():
    """Of the query's hits, 1 shares three words of four, and 3 one; the best has the weight 1."""
    seen = rows([1, 3])
    right = by_hand([CHAIN[0], CHAIN[1], CHAIN[3]], [1, 1, (1 / 3) ** 2])
    assert_equal(Expand(alpha=2.0).rerank(IMAGE, asked(seen), seen), right)


def test_no_more_than_n_hits_ask_the_best_first():
    seen = rows([1, 3])
    assert_equal(Expand(n=1).rerank(IMAGE, asked(seen), seen), by_hand([CHAIN[0], CHAIN[1]], [1, 1]))
    assert Expand(depth=3).rerank(IMAGE, asked(seen), seen).ids.shape == (1, 3)


@pytest.mark.parametrize("how", ["average", "discriminative"])
def test_nothing_verified_is_nothing_changed(how):
    seen = rows([])
    given = asked(seen)
    assert Expand(how=how).rerank(IMAGE, given, seen) is given


@pytest.mark.parametrize("how", ["average", "discriminative"])
def test_images_are_found_that_the_query_shares_nothing_with(how):
    seen = rows([3])
    assert 5 not in asked(seen).ids
    assert 5 in Expand(how=how).rerank(IMAGE, asked(seen), seen).ids


def test_only_what_lies_where_the_query_is_seen_asks():
    """The hit shows the query in its left half; what is in its right half does not ask."""
    both = np.concatenate([words(0, 1, 2, 3), words(100)])
    both["x"][4] = 65535
    query = words(0, 1, 2, 3)
    seen = rows([1], {0: query, 1: both, 2: words(100)}, query)
    hits = Expand().rerank(IMAGE, asked(seen), seen)
    assert 2 not in hits.ids
    seen.verified = {1: Match(np.zeros((0, 2)), np.zeros((0, 2)), np.diag([0.1, 1, 1]))}
    seen.query_vector = np.concatenate([query, words(7)])
    seen.query_vector["x"][4] = 65535
    assert 2 not in Expand().rerank(IMAGE, asked(seen), seen).ids


def test_what_tells_the_right_from_the_wrong_is_learnt():
    """Word 9 is in the query and in all the wrong hits: what only that word shares goes to the end."""
    wrong = {at: words(9, 1000 + at, 2000 + at) for at in range(10, 30)}
    images = {0: words(0, 1, 9), 1: words(0, 1, 2), 2: words(1, 2), 3: words(9)} | wrong
    seen = rows([1], images, words(0, 1, 9))
    plain = asked(seen).ids[0].tolist()
    assert plain.index(3) < plain.index(2)
    learnt = Expand(how="discriminative").rerank(IMAGE, asked(seen), seen)
    order = learnt.ids[0].tolist()
    assert order.index(2) < order.index(3)
    assert set(order[:3]) == {0, 1, 2}
    assert (np.diff(learnt.scores[0]) <= 0).all()


def test_it_says_nothing_of_its_own():
    assert Expand().explain(IMAGE, np.array([1, 2]), rows([])) == [None, None]


@pytest.mark.parametrize("wrong", [{"n": 0}, {"depth": 0}, {"alpha": -1.0}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="or more; got"):
        Expand(**wrong)
