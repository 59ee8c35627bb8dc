"""Mixtures of Gaussians with diagonal covariances. A helper of `fisher`, not a method."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import assigned, let_go
from nearsight.encoders._vectors import check_differ
from nearsight.types import Floats, Report
from nearsight.vocabularies.kmeans import Kmeans

ROUNDS = 30
_PIECE = 4096
_FLOOR = 0.01
"""The least variance of a Gaussian, as a part of that of the whole sample."""
_LEAST = 1e-6
"""The least weight of a Gaussian: those that nothing belongs to are dropped."""


@dataclass(frozen=True)
class Mixture:
    """`weights (K,)` with sum 1, `means (K, D)`, `variances (K, D)`, all float64."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    def logs(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each row under each Gaussian, log w_k + log N(x_n; m_k, v_k), `(N, K)`."""
        squares = rows**2 @ (1 / self.variances).T - 2 * rows @ (self.means / self.variances).T
        constant = (self.means**2 / self.variances + np.log(2 * np.pi * self.variances)).sum(axis=1)
        return np.asarray(np.log(self.weights) - (squares + constant) / 2)

    def posteriors(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each row belongs to each Gaussian, `(N, K)`; each row has sum 1."""
        logs = self.logs(rows)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def learn(sample: Floats, count: int, report: Report, rounds: int = ROUNDS) -> Mixture:
    """A mixture of at most `count` Gaussians by expectation and maximisation, from the clusters of k-means.

    Variances are at least a hundredth of the sample's own, value by value, so that no Gaussian closes in on a few
    equal rows. Rows are passed over a piece at a time. Raises ValueError where no two rows differ.

    References
    ----------
    A. P. Dempster, N. M. Laird and D. B. Rubin, Maximum Likelihood from Incomplete Data via the EM Algorithm, Journal
    of the Royal Statistical Society B 39(1), 1977, doi:10.1111/j.2517-6161.1977.tb01600.x.
    """
    check_differ(sample)
    spread = _spread(sample)
    floor = _FLOOR * np.maximum(spread, _FLOOR * spread.mean())
    made = _of_clusters(sample, Kmeans(count).fit(sample, lambda done, total: None)["centres"], floor)
    for turn in range(rounds):
        report(turn, rounds)
        sums = sum(_moments(piece, made.posteriors(piece)) for piece in _pieces(sample))
        made = _maximised(np.asarray(sums), floor)
    return made


def _pieces(sample: Floats) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(sample), _PIECE):
        yield sample[start : start + _PIECE].astype(np.float64)
        let_go(sample)


def _spread(sample: Floats) -> NDArray[np.float64]:
    """The variance of each value, in two passes."""
    mean = sum(piece.sum(axis=0) for piece in _pieces(sample)) / len(sample)
    return np.asarray(sum(((piece - mean) ** 2).sum(axis=0) for piece in _pieces(sample)) / len(sample))


def _of_clusters(sample: Floats, centres: Floats, floor: NDArray[np.float64]) -> Mixture:
    """Each Gaussian is that of the rows nearest to one centre."""
    own = np.eye(len(centres))
    sums = sum(_moments(piece, own[assigned(piece.astype(np.float32), centres)]) for piece in _pieces(sample))
    return _maximised(np.asarray(sums), floor)


def _moments(rows: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each Gaussian, the sums of shares, of rows and of squared rows, `(K, 1 + 2 D)`."""
    return np.asarray(shares.T @ np.hstack([np.ones((len(rows), 1)), rows, rows**2]))


def _maximised(sums: NDArray[np.float64], floor: NDArray[np.float64]) -> Mixture:
    weights = sums[:, 0] / sums[:, 0].sum()
    kept = weights > _LEAST
    first, second = np.split(sums[kept, 1:] / sums[kept, :1], 2, axis=1)
    return Mixture(weights[kept] / weights[kept].sum(), first, np.maximum(second - first**2, floor))
