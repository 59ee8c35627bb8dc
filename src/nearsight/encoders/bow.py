"""Bags of visual words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._word_encoder import WordEncoder, train_vocabulary
from nearsight.types import Arrays, Floats, TrainProgress


@dataclass(frozen=True)
class Bow(WordEncoder):
    """Every feature is replaced by its visual word (bag of words).

    1. A vocabulary is trained on descriptors of a sample of images.
    2. An image's features are replaced by their nearest words. Where they lie is kept for geometry.
    3. A query's features may have several words each.

    Parameters
    ----------
    words : the vocabulary
    several : words that a feature of a query has at most, one for each 1,000 of the vocabulary; one of the collection
        has its nearest

    Returns
    -------
    For each image, records of words without bits (`visual_words`)

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    J. Sivic and A. Zisserman, Video Google: A Text Retrieval Approach to Object Matching in Videos, ICCV 2003,
    doi:10.1109/ICCV.2003.1238663. Several words: J. Philbin et al., Lost in Quantization, CVPR 2008,
    doi:10.1109/CVPR.2008.4587635.

    Notes
    -----
    Departures: several words of one feature count alike, whatever their distance.

    Examples
    --------
    >>> from nearsight.features.sift import Sift
    >>> from nearsight.vocabularies.kmeans import Kmeans
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    >>> features = Sift().describe([image])
    >>> bow = Bow(words=Kmeans(k=4))
    >>> fitted = bow.train(features[0].descriptors, lambda done, total: None)
    >>> len(bow.encode(features, fitted)[0]) == len(features[0])
    True
    """

    metric = "tf_idf"

    @property
    def bits(self) -> int:
        """None."""
        return 0

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """The vocabulary."""
        return train_vocabulary(self.words, sample, report)

    def signatures(self, descriptors: Floats, words: NDArray[np.int32], fitted: Arrays) -> NDArray[np.uint8]:
        """No bits."""
        return np.empty((len(words), 0), np.uint8)
