"""Visual words, each once, of which only near ones count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.kernels._similarity import kernel_similarities
from nearsight.types import Floats, Kernel


@dataclass(frozen=True)
class Selective(Kernel):
    """Each word that two images share counts once, with a weight that rises steeply with the similarity of its bits.

    With h of B bits different, u = 1 - 2 h / B, and the weight is u^alpha where u is at least `threshold`.

    Parameters
    ----------
    alpha : how much more alike ones count, 1 or more
    threshold : the least u that counts, 0 to 1

    Returns
    -------
    Distances `(Q, N) float32`: 1 - similarity, 0 to 1

    Raises
    ------
    ValueError
        where a parameter is out of its range, or records differ in their bits

    References
    ----------
    G. Tolias, Y. Avrithis and H. Jégou, Image Search with Selective Match Kernels: Aggregation Across Single and
    Multiple Images, IJCV 116(3), 2016, doi:10.1007/s11263-015-0810-4.

    Examples
    --------
    >>> Selective().weights(8).tolist()
    [1.0, 0.421875, 0.125, 0.015625, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    alpha: float = 3.0
    threshold: float = 0.0

    symbol = "1 - ASMK"
    idf = False
    burst = False
    aggregates_words = True

    def __post_init__(self) -> None:
        if not self.alpha >= 1:
            raise ValueError(f"alpha is 1 or more; got {self.alpha}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold is 0 to 1; got {self.threshold}")

    def weights(self, bits: int) -> Floats:
        """A power of the cosine that the bits stand for."""
        alike = 1 - 2 * np.arange(bits + 1) / max(bits, 1)
        return np.where(alike >= self.threshold, np.maximum(alike, 0) ** self.alpha, 0).astype(np.float32)

    def distances(self, queries: Any, rows: Any) -> Floats:  # noqa: ANN401 - lists of records
        """1 - the sum of the weights over the square roots of the numbers of words."""
        return np.clip(1 - kernel_similarities(self, queries, rows), 0, None)
