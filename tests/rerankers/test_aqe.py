"""Expansion by the average of the query and its hits: by hand, in loops."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.rerankers.aqe import Aqe
from tests.rerankers.stored import IMAGE, clustered, cosine, hits_of, order_of, rows_of


def by_hand(stored, question, nearest, alpha):
    """L2(q + sum (q.d)^alpha d), as the paper has it."""
    total = question.astype(np.float64)
    for at in nearest:
        total = total + max(0.0, cosine(question, stored[at])) ** alpha * stored[at].astype(np.float64)
    return total / np.sqrt((total * total).sum())


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("n", [1, 4, 15])
def test_the_order_is_that_of_the_paper(n, alpha):
    stored, question = clustered()
    rows = rows_of(stored, question)
    nearest = [ident - 100 for ident in order_of(hits_of(rows, n))]
    expanded = by_hand(stored, question, nearest, alpha)
    right = sorted(range(len(stored)), key=lambda at: -float(stored[at].astype(np.float64) @ expanded))
    found = Aqe(n=n, alpha=alpha).rerank(IMAGE, hits_of(rows, 60), rows)
    assert order_of(found) == [100 + at for at in right]
    assert rows.query_vector / np.linalg.norm(rows.query_vector) == pytest.approx(expanded, abs=1e-6)


def test_hits_that_point_away_weigh_nothing():
    stored = np.float32([[1, 0], [-1, 0.1], [0, 1]])
    rows = rows_of(stored, np.float32([1, 0]))
    Aqe(n=3, alpha=1.0).rerank(IMAGE, hits_of(rows, 3), rows)
    assert rows.query_vector.tolist() == [1, 0]


def test_the_average_of_histograms_is_a_histogram_and_weighs_by_their_roots():
    stored = np.random.default_rng(1).random((20, 6)).astype(np.float32)
    stored /= stored.sum(1, keepdims=True)
    question = stored[0] * np.float32(0.5) + stored[1] * np.float32(0.5)
    rows = rows_of(stored, question, JensenShannon())
    first = order_of(hits_of(rows, 2))
    weights = [cosine(np.sqrt(question), np.sqrt(stored[ident - 100])) ** 3 for ident in first]
    right = question + sum(weight * stored[ident - 100] for weight, ident in zip(weights, first, strict=True))
    Aqe(n=2).rerank(IMAGE, hits_of(rows, 20), rows)
    assert rows.query_vector == pytest.approx(right / (1 + sum(weights)), abs=1e-6)
    assert rows.query_vector.sum() == pytest.approx(1, abs=1e-6)


def test_images_are_found_that_were_not_among_the_hits():
    turns = np.radians([0, 10, 20, 30, -18, -20])
    stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    rows = rows_of(stored, np.float32([np.cos(0.05), np.sin(0.05)]))
    assert order_of(hits_of(rows, 4)) == [100, 101, 102, 104]
    found = Aqe(n=3, alpha=0.0).rerank(IMAGE, hits_of(rows, 4), rows)
    assert order_of(found) == [101, 100, 102, 103]


def test_each_hit_is_told_how_near_it_is_to_the_average():
    stored, question = clustered()
    rows = rows_of(stored, question)
    found = Aqe(n=4).rerank(IMAGE, hits_of(rows, 10), rows)
    told = Aqe(n=4).explain(IMAGE, np.array([*found.ids[0, :2], 999]), rows)
    assert told[2] is None
    assert told[0].similarity == pytest.approx(1 / (1 - found.scores[0, 0]), abs=1e-6)
    assert "its first 4 hits" in told[0].sentence


@pytest.mark.parametrize(("wrong", "says"), [({"n": 0}, "1 or more; got 0"), ({"alpha": -1.0}, "0 or more; got -1")])
def test_parameters_out_of_range_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Aqe(**wrong)


def test_only_verified_hits_count_where_that_is_asked_for():
    stored, question = clustered()
    rows = rows_of(stored, question)
    given = hits_of(rows, 30)
    rows.verified = dict.fromkeys(order_of(given)[5:25:5])
    expanded = by_hand(stored, question, [ident - 100 for ident in order_of(given)[5:20:5]], 2.0)
    Aqe(n=3, alpha=2.0, verified=True).rerank(IMAGE, given, rows)
    assert rows.query_vector / np.linalg.norm(rows.query_vector) == pytest.approx(expanded, abs=1e-6)
    rows = rows_of(stored, question)
    rows.verified = {}
    assert Aqe(n=3, verified=True).rerank(IMAGE, given, rows) is given
    assert np.array_equal(rows.query_vector, question)
