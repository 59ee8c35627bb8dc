"""Visual words whose features vote where their bits agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.kernels._similarity import kernel_similarities
from nearsight.types import Floats, Kernel


@dataclass(frozen=True)
class HammingVotes(Kernel):
    """Features of the same word match where few of their bits differ; the fewer, the larger the weight.

    A pair of which h of B bits differ has the weight exp(-(h / (sigma B))^2) up to h = threshold B, and none beyond.

    Parameters
    ----------
    threshold : the share of bits that may differ, 0 to 1; 24 of 64 is the usual one
    sigma : how fast the weight falls, as a share of the bits, above 0
    idf : words that few images hold count more
    burst : a word that an image has n times counts sqrt(n) times

    Returns
    -------
    Distances `(Q, N) float32`: 1 - similarity, 0 to 1

    Raises
    ------
    ValueError
        where a parameter is out of its range, or records differ in their bits

    References
    ----------
    H. Jégou, M. Douze and C. Schmid, Hamming Embedding and Weak Geometric Consistency for Large Scale Image Search,
    ECCV 2008, doi:10.1007/978-3-540-88682-2_24; the weights: Improving Bag-of-Features for Large Scale Image Search,
    IJCV 87(3), 2010, doi:10.1007/s11263-009-0285-2.

    Examples
    --------
    >>> [f"{weight:.3f}" for weight in HammingVotes().weights(64)[[0, 16, 24, 25]]]
    ['1.000', '0.368', '0.105', '0.000']
    """

    threshold: float = 0.375
    sigma: float = 0.25
    idf: bool = True
    burst: bool = True

    symbol = "1 - votes"
    aggregates_words = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is a share of the bits, 0 to 1; got {self.threshold}")
        if not self.sigma > 0:
            raise ValueError(f"sigma is a share of the bits, above 0; got {self.sigma}")

    def weights(self, bits: int) -> Floats:
        """Falling as a Gaussian, then none."""
        differing = np.arange(bits + 1, dtype=np.float32)
        falling = np.exp(-((differing / (self.sigma * max(bits, 1))) ** 2))
        return np.where(differing <= self.threshold * bits, falling, 0).astype(np.float32)

    def distances(self, queries: Any, rows: Any) -> Floats:  # noqa: ANN401 - lists of records
        """1 - the sum of the weights over the lengths of both bags."""
        return np.clip(1 - kernel_similarities(self, queries, rows), 0, None)
