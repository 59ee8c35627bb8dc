"""Fusions of rankings by hand."""

from __future__ import annotations

import statistics

import numpy as np
import pytest

from nearsight.search.fusion import reciprocal_rank, standard_scores
from nearsight.types import NO_ID, Hits


def hits(*pairs, padding=0):
    """A list of `(id, score)`, best first, and some padding."""
    ids = [ident for ident, _ in pairs] + [NO_ID] * padding
    scores = [score for _, score in pairs] + [-np.inf] * padding
    return Hits(np.array([ids], np.int64), np.array([scores], np.float32))


LISTS = (
    hits((7, 0.9), (3, 0.5), (5, 0.1)),
    hits((3, -1.0), (9, -4.0), padding=2),
    hits((5, 30.0), (7, 20.0), (9, 1.0)),
)


def pairs_of(made):
    return list(zip(made.ids[0].tolist(), made.scores[0].tolist(), strict=True))


def test_reciprocal_ranks_by_hand():
    made, least, most = reciprocal_rank(LISTS)
    right = {7: 1 / 61 + 1 / 62, 3: 1 / 62 + 1 / 61, 5: 1 / 63 + 1 / 61, 9: 1 / 62 + 1 / 63}
    assert dict(pairs_of(made)) == pytest.approx(right)
    assert made.ids[0].tolist() == [3, 7, 5, 9]
    assert (least, most) == (0, pytest.approx(3 / 61))


def test_with_a_small_constant_the_first_counts_most():
    assert reciprocal_rank(LISTS, 60)[0].ids[0].tolist()[:2] == [3, 7]
    lists = (hits((1, 3), (3, 2), (2, 1)), hits((4, 3), (5, 2), (2, 1)))
    assert reciprocal_rank(lists, 60)[0].ids[0, 0] == 2
    assert reciprocal_rank(lists, 0.001)[0].ids[0, 0] == 1


def test_standard_scores_by_hand():
    made, least, most = standard_scores(LISTS)
    right, floors, tops = dict.fromkeys((3, 5, 7, 9), 0.0), 0.0, 0.0
    for each in ({7: 0.9, 3: 0.5, 5: 0.1}, {3: -1.0, 9: -4.0}, {5: 30.0, 7: 20.0, 9: 1.0}):
        mean, spread = statistics.fmean(each.values()), statistics.pstdev(each.values())
        standard = {ident: (score - mean) / spread for ident, score in each.items()}
        floors, tops = floors + min(standard.values()) / 3, tops + max(standard.values()) / 3
        for ident in right:
            right[ident] += standard.get(ident, min(standard.values())) / 3
    assert dict(pairs_of(made)) == pytest.approx(right, abs=1e-6)
    assert (np.diff(made.scores[0]) <= 0).all()
    assert (least, most) == (pytest.approx(floors), pytest.approx(tops))


def test_a_list_of_equal_scores_says_nothing_and_neither_does_an_empty_one():
    made, _, _ = standard_scores([hits((1, 5), (2, 5)), hits((2, 1), (1, 0)), hits(padding=3)])
    assert made.ids[0].tolist() == [2, 1]
    assert reciprocal_rank([hits(), hits((4, 1))])[0].ids[0].tolist() == [4]
    assert standard_scores([hits()])[0].ids.shape == (1, 0)


@pytest.mark.parametrize("way", [reciprocal_rank, standard_scores])
def test_one_list_keeps_its_order_and_none_is_refused(way):
    assert way(LISTS[:1])[0].ids[0].tolist() == [7, 3, 5]
    with pytest.raises(ValueError, match="one list of hits or more"):
        way([])


def test_a_constant_that_is_none_is_refused():
    with pytest.raises(ValueError, match="above 0; got 0"):
        reciprocal_rank(LISTS, 0)
