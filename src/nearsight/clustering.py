"""k-means: cells that indexes look into, words of vocabularies. A helper, not a method of a recipe."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import faiss
import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import Floats, Report

ROUNDS = 15
SEED = 20090708
_PIECE = 512
_APART = 1 / 1024

Among: TypeAlias = Callable[[Floats], Callable[[Floats], NDArray[Any]]]
"""Of centroids `(K, E)` makes what finds the nearest of each of some rows `(n, E)`, as numbers `(n,)`."""


def kmeans(rows: Floats, count: int, report: Report = lambda done, total: None, among: Among | None = None) -> Floats:
    """Centroids `(count, E) float32` of rows `(N, E) float32`, N >= count: Lloyd's algorithm, `ROUNDS` rounds.

    1. It starts from `count` different rows, drawn with a fixed seed.
    2. Each row goes to its nearest centroid, and each centroid to the mean of its rows.
    3. A centroid that no row is nearest to becomes the twin of the one that has the most.

    `among` may find the nearest in another way; it is asked anew in every round. Rows are passed over a piece at a
    time, and what was read of a mapped file is given back: a sample that lies in a file is never in memory whole.

    References
    ----------
    S. P. Lloyd, Least Squares Quantization in PCM, IEEE Transactions on Information Theory 28(2), 1982,
    doi:10.1109/TIT.1982.1056489.

    Notes
    -----
    Why no library: faiss.Kmeans, KMeans and MiniBatchKMeans of scikit-learn take the sample as one array and leave in
    memory all that they have read of it, or copy it; here what a pass needs does not grow with the sample.
    MiniBatchKMeans fed by pieces would not either, but each row moves a centroid once and is not asked again: others,
    which depend on the order of the rows. faiss.Kmeans draws 256 rows for each centroid, unless told otherwise. And
    none takes an `among`, which makes approximate k-means of this one.
    """
    chosen = np.random.default_rng(SEED).choice(len(rows), count, replace=False)
    centroids = np.array(rows[np.sort(chosen)], np.float32)
    for turn in range(ROUNDS):
        report(turn, ROUNDS)
        sums, sizes = np.zeros(centroids.shape), np.zeros(count, np.int64)
        find = among(centroids) if among else partial(assigned, centroids=centroids)
        for piece in _pieces(rows):
            met, nearest, often = np.unique(find(piece), return_inverse=True, return_counts=True)
            sums[met] += (
                scipy.sparse.coo_array((np.ones(len(piece)), (nearest, np.arange(len(piece)))), (len(met), len(piece)))
                @ piece
            )
            sizes[met] += often
        full = sizes > 0
        centroids[full] = sums[full] / sizes[full, None]
        for lone, rich in zip(np.flatnonzero(~full), np.argsort(-sizes, kind="stable"), strict=False):
            centroids[lone], centroids[rich] = centroids[rich] * (1 + _APART), centroids[rich] * (1 - _APART)
    return centroids


def assigned(rows: Floats, centroids: Floats) -> NDArray[np.int64]:
    """The nearest centroid of each row, `(N,)`."""
    found = [faiss.knn(np.ascontiguousarray(piece), centroids, 1)[1][:, 0] for piece in _pieces(rows)]
    return np.asarray(np.concatenate(found), np.int64) if found else np.empty(0, np.int64)


def _pieces(rows: Floats) -> Iterator[Floats]:
    """Rows a piece at a time; what was read of a file is given back before the next."""
    for start in range(0, len(rows), _PIECE):
        yield rows[start : start + _PIECE]
        let_go(rows)


def let_go(rows: NDArray[Any]) -> None:
    """Give the pages of a mapped file that were read back to the system; they come again when they are touched."""
    owner: Any = rows
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = getattr(owner, "_mmap", None) or getattr(owner, "base", None)
    if owner is not None:
        owner.madvise(mmap.MADV_DONTNEED)
