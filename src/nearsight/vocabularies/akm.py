"""Approximate k-means: as k-means, but what is nearest is looked up in an index, for many words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import kmeans
from nearsight.types import Arrays, Floats, TrainProgress, Vocabulary
from nearsight.vocabularies._centre_index import CentreIndexCache, build_centre_index, search_centres

_INDEX_CACHE = CentreIndexCache()


@dataclass(frozen=True)
class Akm(Vocabulary):
    """Words are the means of clusters, as in k-means, but an index finds the nearest one: for many words.

    1. Lloyd's algorithm on a sample of descriptors, in which each goes to the nearest centre that an index over the
       centres finds; the index is made anew in every round. Fewer words where there are fewer than eight descriptors
       for each.
    2. A descriptor's words are those that such an index finds nearest.

    The index finds the nearest of 20,000 words for more than 99 of 100 SIFT descriptors. Fewer than 2,048 words are
    all compared: then it is k-means.

    Parameters
    ----------
    k : words, 1 or more

    Returns
    -------
    Words `(N, several) int32`

    Raises
    ------
    ValueError
        where k is below 1, or nothing is there to learn from

    References
    ----------
    J. Philbin, O. Chum, M. Isard, J. Sivic and A. Zisserman, Object Retrieval with Large Vocabularies and Fast Spatial
    Matching, CVPR 2007, doi:10.1109/CVPR.2007.383172.

    Notes
    -----
    Departures: the paper looks the nearest centre up in eight randomised k-d trees; here an inverted file of product
    codes finds candidates, of which 32 or more are measured exactly, which is faster and misses less.

    Examples
    --------
    >>> sample = np.random.default_rng(0).random((200, 4), np.float32)
    >>> words = Akm(k=10)
    >>> fitted = words.train(sample, lambda done, total: None)
    >>> words.assign(fitted["centres"], fitted, several=2)[:, 0].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    k: int = 20_000

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is the number of words, 1 or more; got {self.k}")

    @property
    def n_words(self) -> int:
        """As many as it was asked for."""
        return self.k

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`centres (K, D)`."""
        if not len(sample):
            raise ValueError("a vocabulary is trained on descriptors; these images have none")
        return {"centres": kmeans(sample, max(1, min(self.k, len(sample) // 8)), report, _build_akm_assigner)}

    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """The nearest centres that the index finds; it is made once, and kept while the same centres are asked for."""
        return search_centres(_INDEX_CACHE.get(fitted["centres"]), descriptors, several)


def _build_akm_assigner(centres: Floats) -> partial[NDArray[np.int32]]:
    return partial(_nearest_akm_centre, build_centre_index(centres))


def _nearest_akm_centre(centre_index: object, descriptors: Floats) -> NDArray[np.int32]:
    return search_centres(centre_index, descriptors, 1)[:, 0]
