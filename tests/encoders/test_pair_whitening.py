"""Whitening from pairs against the formulas written out with inverses, and what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from nearsight.encoders.pair_whitening import PairWhitening
from nearsight.encoders.pca import Pca

WIDTH = 6


def quiet(done, total):
    """Nobody asks."""


def views(things=200, seed=0):
    """Two rows of each thing: alike in three values, while three others are as they happen to be."""
    rng = np.random.default_rng(seed)
    what, how = rng.normal(size=(things, 1, 3)), rng.normal(size=(things, 2, 3)) * 4
    seen = np.concatenate([np.repeat(what, 2, axis=1) + rng.normal(size=(things, 2, 3)) * 0.05, how], axis=2)
    mixing = np.linalg.qr(np.random.default_rng(1).normal(size=(WIDTH, WIDTH)))[0] * np.linspace(1, 2, WIDTH)
    return (seen.reshape(-1, WIDTH) @ mixing + 2).astype(np.float32)


def test_the_directions_are_those_of_the_formulas():
    rows = views()
    fitted = PairWhitening(dim=WIDTH).train(rows, quiet)
    values = rows.astype(np.float64)
    away = (values - values.mean(axis=0)).T
    apart = (values[::2] - values[1::2]).T
    inverse = np.linalg.inv(np.linalg.cholesky(apart @ apart.T / 200))
    squares, vectors = np.linalg.eigh(inverse @ away @ away.T @ inverse.T)
    wanted = vectors[:, np.argsort(-squares)].T @ inverse
    signs = np.sign(np.sum(wanted * fitted["axes"], axis=1, keepdims=True))
    assert fitted["axes"] == pytest.approx(wanted * signs, rel=1e-3, abs=1e-3)
    assert fitted["variances"] == pytest.approx(np.sort(squares)[::-1] / (len(rows) - 1), rel=2e-3)
    assert fitted["mean"] == pytest.approx(values.mean(axis=0), abs=1e-5)


def test_few_pairs_are_told_apart_in_few_directions():
    """Four pairs: the formulas hold in the plane in which the eight rows differ most."""
    rows = views(4).astype(np.float64)
    fitted = PairWhitening(dim=WIDTH).train(rows, quiet)
    away = rows - rows.mean(axis=0)
    plane = np.linalg.svd(away, full_matrices=False)[2][:2]
    turned = away @ plane.T
    apart = turned[::2] - turned[1::2]
    inverse = np.linalg.inv(np.linalg.cholesky(apart.T @ apart / 4))
    _, vectors = np.linalg.eigh(inverse @ turned.T @ turned @ inverse.T)
    wanted = vectors[:, ::-1].T @ inverse @ plane
    signs = np.sign(np.sum(wanted * fitted["axes"], axis=1, keepdims=True))
    assert fitted["axes"] == pytest.approx(wanted * signs, rel=1e-3, abs=1e-4)


def test_pairs_lie_close_and_differ_alike_in_all_directions():
    rows = views()
    fitted = PairWhitening(dim=WIDTH).train(rows, quiet)
    made = (rows - fitted["mean"]) @ fitted["axes"].T
    apart = made[::2] - made[1::2]
    assert apart.T @ apart / len(apart) == pytest.approx(np.eye(WIDTH), abs=5e-3)


def test_the_same_thing_is_found_that_plain_whitening_loses():
    """Learnt from some things, judged on others: the nearest row is that of the same thing."""
    rows, others = views(), views(seed=5)
    paired, plain = PairWhitening(dim=3), Pca(dim=3, whiten=1)
    right = [found(each.encode(others, each.train(rows, quiet))) for each in (paired, plain)]
    assert right[0] > 0.6
    assert right[1] < 0.1


def found(rows):
    apart = np.linalg.norm(rows[:, None] - rows, axis=2)
    np.fill_diagonal(apart, np.inf)
    return (apart.argmin(axis=1) == np.arange(len(rows)) ^ 1).mean()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.zeros((1, WIDTH), np.float32), "trained on pairs"),
        (np.zeros(WIDTH, np.float32), "trained on pairs"),
        (np.ones((8, WIDTH), np.float32), "all the same"),
        (np.repeat(views(4)[::2], 2, axis=0), "the same"),
    ],
)
def test_pairs_that_tell_nothing_are_refused(rows, says):
    with pytest.raises(ValueError, match=says):
        PairWhitening().train(rows, quiet)


def test_a_wrong_number_of_values_is_refused():
    with pytest.raises(ValueError, match="1 or more; got 0"):
        PairWhitening(dim=0)


def test_wide_rows_are_learnt_from_as_narrow_ones():
    """Forty rows of 300 values that lie in six directions: what is learnt is that of the six."""
    rows = views(20)
    across = np.linalg.qr(np.random.default_rng(2).normal(size=(300, WIDTH)))[0]
    whitening = PairWhitening(dim=3)
    wide = whitening.train((rows @ across.T).astype(np.float32), quiet)
    narrow = whitening.train(rows, quiet)
    made = whitening.encode((rows @ across.T).astype(np.float32), wide)
    expected = whitening.encode(rows, narrow)
    signs = np.sign((made * expected).sum(axis=0))
    assert made == pytest.approx(expected * signs, abs=1e-3)
