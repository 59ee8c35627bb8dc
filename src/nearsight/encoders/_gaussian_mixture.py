"""Mixtures of Gaussians with diagonal covariances. A helper of `fisher`, not a method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import iter_chunks, nearest_centroids
from nearsight.encoders._normalisation import check_not_constant
from nearsight.types import Floats, TrainProgress
from nearsight.vocabularies.kmeans import Kmeans

EM_ITERATIONS = 30
_PIECE = 4096
_MIN_VARIANCE = 0.01
"""The least variance of a Gaussian, as a part of that of the whole sample."""
_MIN_WEIGHT = 1e-6
"""The least weight of a Gaussian: those that nothing belongs to are dropped."""


@dataclass(frozen=True)
class GaussianMixture:
    """`weights (K,)` with sum 1, `means (K, D)`, `variances (K, D)`, all float64."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    def weighted_log_densities(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each row under each Gaussian, log w_k + log N(x_n; m_k, v_k), `(N, K)`."""
        squares = vectors**2 @ (1 / self.variances).T - 2 * vectors @ (self.means / self.variances).T
        constant = (self.means**2 / self.variances + np.log(2 * np.pi * self.variances)).sum(axis=1)
        return np.asarray(np.log(self.weights) - (squares + constant) / 2)

    def posteriors(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each row belongs to each Gaussian, `(N, K)`; each row has sum 1."""
        logs = self.weighted_log_densities(vectors)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def train_mixture(
    sample: Floats, n_components: int, report: TrainProgress, n_iterations: int = EM_ITERATIONS
) -> GaussianMixture:
    """A mixture of at most `n_components` Gaussians by expectation and maximisation, from the clusters of k-means.

    Variances are at least a hundredth of the sample's own, value by value, so that no Gaussian closes in on a few
    equal rows. Rows are passed over a piece at a time. Raises ValueError where no two rows differ.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm, Journal
    of the Royal Statistical Society B 39(1), 1977, doi:10.1111/j.2517-6161.1977.tb01600.x.
    """
    check_not_constant(sample)
    spread = _mixture_variances(sample)
    floor = _MIN_VARIANCE * np.maximum(spread, _MIN_VARIANCE * spread.mean())
    made = _mixture_from_clusters(
        sample, Kmeans(n_components).train(sample, lambda done, total: None)["centres"], floor
    )
    for turn in range(n_iterations):
        report(turn, n_iterations)
        sums = sum(_sufficient_statistics(piece, made.posteriors(piece)) for piece in _mixture_chunks(sample))
        made = _maximise_mixture(np.asarray(sums), floor)
    return made


def _mixture_chunks(sample: Floats) -> Iterator[NDArray[np.float64]]:
    return (piece.astype(np.float64) for piece in iter_chunks(sample, _PIECE))


def _mixture_variances(sample: Floats) -> NDArray[np.float64]:
    """The variance of each value, in two passes."""
    mean = sum(piece.sum(axis=0) for piece in _mixture_chunks(sample)) / len(sample)
    return np.asarray(sum(((piece - mean) ** 2).sum(axis=0) for piece in _mixture_chunks(sample)) / len(sample))


def _mixture_from_clusters(sample: Floats, centres: Floats, floor: NDArray[np.float64]) -> GaussianMixture:
    """Each Gaussian is that of the rows nearest to one centre."""
    own = np.eye(len(centres))
    sums = sum(
        _sufficient_statistics(piece, own[nearest_centroids(piece.astype(np.float32), centres)])
        for piece in _mixture_chunks(sample)
    )
    return _maximise_mixture(np.asarray(sums), floor)


def _sufficient_statistics(vectors: NDArray[np.float64], responsibilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each Gaussian, the sums of shares, of rows and of squared rows, `(K, 1 + 2 D)`."""
    return np.asarray(responsibilities.T @ np.hstack([np.ones((len(vectors), 1)), vectors, vectors**2]))


def _maximise_mixture(statistics: NDArray[np.float64], floor: NDArray[np.float64]) -> GaussianMixture:
    weights = statistics[:, 0] / statistics[:, 0].sum()
    kept = weights > _MIN_WEIGHT
    first, second = np.split(statistics[kept, 1:] / statistics[kept, :1], 2, axis=1)
    return GaussianMixture(weights[kept] / weights[kept].sum(), first, np.maximum(second - first**2, floor))
