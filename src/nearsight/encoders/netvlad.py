"""NetVLAD: VLAD whose descriptors belong to all words, to the near ones most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import map_chunks
from nearsight.encoders._normalisation import check_width, l2_normalise, trained_array
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, TrainProgress
from nearsight.vocabularies.kmeans import Kmeans

_RATIO = 100
"""How much more a descriptor belongs to its nearest word than to the next, at the average distances."""
_ALPHA_SAMPLE_SIZE = 20_000


@dataclass(frozen=True)
class Netvlad(Encoder):
    """For each visual word, the sum of the differences to an image's descriptors, weighted by soft assignment.

    1. Descriptors x are divided by their lengths. Their words' centres c_k are trained by k-means.
    2. x belongs to word k by a_k = exp(-a |x - c_k|^2) / sum_j exp(-a |x - c_j|^2), a being `alpha`.
    3. The sums over the descriptors of a_k (x - c_k), one word after another, are divided each by its own length.
    4. The row is divided by its length. Images without features are zeros.

    With several maps, all positions count together. Descriptors that come through `pca(dim=128)` first make rows that
    are ten times shorter.

    Parameters
    ----------
    k : words, 1 or more; fewer where there are fewer than eight descriptors for each
    alpha : how sharply descriptors are given to words, above 0; none: such that at the mean of the squared distances to
        the nearest and to the next word, a descriptor belongs to the nearest a hundred times as much

    Returns
    -------
    `(N, k D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        where a parameter is out of its range, or there are no descriptors to learn from

    References
    ----------
    R. Arandjelović, P. Gronat, A. Torii, T. Pajdla and J. Sivic, NetVLAD: CNN Architecture for Weakly Supervised Place
    Recognition, CVPR 2016, doi:10.1109/CVPR.2016.572, equations 2 and 4.

    Notes
    -----
    Departures: centres and alpha are what the paper's training begins with; nothing is trained by gradients.

    Examples
    --------
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[3, 4], [0, 2]]), (8, 8))
    >>> fitted = {"centres": np.float32([[0, 0], [9, 9]]), "alpha": np.float32([1])}
    >>> Netvlad(k=2).encode([features], fitted).astype(float).round(3)[0, :2].tolist()
    [0.224, 0.671]
    """

    metric = "cosine"

    k: int = 64
    alpha: float | None = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is the number of words, 1 or more; got {self.k}")
        if self.alpha is not None and not 0 < self.alpha < np.inf:
            raise ValueError(f"alpha is above 0, or none to have it trained; got {self.alpha}")

    @property
    def sample_size(self) -> int:
        """Some hundreds of descriptors for each word."""
        return max(30_000, 256 * self.k)

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`centres (K, D)` and `alpha (1,)`."""
        if not len(sample):
            raise ValueError("words are trained on descriptors; these images have none")
        vectors = map_chunks(sample, l2_normalise)
        centres = Kmeans(self.k).train(vectors, report)["centres"]
        alpha = _initial_alpha(
            np.array(vectors[:: -(-len(vectors) // _ALPHA_SAMPLE_SIZE)]), trained_array({"centres": centres}, "centres")
        )
        return {"centres": centres, "alpha": np.array([self.alpha or alpha], np.float32)}

    def size(self, width: int, fitted: Arrays) -> int:
        """A value for each of a descriptor and each word."""
        return int(fitted["centres"].size)

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> Floats:
        """One row an image."""
        centres, alpha = fitted["centres"].astype(np.float64), float(fitted["alpha"][0])
        made = np.zeros((len(described), centres.size), np.float32)
        for row, features in zip(made, described, strict=True):
            check_width(features.descriptors, centres.shape[1])
            if len(features):
                row[:] = l2_normalise(
                    l2_normalise(
                        _soft_residual_sums(l2_normalise(features.descriptors).astype(np.float64), centres, alpha)
                    ).ravel()
                )
        return made


def _initial_alpha(descriptors: Floats, centres: Floats) -> float:
    """log(100) / mean of |x - c_second|^2 - |x - c_first|^2."""
    if len(centres) < 2:
        return 1.0
    squares = faiss.knn(descriptors, centres, 2)[0].astype(np.float64)
    apart = float((squares[:, 1] - squares[:, 0]).mean())
    return float(np.log(_RATIO)) / max(apart, 1e-6)


def _soft_residual_sums(
    descriptors: NDArray[np.float64], centres: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """The sums `(K, D)` of the differences of rows `(n, D)` to all centres, by how far they belong to each."""
    nearness = alpha * (2 * descriptors @ centres.T - (centres**2).sum(axis=1))  # |x|^2 is the same for all words
    shares = np.exp(nearness - nearness.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return np.asarray(shares.T @ descriptors - shares.sum(axis=0)[:, None] * centres)
