"""k-reciprocal re-ranking against the paper's steps done with sets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nearsight.rerankers.reciprocal import Reciprocal
from tests.rerankers.stored import IMAGE, clustered, cosine, hits_of, order_of, rows_of


def by_hand(stored, question, k1, k2, weight):
    """The mixed distance of each row to the query."""
    every = [question, *stored]
    count = len(every)
    far = [[max(0.0, 2 - 2 * cosine(one, other)) for other in every] for one in every]
    largest = max(map(max, far))
    far = [[value / largest for value in row] for row in far]
    ranked = [sorted(range(count), key=lambda each, at=at: (each != at, far[at][each])) for at in range(count)]

    def reciprocal(at, k):
        return {each for each in ranked[at][: k + 1] if at in ranked[each][: k + 1]}

    shares = []
    for at in range(count):
        wide = reciprocal(at, k1)
        expanded = set(wide)
        for each in wide:
            half = reciprocal(each, math.ceil(k1 / 2))
            if len(wide & half) >= 2 / 3 * len(half):
                expanded |= half
        row = [math.exp(-far[at][each]) if each in expanded else 0.0 for each in range(count)]
        shares.append([value / sum(row) for value in row])
    mean = [[sum(shares[each][g] for each in ranked[at][:k2]) / k2 for g in range(count)] for at in range(count)]
    mixed = []
    for at in range(1, count):
        least = sum(min(a, b) for a, b in zip(mean[0], mean[at], strict=True))
        most = sum(max(a, b) for a, b in zip(mean[0], mean[at], strict=True))
        mixed.append((1 - weight) * (1 - least / most) + weight * far[0][at])
    return mixed


@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (5, 1, 0.0), (7, 3, 0.5), (2, 2, 1.0)])
def test_it_is_the_paper_s(k1, k2, weight):
    stored, question = clustered()
    rows = rows_of(stored, question)
    right = {100 + at: value for at, value in enumerate(by_hand(stored, question, k1, k2, weight))}
    found = Reciprocal(k1=k1, k2=k2, weight=weight).rerank(IMAGE, hits_of(rows, 60), rows)
    assert 1 - found.scores[0] == pytest.approx([right[ident] for ident in order_of(found)], abs=1e-5)
    assert 1 - found.scores[0] == pytest.approx(sorted(right.values()), abs=1e-5)


def test_a_hit_that_has_nearer_neighbours_goes_behind_one_that_has_not():
    """The nearest of a row of images, all on one side, has two neighbours nearer than the query."""
    turns = np.radians([10, 14, 18, 22, 26, -12])
    stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    rows = rows_of(stored, np.float32([1, 0]))
    assert order_of(hits_of(rows, 2)) == [100, 105]
    assert order_of(Reciprocal(k1=2, k2=1).rerank(IMAGE, hits_of(rows, 6), rows))[:2] == [105, 100]


@pytest.mark.parametrize("wrong", [{"k1": 1}, {"k2": 0}, {"hits": 0}, {"weight": 1.5}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="; got"):
        Reciprocal(**wrong)
