"""VLAD: for each visual word, how an image's descriptors lie around it, summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.clustering import nearest_centroids
from nearsight.encoders._normalisation import check_power, check_width, l2_normalise, power_normalise, trained_array
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, TrainProgress
from nearsight.vocabularies.kmeans import Kmeans


@dataclass(frozen=True)
class Vlad(Encoder):
    """For each visual word, the sum of the differences between an image's descriptors and the word's centre.

    1. `k` words are trained by k-means. With several `vocabularies`, each is trained on its own part of the sample.
    2. Each descriptor x goes to the word of its nearest centre c, and adds x - c to the sum of that word.
    3. The sums, one word after another, are evened out: "power" takes sign(v) |v|^`power` of each value, "intra"
       divides each word's sum by its length, so that what an image repeats does not drown the rest.
    4. The row is divided by its length; rows of several vocabularies stand one after another, with length 1 together.

    Words that an image does not hold, and images without features, are zeros.

    Parameters
    ----------
    k : words, 1 or more; fewer where there are fewer than eight descriptors for each
    norm : "power" or "intra"
    power : the power of "power", above 0 to 1, which leaves values as they are
    vocabularies : how many, trained on different descriptors; PCA of all together is far better than one of k words

    Returns
    -------
    `(N, vocabularies * k * D) float32` for descriptors of D values

    Raises
    ------
    ValueError
        where a parameter is out of its range, or there are fewer descriptors than vocabularies to learn

    References
    ----------
    H. Jégou, F. Perronnin, M. Douze, J. Sánchez, P. Pérez and C. Schmid, Aggregating Local Image Descriptors into
    Compact Codes, IEEE TPAMI 34(9), 2012, doi:10.1109/TPAMI.2011.235. R. Arandjelović and A. Zisserman, All about VLAD,
    CVPR 2013, doi:10.1109/CVPR.2013.207. H. Jégou and O. Chum, Negative Evidences and Co-occurences in Image Retrieval:
    The Benefit of PCA and Whitening, ECCV 2012, doi:10.1007/978-3-642-33709-3_55.

    Notes
    -----
    Departures: the vocabularies of the last paper differ by the seed of k-means alone, these by the descriptors too.

    Examples
    --------
    >>> from nearsight.types import LocalFeatures
    >>> places = np.zeros((2, 2), np.float32), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[1, 4], [1, 0]]), (8, 8))
    >>> Vlad(k=2).encode([features], {"centres": np.float32([[[1, 1], [9, 9]]])}).round(3).tolist()
    [[0.0, 1.0, 0.0, 0.0]]
    """

    metric = "cosine"

    k: int = 64
    norm: Literal["power", "intra"] = "power"
    power: float = 0.5
    vocabularies: int = 1

    def __post_init__(self) -> None:
        if self.k < 1 or self.vocabularies < 1:
            raise ValueError(f"k and vocabularies are 1 or more; got {self.k} and {self.vocabularies}")
        if self.norm not in ("power", "intra"):
            raise ValueError(f'norm is "power" or "intra"; got {self.norm!r}')
        check_power(self.power)

    @property
    def sample_size(self) -> int:
        """Some hundreds of descriptors for each word."""
        return self.vocabularies * max(30_000, 256 * self.k)

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`centres (vocabularies, K, D)`."""
        count = len(sample) // self.vocabularies
        if not count:
            few = f"{self.vocabularies} of them or more; these images have {len(sample)}"
            raise ValueError(f"vocabularies are trained on descriptors, {few}")
        centres = []
        for part in range(self.vocabularies):
            own = sample[part :: self.vocabularies][:count]
            centres.append(Kmeans(self.k).train(own, _vlad_progress(report, part, self.vocabularies))["centres"])
        return {"centres": np.stack(centres)}

    def size(self, width: int, fitted: Arrays) -> int:
        """A value for each of a descriptor and each word."""
        return int(fitted["centres"].size)

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> Floats:
        """One row an image."""
        centres = trained_array(fitted, "centres")
        rows = [self._vector(features.descriptors, centres) for features in described]
        return np.stack(rows) if rows else np.empty((0, centres.size), np.float32)

    def _vector(self, descriptors: NDArray[Any], centres: Floats) -> Floats:
        rows = descriptors.astype(np.float32)
        check_width(rows, centres.shape[-1])
        return l2_normalise(
            np.concatenate([l2_normalise(self._normalise_sums(residual_sums(rows, each)).ravel()) for each in centres])
        )

    def _normalise_sums(self, sums: NDArray[np.float64]) -> NDArray[Any]:
        return l2_normalise(sums) if self.norm == "intra" else power_normalise(sums, self.power)


def residual_sums(descriptors: Floats, centres: Floats) -> NDArray[np.float64]:
    """The sums `(K, D)` of the differences between rows and the nearest of the centres."""
    nearest = nearest_centroids(descriptors, centres)
    chosen = scipy.sparse.coo_array(
        (np.ones(len(descriptors)), (nearest, np.arange(len(descriptors)))), (len(centres), len(descriptors))
    )
    return np.asarray(chosen @ (descriptors - centres[nearest].astype(np.float64)))


def _vlad_progress(report: TrainProgress, part: int, n_parts: int) -> TrainProgress:
    """Reports of one part of several."""
    return lambda done, total: report(part * total + done, n_parts * total)
