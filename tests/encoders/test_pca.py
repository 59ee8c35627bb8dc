"""PCA against NumPy's singular values, and what it is for: fewer values, nearly the same distances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from nearsight.encoders import pca as module
from nearsight.encoders.pca import Pca, random_pca_rotation
from nearsight.types import LocalFeatures


def quiet(done, total):
    """Nobody asks."""


def sample(count=500, width=24, seed=0):
    """Rows that differ much along some directions and little along others, around a point that is not 0."""
    rng = np.random.default_rng(seed)
    scales = 2.0 ** -(np.arange(width) // 2)
    mixing = np.linalg.qr(rng.normal(size=(width, width)))[0]
    return np.asarray((rng.normal(size=(count, width)) * scales) @ mixing + rng.random(width), np.float32)


ROWS = sample()


def by_singular_values(rows, dim, whiten, centre):
    """Another way: the right singular vectors, with the same rule for their signs."""
    away = rows.astype(np.float64) - (rows.mean(0, np.float64) if centre else 0)
    _, singular, axes = np.linalg.svd(away, full_matrices=False)
    variances = (singular**2 / (len(rows) - centre))[:dim]
    axes = np.stack([axis if axis[np.abs(axis).argmax()] > 0 else -axis for axis in axes[:dim]])
    return away @ axes.T / variances ** (whiten / 2), variances


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("whiten", [0, 0.5, 1])
@pytest.mark.parametrize("shape", [(500, 24), (30, 60)], ids=["many", "few"])
def test_values_are_those_of_the_singular_vectors(shape, whiten, centre):
    rows = sample(*shape)
    pca = Pca(dim=6, whiten=whiten, centre=centre, normalise=False)
    fitted = pca.train(rows, quiet)
    wanted, variances = by_singular_values(rows, 6, whiten, centre)
    assert fitted["variances"] == pytest.approx(variances, rel=1e-4)
    assert pca.encode(rows, fitted) == pytest.approx(wanted, abs=2e-4)


@pytest.mark.parametrize("centre", [True, False])
def test_wide_rows_give_the_same_by_their_products(monkeypatch, centre):
    rows, pca = sample(80, 40), Pca(dim=8, whiten=1, centre=centre)
    narrow = pca.train(rows, quiet)
    monkeypatch.setattr(module, "_WIDE", 39)
    monkeypatch.setattr(module, "_PIECE", 16)
    wide = pca.train(rows[:39], quiet)
    monkeypatch.setattr(module, "_WIDE", 1000)
    again = pca.train(rows[:39], quiet)
    for name in narrow:
        assert wide[name] == pytest.approx(again[name], rel=1e-3, abs=1e-4)
    monkeypatch.setattr(module, "_WIDE", 39)
    assert np.abs(pca.train(rows, quiet)["axes"] - narrow["axes"]).max() > 0.01  # it has seen 39 of 80


def test_whitened_values_have_equal_deviations_and_half_the_root_of_them():
    none, half, full = (
        Pca(dim=8, whiten=whiten, normalise=False).encode(ROWS, Pca(dim=8, whiten=whiten).train(ROWS, quiet)).std(0)
        for whiten in (0, 0.5, 1)
    )
    assert full == pytest.approx(np.ones(8), abs=0.01)
    assert half == pytest.approx(np.sqrt(none), rel=0.01)


def test_distances_are_never_longer_and_nearly_kept():
    """Of all variance 99.9 % is in twelve of the 24 directions."""
    pca = Pca(dim=12, normalise=False)
    fitted = pca.train(ROWS, quiet)
    before, after = pdist(ROWS), pdist(pca.encode(ROWS, fitted))
    assert (after <= before * (1 + 1e-5)).all()
    assert after == pytest.approx(before, rel=0.05)
    assert fitted["variances"].sum() / ROWS.var(0, ddof=1).sum() > 0.999


def test_a_turn_keeps_distances_and_spreads_values():
    assert random_pca_rotation(16) @ random_pca_rotation(16).T == pytest.approx(np.eye(16), abs=1e-12)
    straight, turned = (Pca(dim=8, normalise=False, rotate=rotate) for rotate in (False, True))
    first, second = (pca.encode(ROWS, pca.train(ROWS, quiet)) for pca in (straight, turned))
    assert pdist(second) == pytest.approx(pdist(first), rel=1e-4, abs=1e-5)
    assert second.std(0).min() > 3 * first.std(0).min()


def test_rows_have_length_one_and_nothing_stays_nothing():
    pca = Pca(dim=5)
    rows = np.concatenate([ROWS[:3], np.zeros((1, 24), np.float32)])
    made = pca.encode(rows, pca.train(ROWS, quiet))
    assert np.linalg.norm(made[:3], axis=1) == pytest.approx(np.ones(3))
    assert not made[3].any()


def test_features_keep_their_places():
    rng = np.random.default_rng(3)
    places = rng.random((7, 2), np.float32), rng.random(7, np.float32), rng.random(7, np.float32)
    features = LocalFeatures(*places, ROWS[:7], (64, 48))
    pca = Pca(dim=5)
    fitted = pca.train(ROWS, quiet)
    (made,) = pca.encode([features], fitted)
    assert made.descriptors == pytest.approx(Pca(dim=5, normalise=False).encode(ROWS[:7], fitted), abs=1e-6)
    assert all(getattr(made, name) is getattr(features, name) for name in ("points", "scales", "angles", "size"))


@pytest.mark.parametrize(
    ("rows", "dim"), [(ROWS[:5], 4), (ROWS, 24), (np.repeat(ROWS[:, :3], 5, axis=1), 3)], ids=["few", "thin", "flat"]
)
def test_there_are_no_more_values_than_the_sample_has_directions(rows, dim):
    pca = Pca(dim=128, whiten=1)
    fitted = pca.train(rows, quiet)
    assert pca.size(rows.shape[1], fitted) == dim
    made = pca.encode(rows, fitted)
    assert made.shape == (len(rows), dim)
    assert np.abs(made).max() <= 1 + 1e-6


def test_fewer_values_keep_the_order_of_distances_of_other_rows():
    pca = Pca(dim=8, normalise=False)
    fitted = pca.train(ROWS[:250], quiet)
    assert spearmanr(pdist(ROWS[250:]), pdist(pca.encode(ROWS[250:], fitted))).statistic > 0.99


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS[:0], ROWS[0]], ids=["one", "none", "no matrix"])
def test_too_few_rows_are_refused(rows):
    with pytest.raises(ValueError, match="2 vectors or more"):
        Pca().train(rows, quiet)


def test_rows_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="all the same"):
        Pca().train(np.ones((9, 4), np.float32), quiet)


def test_rows_of_another_width_are_refused():
    with pytest.raises(ValueError, match=r"24 values.*\(2, 23\)"):
        Pca(dim=4).encode(ROWS[:2, 1:], Pca(dim=4).train(ROWS, quiet))


@pytest.mark.parametrize("wrong", [{"dim": 0}, {"whiten": -0.1}, {"whiten": 1.5}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Pca(**wrong)


def test_wide_rows_of_which_those_looked_at_are_all_the_same_are_refused(monkeypatch):
    monkeypatch.setattr(module, "_WIDE", 8)
    rows = np.ones((64, 24), np.float32)
    rows[5] = 2
    with pytest.raises(ValueError, match="these 8 are all the same"):
        Pca(dim=4).train(rows, quiet)
