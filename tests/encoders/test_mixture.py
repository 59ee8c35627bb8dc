"""Mixtures of Gaussians against SciPy and scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from nearsight.encoders import _gaussian_mixture as module
from nearsight.encoders._gaussian_mixture import GaussianMixture, train_mixture


def quiet(done, total):
    """Nobody asks."""


def sample(count=4000, seed=0):
    """Three clouds, of 50, 30 and 20 %, with deviations of their own."""
    rng = np.random.default_rng(seed)
    which = rng.choice(3, count, p=[0.5, 0.3, 0.2])
    means, deviations = np.array([[0, 0], [4, 1], [-3, 5]]), np.array([[1, 0.5], [0.5, 1], [0.7, 0.7]])
    return np.asarray(means[which] + rng.normal(size=(count, 2)) * deviations[which], np.float32)


ROWS = sample()


def test_logs_are_those_of_scipy():
    rng = np.random.default_rng(1)
    mixture = GaussianMixture(np.array([0.2, 0.8]), rng.normal(size=(2, 5)), rng.random((2, 5)) + 0.1)
    rows = rng.normal(size=(9, 5))
    wanted = [
        [np.log(weight) + multivariate_normal(mean, np.diag(variance)).logpdf(row) for weight, mean, variance in
         zip(mixture.weights, mixture.means, mixture.variances, strict=True)] for row in rows
    ]  # fmt: skip
    assert mixture.weighted_log_densities(rows) == pytest.approx(np.array(wanted))
    shares = np.exp(wanted - logsumexp(wanted, axis=1, keepdims=True))
    assert mixture.posteriors(rows) == pytest.approx(shares)


def test_posteriors_far_from_everything_are_still_shares():
    mixture = GaussianMixture(np.array([0.5, 0.5]), np.array([[0.0], [1.0]]), np.ones((2, 1)))
    assert mixture.posteriors(np.array([[1e4], [-1e4]])).tolist() == [[0, 1], [1, 0]]


def test_it_is_that_of_another_implementation():
    """From the same start, after as many rounds; no variance is so small that it is held up."""
    start, mine = train_mixture(ROWS, 3, quiet, n_iterations=0), train_mixture(ROWS, 3, quiet, n_iterations=5)
    theirs = SklearnMixture(
        3, covariance_type="diag", reg_covar=0, tol=0, max_iter=5, init_params="random_from_data", random_state=0,
        weights_init=start.weights, means_init=start.means, precisions_init=1 / start.variances,
    )  # fmt: skip
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        theirs.fit(ROWS.astype(np.float64))
    assert mine.weights == pytest.approx(theirs.weights_, abs=1e-6)
    assert mine.means == pytest.approx(theirs.means_, abs=1e-6)
    assert mine.variances == pytest.approx(theirs.covariances_, abs=1e-6)


def test_it_finds_what_the_sample_was_drawn_from():
    mine = train_mixture(ROWS, 3, quiet)
    order = np.argsort(-mine.weights)
    assert mine.weights[order] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert mine.means[order] == pytest.approx(np.array([[0, 0], [4, 1], [-3, 5]]), abs=0.1)
    assert np.sqrt(mine.variances[order]) == pytest.approx(np.array([[1, 0.5], [0.5, 1], [0.7, 0.7]]), abs=0.05)


def test_the_likelihood_rises_with_every_round():
    likelihoods = [
        logsumexp(train_mixture(ROWS, 8, quiet, rounds).weighted_log_densities(ROWS.astype(float)), axis=1).sum()
        for rounds in range(6)
    ]
    assert (np.diff(likelihoods) > 0).all()


def test_no_gaussian_closes_in_on_equal_rows():
    rows = np.concatenate([ROWS, np.repeat(np.float32([[50, 50]]), 500, axis=0)])
    mine = train_mixture(rows, 4, quiet)
    assert (mine.variances >= 0.01 * rows.var(0, np.float64) - 1e-9).all()
    assert mine.weights.sum() == pytest.approx(1)


def test_values_that_are_always_the_same_have_a_variance():
    rows = np.column_stack([ROWS, np.full(len(ROWS), 3, np.float32)])
    mine = train_mixture(rows, 3, quiet)
    assert (mine.variances > 0).all()
    assert np.isfinite(mine.weighted_log_densities(rows.astype(float))).all()


def test_rows_in_pieces_give_the_same(monkeypatch):
    whole = train_mixture(ROWS, 3, quiet)
    monkeypatch.setattr(module, "_PIECE", 700)
    assert train_mixture(ROWS, 3, quiet).means == pytest.approx(whole.means, abs=1e-9)


def test_rows_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="these 40 are all the same"):
        train_mixture(np.ones((40, 3), np.float32), 2, quiet)
