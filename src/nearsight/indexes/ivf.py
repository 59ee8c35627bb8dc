"""The inverted file: rows by cell, compared exactly in the cells nearest to the query."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.indexes._inverted_lists import CellIndex, CellScanner
from nearsight.types import Arrays, Floats, Metric


@dataclass(frozen=True)
class Ivf(CellIndex):
    """Compares the query with the vectors of the nearest cells only.

    1. Fitted on a sample: `cells` centroids by k-means.
    2. A row is kept as its id, 4 bytes, in the list of the cell of its nearest centroid.
    3. A query is compared with all rows of the `probes` nearest cells, by the metric itself.

    With `probes` = `cells` the answer is the exact one.

    Parameters
    ----------
    metric : what to rank by; None for the descriptor's natural metric
    cells : centroids, 1 or larger
    probes : cells looked into, 1 to `cells`
    exact_below : a collection of fewer images is searched exactly

    Returns
    -------
    Hits of `ids (Q, k) int64` and `scores (Q, k) float32`; a score is minus the distance

    Raises
    ------
    ValueError
        where a parameter is out of its range, nothing was fitted, k is below 1, or rows differ in width or dtype

    References
    ----------
    J. Sivic and A. Zisserman, Video Google: A Text Retrieval Approach to Object Matching in Videos, ICCV 2003,
    doi:10.1109/ICCV.2003.1238663. H. Jégou, M. Douze and C. Schmid, Product Quantization for Nearest Neighbor Search,
    IEEE TPAMI 33(1), 2011, doi:10.1109/TPAMI.2010.57.

    Notes
    -----
    Departures: rows are compared whole, from their own memory-mapped files, instead of as product codes. Cells are
    made in a space in which the straight distance orders nearly as the metric does (square roots for histograms).

    Examples
    --------
    >>> from nearsight.metrics.l2 import L2
    >>> rows = np.random.default_rng(0).random((400, 32), np.float32)
    >>> index = Ivf(cells=8, probes=2)
    >>> full = index.empty(L2(), index.train(rows, L2())).add(np.arange(400), rows)
    >>> full.search(rows[7:8], k=1).ids.tolist()
    [[7]]
    """

    probes: int = 16

    def train_codes(self, rows: Floats, centroids: Floats, cells: NDArray[np.int64]) -> Arrays:
        """Nothing but the centroids."""
        return {}

    def compute_codes(self, rows: NDArray[Any], flat: Floats, cells: NDArray[np.int64], fitted: Arrays) -> NDArray[Any]:
        """Nothing but the ids."""
        return np.empty((len(rows), 0), np.uint8)

    def make_scanner(
        self, query: NDArray[Any], flat: Floats, away: Floats, metric: Metric, fitted: Arrays
    ) -> CellScanner:
        """All rows of a cell are worth a look."""
        return lambda cell, codes, count: (np.zeros(len(codes), np.float32), slice(None))

    def n_candidates(self, k: int) -> int:
        """All of them."""
        return sys.maxsize
