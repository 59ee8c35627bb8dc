"""ASMK: what an image has of a visual word is gathered into one string of bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._word_encoder import WordEncoder, random_directions, train_vocabulary
from nearsight.types import Arrays, Floats, TrainProgress


@dataclass(frozen=True)
class Asmk(WordEncoder):
    """The features of each visual word are aggregated into one string of bits (binary ASMK).

    1. A vocabulary is trained on descriptors of a sample of images.
    2. A descriptor's residual is its difference from its word. The residuals of an image's features of one word are
       summed, turned by a random rotation, and a bit is set for each value above 0.
    3. All features of the word share these bits; where each lies is kept for geometry.
    4. A query's features may have several words each.

    Parameters
    ----------
    words : the vocabulary
    several : words that a feature of a query has at most, one for each 1,000 of the vocabulary; one of the collection
        has its nearest
    bits : bits of a word, a multiple of 8, at most the values of a descriptor

    Returns
    -------
    For each image, records of words and bits (`visual_words`)

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    G. Tolias, Y. Avrithis and H. Jégou, Image Search with Selective Match Kernels: Aggregation Across Single and
    Multiple Images, IJCV 116(3), 2016, doi:10.1007/s11263-015-0810-4.

    Notes
    -----
    Departures: the residuals are rotated before their signs are taken, which spreads what they say over all bits.

    Examples
    --------
    >>> from nearsight.features.sift import Sift
    >>> from nearsight.vocabularies.kmeans import Kmeans
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    >>> features = Sift().describe([image])
    >>> encoder = Asmk(words=Kmeans(k=4))
    >>> fitted = encoder.train(features[0].descriptors, lambda done, total: None)
    >>> encoder.encode(features, fitted)[0]["bits"].shape[1]
    16
    """

    several: int = 5
    bits: int = 128

    metric = "selective"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bits < 8 or self.bits % 8:
            raise ValueError(f"bits is a multiple of 8, at least 8; got {self.bits}")

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """The vocabulary and the directions `(bits, D)`."""
        fitted = train_vocabulary(self.words, sample, report)
        return {**fitted, "directions": random_directions(self.bits, fitted["centres"].shape[1])}

    def signatures(self, descriptors: Floats, words: NDArray[np.int32], fitted: Arrays) -> NDArray[np.uint8]:
        """The signs of the rotated sum of the residuals of all features of the same word."""
        if not len(words):
            return np.empty((0, self.bits // 8), np.uint8)
        residuals = (descriptors - fitted["centres"][words]) @ fitted["directions"].T
        order = np.argsort(words, kind="stable")
        _, first, place = np.unique(words[order], return_index=True, return_inverse=True)
        sums = np.add.reduceat(residuals[order], first, axis=0)
        signed = np.empty((len(words), self.bits // 8), np.uint8)
        signed[order] = np.packbits(sums > 0, axis=1)[place]
        return signed
