"""Database-side augmentation against loops over all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.rerankers.augment import Augment
from tests.rerankers.stored import IMAGE, clustered, cosine, hits_of, order_of, rows_of


def by_hand(stored, n, alpha):
    """Every row with its n nearest of the others, each weighing by its cosine to the power of alpha."""
    made = []
    for at, row in enumerate(stored):
        others = sorted(
            (each for each in range(len(stored)) if each != at), key=lambda each: -cosine(row, stored[each])
        )
        total = row.astype(np.float64)
        for each in others[:n]:
            total = total + max(0.0, cosine(row, stored[each])) ** alpha * stored[each].astype(np.float64)
        made.append(total)
    return made


@pytest.mark.parametrize("alpha", [0.0, 3.0])
@pytest.mark.parametrize("n", [1, 5, 59, 200])
def test_over_a_whole_collection_it_is_the_augmentation_of_all_its_rows(n, alpha):
    stored, question = clustered()
    rows = rows_of(stored, question)
    augmented = by_hand(stored, n, alpha)
    right = {100 + at: cosine(question, row) for at, row in enumerate(augmented)}
    found = Augment(n=n, alpha=alpha).rerank(IMAGE, hits_of(rows, 60), rows)
    assert found.scores[0] == pytest.approx([right[ident] for ident in order_of(found)], abs=1e-5)
    assert found.scores[0] == pytest.approx(sorted(right.values(), reverse=True), abs=1e-5)


def test_neighbours_are_sought_among_the_first_hits_and_the_rest_follows():
    stored, question = clustered()
    rows = rows_of(stored, question)
    given = hits_of(rows, 60)
    first = given.ids[0, :20] - 100
    right = {100 + first[at]: cosine(question, row) for at, row in enumerate(by_hand(stored[first], 3, 3.0))}
    found = Augment(n=3, hits=20).rerank(IMAGE, given, rows)
    assert order_of(found)[:20] == sorted(right, key=lambda ident: -right[ident])
    assert order_of(found)[20:] == order_of(given)[20:]
    assert (np.diff(found.scores[0]) <= 0).all()


def test_a_row_that_came_out_badly_is_helped_by_its_neighbours():
    """Five views of one thing, one of them spoilt, and something else that is as near as the spoilt one."""
    stored = np.float32([[1, 0, 0.1], [1, 0.1, 0], [1, 0, 0], [1, 0.1, 0.1], [1, 1, 0.0], [1, 0, -0.97]])
    rows = rows_of(stored, np.float32([1, -0.01, 0]))
    plain = order_of(hits_of(rows, 6))
    assert plain.index(105) < plain.index(104)
    lonely = Augment(n=2, alpha=8.0).rerank(IMAGE, hits_of(rows, 6), rows)
    assert order_of(lonely).index(104) < order_of(lonely).index(105)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"hits": 0}, {"alpha": -1.0}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="or more; got"):
        Augment(**wrong)
