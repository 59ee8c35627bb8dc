"""Score normalisation by hand, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.rerankers.background import Background
from tests.rerankers.stored import IMAGE, clustered, cosine, hits_of, order_of, rows_of


def by_hand(stored, question, n, beta, of, sample):
    """The normalised score of each row, the background being the first rows."""

    def usual(row, others):
        return sorted((cosine(row, other) for other in others), reverse=True)[:n][-1]

    made = []
    for at, row in enumerate(stored):
        score = cosine(question, row)
        if of != "hits":
            score -= beta * usual(question, stored[:sample])
        if of != "query":
            score -= beta * usual(row, [other for each, other in enumerate(stored[:sample]) if each != at])
        made.append(score)
    return made


@pytest.mark.parametrize("of", ["query", "hits", "both"])
@pytest.mark.parametrize(("n", "beta", "sample"), [(10, 1.0, 40), (1, 0.5, 60), (99, 2.0, 7)])
def test_scores_are_those_by_hand(n, beta, of, sample):
    stored, question = clustered()
    rows = rows_of(stored, question)
    right = {100 + at: score for at, score in enumerate(by_hand(stored, question, n, beta, of, sample))}
    found = Background(n=n, beta=beta, of=of, sample=sample).rerank(IMAGE, hits_of(rows, 60), rows)
    assert found.scores[0] == pytest.approx([right[ident] for ident in order_of(found)], abs=1e-5)
    assert found.scores[0] == pytest.approx(sorted(right.values(), reverse=True), abs=1e-5)


def test_the_query_s_own_background_moves_all_hits_alike():
    stored, question = clustered()
    rows = rows_of(stored, question)
    assert order_of(Background(of="query").rerank(IMAGE, hits_of(rows, 60), rows)) == order_of(hits_of(rows, 60))


def test_what_is_near_to_everything_goes_behind_what_is_near_to_the_query():
    """Many images around one that is a bit nearer to the query than another, which stands alone."""
    turns = np.radians([20, 21, 22, 19, 23, 18.5, 24, -21])
    stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    rows = rows_of(stored, np.float32([1, 0]))
    assert order_of(hits_of(rows, 8)).index(107) == 4
    found = Background(n=2).rerank(IMAGE, hits_of(rows, 8), rows)
    assert order_of(found)[0] == 107


def test_a_background_of_the_hit_alone_takes_nothing():
    rows = rows_of(np.float32([[1, 0]]), np.float32([1, 0]))
    found = Background(of="hits").rerank(IMAGE, hits_of(rows, 1), rows)
    assert found.scores.tolist() == [[1.0]]


@pytest.mark.parametrize("wrong", [{"n": 0}, {"sample": 0}, {"hits": 0}, {"beta": -1.0}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="or more; got"):
        Background(**wrong)
