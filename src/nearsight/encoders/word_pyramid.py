"""The spatial pyramid of visual words: which words there are in the image, in its quarters, in its sixteenths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearsight.encoders._normalisation import check_width
from nearsight.encoders._word_encoder import train_vocabulary
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, TrainProgress, Vocabulary
from nearsight.vocabularies.kmeans import Kmeans

_DEFAULT_VOCABULARY = Kmeans(k=200)


@dataclass(frozen=True)
class WordPyramid(Encoder):
    """Which visual words there are in the image, in its quarters, in its sixteenths; with one level a bag of words.

    1. Each descriptor becomes the word of `words` that is nearest.
    2. Level l cuts the image into 2^l x 2^l cells, and the words are counted in each.
    3. Counts are divided by the number of features, and level 0 is multiplied by 1 / 2^L, level l by
       1 / 2^(L - l + 1) with L = `levels` - 1: 1/4, 1/4 and 1/2 for three levels. A row has sum 1; of an image
       without features it is zeros.

    What two rows have in common, sum of min(q, r), is the pyramid match kernel of the paper.

    A row holds the levels one after another, in each the cells row by row, and in each cell a value for each word.

    Parameters
    ----------
    words : the vocabulary
    levels : levels, 1 to 5; 3 have 1 + 4 + 16 = 21 cells

    Returns
    -------
    `(N, K * (4**levels - 1) / 3) float32` for K words

    Raises
    ------
    ValueError
        where `levels` is out of its range, or there are no descriptors to learn words from

    References
    ----------
    S. Lazebnik, C. Schmid and J. Ponce, Beyond Bags of Features: Spatial Pyramid Matching for Recognizing Natural
    Scene Categories, CVPR 2006, doi:10.1109/CVPR.2006.68 (equation 3).

    Examples
    --------
    >>> places = np.float32([[1, 1], [7, 1]]), np.ones(2, np.float32), np.zeros(2, np.float32)
    >>> features = LocalFeatures(*places, np.float32([[0], [9]]), (8, 8))
    >>> rows = WordPyramid(levels=2).encode([features], {"centres": np.float32([[0], [9]])})
    >>> rows.reshape(5, 2).tolist()
    [[0.25, 0.25], [0.25, 0.0], [0.0, 0.25], [0.0, 0.0], [0.0, 0.0]]
    """

    metric = "intersection"

    words: Vocabulary = _DEFAULT_VOCABULARY
    levels: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= 5:
            raise ValueError(f"levels is 1 to 5; got {self.levels}")

    @property
    def sample_size(self) -> int:
        """A hundred descriptors for each word."""
        return max(20_000, 100 * self.words.n_words)

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """What the vocabulary learns."""
        return train_vocabulary(self.words, sample, report)

    def size(self, width: int, fitted: Arrays) -> int:
        """A value for each word in each cell."""
        return len(fitted["centres"]) * ((1 << 2 * self.levels) - 1) // 3

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> Floats:
        """One row an image."""
        rows = np.zeros((len(described), self.size(0, fitted)), np.float32)
        for row, features in zip(rows, described, strict=True):
            check_width(features.descriptors, fitted["centres"].shape[1])
            if len(features):
                row[:] = self._vector(features, fitted)
        return rows

    def _vector(self, features: LocalFeatures, trained: Arrays) -> Floats:
        words = self.words.assign(features.descriptors.astype(np.float32), trained)[:, 0]
        places = np.clip(features.points / features.size, 0, 1)
        count, levels = len(trained["centres"]), []
        for level in range(self.levels):
            side = 2**level
            across, down = np.minimum((places * side).astype(int), side - 1).T
            weight = 2.0 ** (max(level, 1) - self.levels) / len(words)
            levels.append(weight * np.bincount((down * side + across) * count + words, minlength=side**2 * count))
        return np.concatenate(levels).astype(np.float32)
