"""Hamming embedding: within its visual word, a feature is told from others by bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._word_encoder import WordEncoder, random_directions, train_vocabulary
from nearsight.types import Arrays, Floats, TrainProgress

_MIN_CELL_SAMPLES = 8
_PIECE = 4096


@dataclass(frozen=True)
class HammingEmbedding(WordEncoder):
    """Every feature is its visual word and a string of bits that says where in the word's cell it lies.

    1. A vocabulary is trained on descriptors of a sample of images; then, along random orthogonal directions, for
       each word the medians of the descriptors in its cell.
    2. A bit is set where the descriptor along its direction lies above its word's median.
    3. A query's features may have several words each, with other bits in each.

    Parameters
    ----------
    words : the vocabulary
    several : words that a feature of a query has at most, one for each 1,000 of the vocabulary; one of the collection
        has its nearest
    bits : bits of a feature, a multiple of 8, at most the values of a descriptor

    Returns
    -------
    For each image, records of words and bits (`visual_words`)

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    H. Jégou, M. Douze and C. Schmid, Hamming Embedding and Weak Geometric Consistency for Large Scale Image Search,
    ECCV 2008, doi:10.1007/978-3-540-88682-2_24.

    Notes
    -----
    Departures: a word with fewer than eight descriptors in the sample takes its centre for the medians.

    Examples
    --------
    >>> from nearsight.features.sift import Sift
    >>> from nearsight.vocabularies.kmeans import Kmeans
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    >>> features = Sift().describe([image])
    >>> encoder = HammingEmbedding(words=Kmeans(k=4))
    >>> fitted = encoder.train(features[0].descriptors, lambda done, total: None)
    >>> encoder.encode(features, fitted)[0]["bits"].shape[1]
    8
    """

    several: int = 3
    bits: int = 64

    metric = "hamming_votes"
    learns_more = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bits < 8 or self.bits % 8:
            raise ValueError(f"bits is a multiple of 8, at least 8; got {self.bits}")

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """The vocabulary, the directions `(bits, D)`, and the medians `(K, bits)`."""
        fitted = train_vocabulary(self.words, sample, report)
        directions = random_directions(self.bits, sample.shape[1])
        words = np.empty(len(sample), np.int32)
        along = np.empty((len(sample), self.bits), np.float32)
        for start in range(0, len(sample), _PIECE):
            piece = np.asarray(sample[start : start + _PIECE])
            words[start : start + _PIECE] = self.words.assign(piece, fitted)[:, 0]
            along[start : start + _PIECE] = piece @ directions.T
        medians = np.asarray(fitted["centres"], np.float32) @ directions.T
        order = np.argsort(words, kind="stable")
        cells = np.split(order, np.searchsorted(words[order], np.arange(1, len(medians))))
        for word, inside in enumerate(cells):
            if len(inside) >= _MIN_CELL_SAMPLES:
                medians[word] = np.median(along[inside], axis=0)
        return {**fitted, "directions": directions, "medians": medians}

    def signatures(self, descriptors: Floats, words: NDArray[np.int32], fitted: Arrays) -> NDArray[np.uint8]:
        """Above the medians or not."""
        return np.packbits(descriptors @ fitted["directions"].T > fitted["medians"][words], axis=1)
