"""GISTIS: cells and short signatures in memory, the rows themselves on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.indexes._inverted_lists import CellIndex, CellScanner
from nearsight.types import Arrays, Floats, Metric

_SEED = 3840
_MIN_CELL_SAMPLES = 8
_CHUNK = 128
_PARTIAL_SORT_RATIO = 32
_faiss_kernels: Any = faiss  # its stubs leave these functions out


@dataclass(frozen=True)
class Gistis(CellIndex):
    """Compares signatures of some hundred bits in the cells nearest to the query, then the best vectors exactly.

    1. Fitted on a sample: `cells` centroids by k-means; a random rotation to `bits` directions; for each cell the
       median of each rotated value over the rows in it.
    2. A row is kept as the number of its cell and one bit for each direction: whether its residual from the centroid,
       rotated, lies above the cell's median residual. (The rotated row above the median rotated row is the same bit.)
    3. A query gets a signature for each of the `probes` nearest cells, and their rows are sorted by differing bits.
    4. The `rerank` best are sorted again by the metric itself, from the stored rows.

    With 512 bits and an id of 4 bytes an image takes 68 bytes of memory, beside what is fitted. Rows come from
    memory-mapped files, and only those of step 4 are read.

    Parameters
    ----------
    metric : what to rank by; None for the descriptor's natural metric
    cells : centroids, 1 or larger
    probes : cells looked into, 1 to `cells`; all of them compares every signature
    exact_below : a collection of fewer images is searched exactly
    bits : bits of a signature, a multiple of 8
    rerank : rows looked at exactly, 1 or larger; at least as many as are asked for

    Returns
    -------
    Hits of `ids (Q, k) int64` and `scores (Q, k) float32`; a score is minus the distance

    Raises
    ------
    ValueError
        where a parameter is out of its range, nothing was fitted, k is below 1, or rows differ in width or dtype

    References
    ----------
    M. Douze, H. Jégou, H. Sandhawalia, L. Amsaleg and C. Schmid, Evaluation of GIST Descriptors for Web-Scale Image
    Search, CIVR 2009, doi:10.1145/1646396.1646421. H. Jégou, M. Douze and C. Schmid, Hamming Embedding and Weak
    Geometric Consistency for Large Scale Image Search, ECCV 2008, doi:10.1007/978-3-540-88682-2_24.

    Notes
    -----
    Departures: the paper looks into one cell; here several by default, as k-means cells of 960 values cut many pairs
    of neighbours. Ids are any numbers below 2^32, not positions.

    Examples
    --------
    >>> from nearsight.metrics.l2 import L2
    >>> rows = np.random.default_rng(0).random((400, 32), np.float32)
    >>> index = Gistis(cells=8, probes=2, bits=64)
    >>> full = index.empty(L2(), index.train(rows, L2())).add(np.arange(400), rows)
    >>> full.search(rows[7:8], k=1).ids.tolist()
    [[7]]
    """

    bits: int = 512
    rerank: int = 500

    cache_params = ("metric", "cells", "bits")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bits < 8 or self.bits % 8:
            raise ValueError(f"bits is a multiple of 8, at least 8; got {self.bits}")
        if self.rerank < 1:
            raise ValueError(f"rerank is 1 or larger; got {self.rerank}")

    def train_codes(self, rows: Floats, centroids: Floats, cells: NDArray[np.int64]) -> Arrays:
        """The rotation `(bits, E)`; for each cell the medians `(cells, bits)` and the mean residual's length."""
        rotation = _random_rotation(self.bits, rows.shape[1])
        thresholds, radii = _project_gistis(centroids, rotation), np.full(len(centroids), np.nan, np.float32)
        for cell, centroid in enumerate(centroids):
            inside = rows[cells == cell]
            if len(inside) >= _MIN_CELL_SAMPLES:
                thresholds[cell] = np.median(_project_gistis(inside, rotation), axis=0)
            if len(inside):
                radii[cell] = np.linalg.norm(inside - centroid, axis=1).mean()
        radii[np.isnan(radii)] = np.nanmean(radii)
        return {"rotation": rotation, "thresholds": thresholds, "radii": radii}

    def compute_codes(
        self, rows: NDArray[Any], flat: Floats, cells: NDArray[np.int64], fitted: Arrays
    ) -> NDArray[np.uint8]:
        """Signatures `(N, bits / 8) uint8`."""
        return np.packbits(_project_gistis(flat, fitted["rotation"]) > fitted["thresholds"][cells], axis=1)

    def make_scanner(
        self, query: NDArray[Any], flat: Floats, away: Floats, metric: Metric, fitted: Arrays
    ) -> CellScanner:
        """By the squared distance that the differing bits speak of; the query has another signature in each cell."""
        signatures = np.packbits(fitted["rotation"] @ flat > fitted["thresholds"], axis=1)
        cosines = np.cos(np.linspace(0, np.pi, 8 * signatures.shape[1] + 1, dtype=np.float32))
        radii = fitted["radii"]

        def scan_cell(cell: int, codes: NDArray[Any], n_nearest: int) -> tuple[Floats, NDArray[np.intp] | slice]:
            differing, places = _nearest_gistis(signatures[cell : cell + 1], np.ascontiguousarray(codes), n_nearest)
            return away[cell] ** 2 + radii[cell] ** 2 - 2 * away[cell] * radii[cell] * cosines[differing], places

        return scan_cell

    def n_candidates(self, k: int) -> int:
        """At least `rerank`."""
        return max(k, self.rerank)


def _nearest_gistis(
    signature: NDArray[np.uint8], codes: NDArray[np.uint8], n_nearest: int
) -> tuple[NDArray[np.int32], NDArray[np.intp] | slice]:
    """Differing bits of the `n_nearest` nearest codes and their places; of all, where sorting them out costs more."""
    if len(codes) > _PARTIAL_SORT_RATIO * n_nearest:
        distances, places = _faiss_kernels.knn_hamming(signature, codes, n_nearest)
        return distances[0], places[0]
    answers = np.empty(len(codes), np.int32)
    asked, stored, written = map(_faiss_kernels.swig_ptr, (signature, codes, answers))
    _faiss_kernels.hammings(asked, stored, 1, len(codes), codes.shape[1], written)
    return answers, slice(None)


def _project_gistis(vectors: Floats, rotation: Floats) -> Floats:
    """Rows `(n, E)` along the directions, `(n, bits)`.

    In double precision: so a row that is the threshold itself has the same bit among whatever other rows it comes.
    """
    directions = rotation.T.astype(np.float64)
    found = np.empty((len(vectors), len(rotation)), np.float32)
    for start in range(0, len(vectors), _CHUNK):
        found[start : start + _CHUNK] = vectors[start : start + _CHUNK].astype(np.float64) @ directions
    return found


def _random_rotation(bits: int, width: int) -> Floats:
    """Random directions `(bits, width) float32`: orthonormal, or where there are more than can be, a tight frame."""
    normal = np.random.default_rng(_SEED).standard_normal((max(bits, width), min(bits, width)), np.float32)
    directions, triangle = scipy.linalg.qr(
        normal, overwrite_a=True, mode="economic", check_finite=False
    )  # in single precision
    directions *= np.sign(np.diagonal(triangle))
    return np.ascontiguousarray(directions if bits >= width else directions.T, np.float32)
