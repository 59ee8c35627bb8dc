"""Fisher vectors: which way a mixture of Gaussians would have to change to describe an image better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._gaussian_mixture import GaussianMixture, train_mixture
from nearsight.encoders._normalisation import check_power, check_width, l2_normalise, power_normalise
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, TrainProgress

_MIN_POSTERIOR = 1e-4
"""Posteriors below this are taken for none."""


@dataclass(frozen=True)
class Fisher(Encoder):
    """How the means and variances of a mixture of Gaussians would have to change to fit the descriptors of an image.

    1. A mixture of `k` Gaussians with weights w, means m and deviations s along each value is trained by expectation
       and maximisation from the clusters of k-means.
    2. Descriptor x of T belongs to Gaussian i by its posterior p; posteriors below 1e-4 are dropped.
    3. Gradients with respect to means, u_i = sum p (x - m_i) / s_i / (T sqrt(w_i)), and with `variances`, those with
       respect to deviations, v_i = sum p ((x - m_i)^2 / s_i^2 - 1) / (T sqrt(2 w_i)): all u, then all v.
    4. sign(z) |z|^`power` of each value; the row is divided by its length. Images without features are zeros.

    Descriptors should come through `pca(dim=64)` first: what they are must not hang together from value to value.

    Parameters
    ----------
    k : Gaussians, 1 or more; fewer where there are fewer than eight descriptors for each
    variances : take the gradients with respect to deviations too
    power : above 0 to 1, which leaves values as they are

    Returns
    -------
    `(N, 2 k D) float32` for descriptors of D values; `(N, k D)` without variances

    Raises
    ------
    ValueError
        where a parameter is out of its range, or no two descriptors of the sample differ

    References
    ----------
    F. Perronnin, J. Sánchez and T. Mensink, Improving the Fisher Kernel for Large-Scale Image Classification, ECCV
    2010, doi:10.1007/978-3-642-15561-1_11. J. Sánchez, F. Perronnin, T. Mensink and J. Verbeek, Image Classification
    with the Fisher Vector: Theory and Practice, IJCV 105(3), 2013, doi:10.1007/s11263-013-0636-x, equations
    17 and 18.

    Notes
    -----
    Departures: gradients with respect to weights are left out, as in VLFeat. Variances are at least a hundredth of the
    sample's own.

    Examples
    --------
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[3, 0], [1, 0]]), (8, 8))
    >>> fitted = {"weights": np.ones(1), "means": np.zeros((1, 2)), "variances": np.full((1, 2), 4.0)}
    >>> Fisher(k=1, power=1).encode([features], fitted).astype(float).round(3).tolist()
    [[0.808, 0.0, 0.143, -0.571]]
    """

    metric = "cosine"

    k: int = 64
    variances: bool = True
    power: float = 0.5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is the number of Gaussians, 1 or more; got {self.k}")
        check_power(self.power)

    @property
    def sample_size(self) -> int:
        """Some hundreds of descriptors for each Gaussian."""
        return max(100_000, 500 * self.k)

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`weights (K,)`, `means (K, D)`, `variances (K, D)`, float32."""
        if not len(sample):
            raise ValueError("Gaussians are trained on descriptors; these images have none")
        made = train_mixture(sample, self.k, report)
        return {name: values.astype(np.float32) for name, values in vars(made).items()}

    def size(self, width: int, fitted: Arrays) -> int:
        """A value or two for each of a descriptor and each Gaussian."""
        return int(fitted["means"].size) * (2 if self.variances else 1)

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> Floats:
        """One row an image."""
        mixture = GaussianMixture(*(fitted[name].astype(np.float64) for name in ("weights", "means", "variances")))
        made = np.zeros((len(described), self.size(0, fitted)), np.float32)
        for row, features in zip(made, described, strict=True):
            check_width(features.descriptors, mixture.means.shape[1])
            if len(features):
                row[:] = self._vector(features.descriptors.astype(np.float64), mixture)
        return made

    def _vector(self, descriptors: NDArray[np.float64], mixture: GaussianMixture) -> Floats:
        parts = fisher_gradients(descriptors, mixture)[: 2 if self.variances else 1]
        return l2_normalise(power_normalise(np.concatenate([part.ravel() for part in parts]), self.power))


def fisher_gradients(
    descriptors: NDArray[np.float64], mixture: GaussianMixture
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradients u and v, `(K, D)` each, of descriptors `(T, D)`, T at least 1."""
    shares = mixture.posteriors(descriptors)
    shares[shares < _MIN_POSTERIOR] = 0
    deviations, roots = np.sqrt(mixture.variances), len(descriptors) * np.sqrt(mixture.weights)[:, None]
    total, first, second = shares.sum(axis=0)[:, None], shares.T @ descriptors, shares.T @ descriptors**2
    squares = second - 2 * mixture.means * first + mixture.means**2 * total
    u = (first - total * mixture.means) / deviations / roots
    v = (squares / mixture.variances - total) / (np.sqrt(2) * roots)
    return u, v
