"""Fisher vectors against a slow loop, finite differences, scikit-image, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp
from skimage.feature import fisher_vector
from sklearn.mixture import GaussianMixture as SklearnMixture

from nearsight.encoders import fisher as module
from nearsight.encoders._gaussian_mixture import GaussianMixture
from nearsight.encoders.fisher import Fisher, fisher_gradients
from tests.encoders.test_vlad import SAMPLE, clouds, described, quiet


def mixture(seed=0, count=4, width=3):
    """Gaussians so wide that descriptors belong to several."""
    rng = np.random.default_rng(seed)
    weights = rng.random(count) + 0.3
    return GaussianMixture(weights / weights.sum(), rng.normal(size=(count, width)), rng.random((count, width)) + 0.5)


ROWS = np.random.default_rng(9).normal(size=(20, 3))


def slowly(rows, of):
    """Another way: one descriptor, one Gaussian, one value after another."""
    u, v = np.zeros(of.means.shape), np.zeros(of.means.shape)
    for row in rows:
        densities = [
            weight * np.prod(np.exp(-((row - mean) ** 2) / variance / 2) / np.sqrt(2 * np.pi * variance))
            for weight, mean, variance in zip(of.weights, of.means, of.variances, strict=True)
        ]
        for each, density in enumerate(densities):
            share = density / sum(densities)
            if share < 1e-4:
                continue
            for place, value in enumerate(row):
                away = (value - of.means[each, place]) / np.sqrt(of.variances[each, place])
                u[each, place] += share * away / len(rows) / np.sqrt(of.weights[each])
                v[each, place] += share * (away**2 - 1) / len(rows) / np.sqrt(2 * of.weights[each])
    return u, v


@pytest.mark.parametrize("seed", range(3))
def test_gradients_are_those_of_the_slow_loop(seed):
    for mine, wanted in zip(fisher_gradients(ROWS, mixture(seed)), slowly(ROWS, mixture(seed)), strict=True):
        assert mine == pytest.approx(wanted, abs=1e-12)


def test_descriptors_far_from_a_gaussian_leave_it_alone():
    of = GaussianMixture(np.array([0.5, 0.5]), np.array([[0.0], [20.0]]), np.ones((2, 1)))
    u, v = fisher_gradients(np.array([[0.1], [-0.4]]), of)
    assert u[1] == v[1] == 0
    assert u[0, 0] == pytest.approx(-0.15 * np.sqrt(2))


def likelihood(of, rows):
    """The mean log likelihood of descriptors."""
    return logsumexp(of.weighted_log_densities(rows), axis=1).mean()


def test_they_are_the_slopes_of_the_likelihood(monkeypatch):
    """u is the slope along the mean times deviation / sqrt(w), v along the deviation times that / sqrt 2."""
    monkeypatch.setattr(module, "_MIN_POSTERIOR", 0)
    of, step = mixture(), 1e-5
    u, v = fisher_gradients(ROWS, of)
    deviations = np.sqrt(of.variances)
    for each in np.ndindex(of.means.shape):
        nudge = np.zeros(of.means.shape)
        nudge[each] = step
        scale = deviations[each] / np.sqrt(of.weights[each[0]])
        means = [likelihood(GaussianMixture(of.weights, of.means + way * nudge, of.variances), ROWS) for way in (1, -1)]
        spreads = [
            likelihood(GaussianMixture(of.weights, of.means, (deviations + way * nudge) ** 2), ROWS) for way in (1, -1)
        ]
        assert u[each] == pytest.approx((means[0] - means[1]) / (2 * step) * scale, abs=1e-7)
        assert v[each] == pytest.approx((spreads[0] - spreads[1]) / (2 * step) * scale / np.sqrt(2), abs=1e-7)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scikit_image(seed, monkeypatch):
    """It puts gradients of the weights first, its gradients of the deviations have the other sign, and it keeps all."""
    monkeypatch.setattr(module, "_MIN_POSTERIOR", 0)
    of = mixture(seed)
    theirs = SklearnMixture(len(of.weights), covariance_type="diag")
    theirs.weights_, theirs.means_, theirs.covariances_ = of.weights, of.means, of.variances
    theirs.precisions_cholesky_ = 1 / np.sqrt(of.variances)
    u, v = np.split(fisher_vector(ROWS, theirs)[len(of.weights) :], 2)
    mine = fisher_gradients(ROWS, of)
    assert mine[0].ravel() == pytest.approx(u, abs=1e-12)
    assert mine[1].ravel() == pytest.approx(-v, abs=1e-12)


def test_a_row_holds_all_means_then_all_deviations_evened_out():
    of = mixture()
    fitted = {name: values.astype(np.float32) for name, values in vars(of).items()}
    u, v = fisher_gradients(
        ROWS.astype(np.float32).astype(float), GaussianMixture(*(values.astype(float) for values in fitted.values()))
    )
    whole = np.concatenate([u.ravel(), v.ravel()])
    rooted = np.sign(whole) * np.sqrt(np.abs(whole))
    (row,) = Fisher(k=4).encode([described(ROWS)], fitted)
    assert row == pytest.approx(rooted / np.linalg.norm(rooted), abs=1e-6)
    (row,) = Fisher(k=4, variances=False, power=1).encode([described(ROWS)], fitted)
    assert row == pytest.approx(u.ravel() / np.linalg.norm(u), abs=1e-6)
    assert Fisher(k=4).size(3, fitted) == 24
    assert Fisher(variances=False).size(3, fitted) == 12


def test_what_the_mixture_was_learnt_from_gives_nearly_nothing():
    """At its best, the likelihood has no slope: of the whole sample far less is left than of an image."""
    fitted = Fisher(k=6).train(SAMPLE, quiet)
    of = GaussianMixture(*(values.astype(np.float64) for values in fitted.values()))
    whole, image = (np.linalg.norm(fisher_gradients(rows.astype(float), of)) for rows in (SAMPLE, clouds(60, 3)))
    assert whole < 0.05 * image


def test_images_of_the_same_things_are_near():
    rng = np.random.default_rng(5)
    ways = rng.normal(0, 0.2, (10, 6, 8))
    centres = np.random.default_rng(7).random((6, 8)) * 3

    def image(way):
        words = rng.integers(0, 6, 60)
        return described(centres[words] + ways[way][words] + rng.normal(0, 0.05, (60, 8)))

    fisher = Fisher(k=6)
    fitted = fisher.train(SAMPLE, quiet)
    first, second = (fisher.encode([image(way) for way in range(10)], fitted) for _ in range(2))
    assert (first @ second.T).argmax(1).tolist() == list(range(10))


@pytest.mark.parametrize("wrong", [{"k": 0}, {"power": 0}, {"power": 2}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Fisher(**wrong)


def test_no_descriptors_are_refused():
    with pytest.raises(ValueError, match="these images have none"):
        Fisher().train(SAMPLE[:0], quiet)


def test_descriptors_of_another_width_are_refused():
    fisher = Fisher(k=2)
    with pytest.raises(ValueError, match=r"vectors of 8 values"):
        fisher.encode([described(np.ones((3, 7)))], fisher.train(SAMPLE, quiet))
