"""Whitening from pairs against the formulas written out with inverses, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.encode.pair_whitening import of_pairs
from nearsight.encode.pca import Pca

WIDTH = 6


def views(things=200, seed=0):
    """Two rows of each thing: alike in three values, while three others are as they happen to be."""
    rng = np.random.default_rng(seed)
    what, how = rng.normal(size=(things, 1, 3)), rng.normal(size=(things, 2, 3)) * 4
    seen = np.concatenate([np.repeat(what, 2, axis=1) + rng.normal(size=(things, 2, 3)) * 0.05, how], axis=2)
    mixing = np.random.default_rng(1).normal(size=(WIDTH, WIDTH))
    rows = (seen.reshape(-1, WIDTH) @ mixing + 2).astype(np.float32)
    return rows, np.arange(2 * things).reshape(-1, 2)


def test_the_directions_are_those_of_the_formulas():
    rows, pairs = views()
    fitted = of_pairs(rows, pairs, WIDTH)
    values = rows.astype(np.float64)
    away = (values - values.mean(axis=0)).T
    apart = np.stack([values[i] - values[j] for i, j in pairs.tolist()]).T
    inverse = np.linalg.inv(np.linalg.cholesky(apart @ apart.T / len(pairs)))
    squares, vectors = np.linalg.eigh(inverse @ away @ away.T @ inverse.T)
    wanted = vectors[:, np.argsort(-squares)].T @ inverse
    signs = np.sign(np.sum(wanted * fitted["axes"], axis=1, keepdims=True))
    assert fitted["axes"] == pytest.approx(wanted * signs, rel=1e-3, abs=1e-4)
    assert fitted["variances"] == pytest.approx(np.sort(squares)[::-1] / (len(rows) - 1), rel=1e-3)
    assert fitted["mean"] == pytest.approx(values.mean(axis=0), abs=1e-5)


def test_pairs_lie_close_and_differ_alike_in_all_directions():
    rows, pairs = views()
    made = Pca(dim=WIDTH, normalise=False).encode(rows, of_pairs(rows, pairs, WIDTH))
    apart = made[pairs[:, 0]] - made[pairs[:, 1]]
    assert apart.T @ apart / len(pairs) == pytest.approx(np.eye(WIDTH), abs=1e-3)


def test_the_same_thing_is_found_that_plain_whitening_loses():
    """Learnt from some things, judged on others: the nearest row is that of the same thing."""
    rows, pairs = views()
    others, _ = views(seed=5)
    learnt = of_pairs(rows, pairs, 3)
    plain = Pca(dim=3, whiten=1).fit(rows, lambda done, total: None)
    right = [found(Pca(dim=3, normalise=False).encode(others, fitted)) for fitted in (learnt, plain)]
    assert right[0] > 0.6
    assert right[1] < 0.1


def found(rows):
    apart = np.linalg.norm(rows[:, None] - rows, axis=2)
    np.fill_diagonal(apart, np.inf)
    return (apart.argmin(axis=1) == np.arange(len(rows)) ^ 1).mean()


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (np.zeros((3, 2), np.int64), "n at least 6"),
        (np.zeros((9, 3), np.int64), r"\(9, 3\)"),
        (np.tile([[0, 1]], (9, 1)), "do not differ in all directions"),
    ],
)
def test_pairs_that_tell_too_little_are_refused(pairs, says):
    with pytest.raises(ValueError, match=says):
        of_pairs(views()[0], pairs, 3)
