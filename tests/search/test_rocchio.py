"""Rocchio's rule by hand, and why it serves scores as well as rows."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.search.feedback import rocchio

NONE = np.empty((0, 3))


def test_by_hand():
    moved = rocchio(np.array([1.0, 0, 0]), np.array([[0, 1.0, 0], [0, 0, 1.0]]), np.array([[1.0, 1.0, 0]]), 0.5)
    assert moved == pytest.approx(np.array([0.5, 0, 0.5]) / 1.5)


def test_a_part_that_is_empty_is_left_out():
    asked, other = np.array([1.0, 0, 0]), np.array([[0, 1.0, 0]])
    assert rocchio(asked, NONE, NONE).tolist() == [1, 0, 0]
    assert rocchio(asked, other, NONE).tolist() == [0.5, 0.5, 0]
    assert rocchio(asked, NONE, other, 0.5).tolist() == [2, -1, 0]


def test_scores_of_the_moved_query_are_the_moved_scores():
    random = np.random.default_rng(0)
    stored, asked, liked, unliked = (random.normal(size=(count, 6)) for count in (50, 1, 3, 2))
    by_row = stored @ rocchio(asked[0], liked, unliked)
    by_scores = rocchio(stored @ asked[0], liked @ stored.T, unliked @ stored.T)
    assert by_scores == pytest.approx(by_row)


@pytest.mark.parametrize("gamma", [-0.1, 1.0])
def test_gamma_out_of_range_is_refused(gamma):
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        rocchio(NONE, NONE, NONE, gamma)
