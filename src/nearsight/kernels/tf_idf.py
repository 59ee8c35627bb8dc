"""Bags of visual words, in which rare words count more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.kernels._similarity import kernel_similarities
from nearsight.types import Floats, Kernel


@dataclass(frozen=True)
class TfIdf(Kernel):
    """The cosine between bags of visual words, in which words that few images hold count more.

    An image is the vector of `tf idf` over the words: how often it has a word, times the logarithm of all images
    over those that hold it.

    Parameters
    ----------
    idf : rare words count more; false for plain counts
    burst : a word that an image has n times counts sqrt(n) times

    Returns
    -------
    Distances `(Q, N) float32`: 1 - cosine, 0 to 1

    Raises
    ------
    ValueError
        where records of queries and rows differ in their bits

    References
    ----------
    J. Sivic and A. Zisserman, Video Google: A Text Retrieval Approach to Object Matching in Videos, ICCV 2003,
    doi:10.1109/ICCV.2003.1238663. H. Jégou, M. Douze and C. Schmid, On the Burstiness of Visual Elements, CVPR 2009,
    doi:10.1109/CVPR.2009.5206609.

    Examples
    --------
    >>> from nearsight.visual_words import record_dtype
    >>> first, second = (np.zeros(2, record_dtype(0)) for _ in range(2))
    >>> first["word"], second["word"] = [1, 2], [2, 3]
    >>> TfIdf(idf=False).distances([first], [first, second]).round(2).tolist()
    [[0.0, 0.5]]
    """

    idf: bool = True
    burst: bool = False

    symbol = "1 - cos"
    aggregates_words = False

    def weights(self, bits: int) -> Floats:
        """Words alone count."""
        return np.ones(bits + 1, np.float32)

    def distances(self, queries: Any, rows: Any) -> Floats:  # noqa: ANN401 - lists of records
        """1 - cosine."""
        return np.clip(1 - kernel_similarities(self, queries, rows), 0, None)
