import numpy as np
import pytest
from scipy.optimize import linprog

from nearsight.metrics.circular_emd import CircularEmd


def by_linear_programme(q, r):
    """The transport problem with the shorter way around the circle as its cost, in turns."""
    width = len(q)
    apart = np.abs(np.subtract.outer(np.arange(width), np.arange(width)))
    cost = np.minimum(apart, width - apart) / width
    leaves = np.kron(np.eye(width), np.ones(width))
    arrives = np.kron(np.ones(width), np.eye(width))
    found = linprog(cost.ravel(), A_eq=np.vstack([leaves, arrives]), b_eq=np.r_[q / q.sum(), r / r.sum()])
    return found.fun


@pytest.mark.parametrize("width", [1, 2, 5, 8, 12])
def test_equals_the_linear_programme(width):
    rng = np.random.default_rng(width)
    rows = np.float32(rng.random((6, width)) * (rng.random((6, width)) < 0.6) + 1e-3)
    expected = [[by_linear_programme(q, r) for r in rows.astype(float)] for q in rows.astype(float)]
    assert CircularEmd().distances(rows, rows) == pytest.approx(np.array(expected), abs=1e-6)


def test_turning_both_changes_nothing_and_turning_one_costs_the_turn():
    rng = np.random.default_rng(0)
    rows = rng.random((5, 36), np.float32)
    turned = np.roll(rows, 11, axis=1)
    assert CircularEmd().distances(turned, turned) == pytest.approx(CircularEmd().distances(rows, rows), abs=1e-6)
    peak = np.eye(36, dtype=np.float32)[:1]
    away = np.stack([np.roll(peak[0], step) for step in range(36)])
    expected = np.minimum(np.arange(36), 36 - np.arange(36)) / 36
    assert CircularEmd().distances(peak, away)[0] == pytest.approx(expected, abs=1e-6)


def test_nearer_hues_are_nearer_where_bins_cannot_tell():
    red, orange, blue = np.eye(12, dtype=np.float32)[[0, 1, 8]]
    near, far = CircularEmd().distances(red[None], np.stack([orange, blue]))[0]
    assert near < far


def test_obeys_the_triangle():
    rows = np.random.default_rng(1).random((25, 16), np.float32)
    apart = CircularEmd().distances(rows, rows)
    assert (apart[:, :, None] <= apart[:, None, :] + apart.T[None] + 1e-6).all()
    assert apart == pytest.approx(apart.T, abs=1e-7)


def test_rows_of_zeros_are_as_far_as_can_be():
    rows = np.float32([[0, 0, 0], [1, 2, 3]])
    assert CircularEmd().distances(rows, rows).tolist() == [[0, 0.5], [0.5, 0]]
    assert CircularEmd().similarity(np.float32([0, 0.25, 0.5])).tolist() == [1, 0.5, 0]
