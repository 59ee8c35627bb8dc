"""The inverted file: rows by cell, compared exactly in the cells nearest to the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.indexes.cells import CellIndex, Nearest
from nearsight.indexes.flat import first_distances, nearest
from nearsight.types import Arrays, Floats, Metric


@dataclass(frozen=True)
class Ivf(CellIndex):
    """Compares the query with the rows of the nearest cells only.

    1. Fitted on a sample: `cells` centroids by k-means.
    2. Rows are stored again, sorted by the cell of their nearest centroid, so that a cell is read in one piece.
    3. A query is compared with all rows of the `probes` nearest cells, and these are sorted by the metric itself.

    With `probes` = `cells` the answer is the exact one.

    Parameters
    ----------
    metric : what to rank by; None for the descriptor's natural metric
    cells : centroids, 1 or larger
    probes : cells looked into, 1 to `cells`
    exact_below : a collection of fewer pictures is searched exactly

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
    Departures: rows are kept whole instead of as product codes. Cells are made in a space in which the straight
    distance orders nearly as the metric does (square roots for histograms); the rows are compared by the metric.

    Examples
    --------
    >>> from nearsight.metrics.l2 import L2
    >>> rows = np.random.default_rng(0).random((400, 32), np.float32)
    >>> index = Ivf(cells=8, probes=2)
    >>> full = index.empty(L2(), index.fit(rows, L2())).add(np.arange(400), rows)
    >>> full.search(rows[7:8], k=1).ids.tolist()
    [[7]]
    """

    def learn(self, rows: Floats, centroids: Floats, cells: NDArray[np.int64]) -> Arrays:
        """Nothing but the centroids."""
        return {}

    def encode(self, rows: NDArray[Any], flat: Floats, cells: NDArray[np.int64], fitted: Arrays) -> NDArray[Any]:
        """The rows themselves."""
        return np.asarray(rows)

    def asking(self, query: NDArray[Any], flat: Floats, away: Floats, metric: Metric, fitted: Arrays) -> Nearest:
        """By the metric, within rounding."""
        first, margin = first_distances(metric)

        def compare(cell: int, codes: NDArray[Any], count: int) -> tuple[Floats, NDArray[np.intp] | slice]:
            distances = first(query[None], codes)[0]
            places = nearest(distances, count, *margin)
            return distances[places], places

        return compare

    def depth(self, k: int) -> int:
        """A few more than asked for, as distances are only known within rounding."""
        return k + 8
