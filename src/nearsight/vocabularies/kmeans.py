"""k-means: words are the centres of clusters of descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.clustering import kmeans
from nearsight.types import Arrays, Floats, TrainProgress, Vocabulary


@dataclass(frozen=True)
class Kmeans(Vocabulary):
    """Words are the means of clusters, and every descriptor is compared with every word.

    1. Lloyd's algorithm on a sample of descriptors; fewer words where there are fewer than eight descriptors for each.
    2. A descriptor's words are its nearest means.

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
    J. Sivic and A. Zisserman, Video Google: A Text Retrieval Approach to Object Matching in Videos, ICCV 2003,
    doi:10.1109/ICCV.2003.1238663. S. P. Lloyd, Least Squares Quantization in PCM, IEEE Transactions on Information
    Theory 28(2), 1982, doi:10.1109/TIT.1982.1056489.

    Examples
    --------
    >>> sample = np.random.default_rng(0).random((200, 4), np.float32)
    >>> words = Kmeans(k=10)
    >>> fitted = words.train(sample, lambda done, total: None)
    >>> words.assign(fitted["centres"], fitted, several=2)[:, 0].tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    k: int = 1000

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
        return {"centres": kmeans(sample, max(1, min(self.k, len(sample) // 8)), report)}

    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """The nearest centres, by comparing all."""
        rows = np.ascontiguousarray(descriptors, np.float32)
        if not len(rows):
            return np.empty((0, several), np.int32)
        found: NDArray[np.int64] = faiss.knn(rows, cast(Floats, fitted["centres"]), several)[1]
        return found.astype(np.int32)
