"""k-means: cells that indexes look into, words of vocabularies. A helper, not a method of a recipe."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import faiss
import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import Floats, TrainProgress

N_ITERATIONS = 15
KMEANS_SEED = 20090708
_CHUNK_ROWS = 512
_SPLIT_EPSILON = 1 / 1024

AssignerFactory: TypeAlias = Callable[[Floats], Callable[[Floats], NDArray[Any]]]
"""Of centroids `(K, E)` makes what finds the nearest of each of some rows `(n, E)`, as numbers `(n,)`."""


def kmeans(
    vectors: Floats,
    n_clusters: int,
    report: TrainProgress = lambda done, total: None,
    assigner: AssignerFactory | None = None,
) -> Floats:
    """Centroids `(count, E) float32` of rows `(N, E) float32`, N >= count: Lloyd's algorithm, `N_ITERATIONS` rounds.

    1. It starts from `n_clusters` different rows, drawn with a fixed seed.
    2. Each row goes to its nearest centroid, and each centroid to the mean of its rows.
    3. A centroid that no row is nearest to becomes the twin of the one that has the most.

    `assigner` may find the nearest in another way; it is asked anew in every round. Rows are passed over a piece at a
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
    none takes an `assigner`, which makes approximate k-means of this one.
    """
    chosen = np.random.default_rng(KMEANS_SEED).choice(len(vectors), n_clusters, replace=False)
    centroids = np.array(vectors[np.sort(chosen)], np.float32)
    for turn in range(N_ITERATIONS):
        report(turn, N_ITERATIONS)
        sums, sizes = np.zeros(centroids.shape), np.zeros(n_clusters, np.int64)
        find = assigner(centroids) if assigner else partial(nearest_centroids, centroids=centroids)
        for piece in iter_chunks(vectors):
            met, nearest, often = np.unique(find(piece), return_inverse=True, return_counts=True)
            sums[met] += (
                scipy.sparse.coo_array((np.ones(len(piece)), (nearest, np.arange(len(piece)))), (len(met), len(piece)))
                @ piece
            )
            sizes[met] += often
        full = sizes > 0
        centroids[full] = sums[full] / sizes[full, None]
        for lone, rich in zip(np.flatnonzero(~full), np.argsort(-sizes, kind="stable"), strict=False):
            centroids[lone], centroids[rich] = (
                centroids[rich] * (1 + _SPLIT_EPSILON),
                centroids[rich] * (1 - _SPLIT_EPSILON),
            )
    return centroids


def nearest_centroids(vectors: Floats, centroids: Floats) -> NDArray[np.int64]:
    """The nearest centroid of each row, `(N,)`."""
    found = [faiss.knn(np.ascontiguousarray(piece), centroids, 1)[1][:, 0] for piece in iter_chunks(vectors)]
    return np.asarray(np.concatenate(found), np.int64) if found else np.empty(0, np.int64)


def nearest_vectors(queries: Floats, vectors: Floats, k: int) -> tuple[Floats, NDArray[np.int64]]:
    """Squared distances and places `(Q, k)` of the k nearest of some vectors `(N, E)`, N >= k, exactly."""
    squares, places = faiss.knn(np.ascontiguousarray(queries), np.ascontiguousarray(vectors), k)
    return np.asarray(squares, np.float32), np.asarray(places, np.int64)


def iter_chunks(vectors: Floats, n_rows: int = _CHUNK_ROWS) -> Iterator[Floats]:
    """Vectors `n_rows` at a time; the pages of a mapped file are released before the next."""
    for start in range(0, len(vectors), n_rows):
        yield vectors[start : start + n_rows]
        release_pages(vectors)


def map_chunks(vectors: NDArray[Any], transform: Callable[[NDArray[Any]], Floats]) -> Floats:
    """`transform` of vectors `(N, D)`, some at a time, `(N, E) float32`: a large result lies in a temporary file."""
    first = transform(vectors[:_CHUNK_ROWS])
    if len(vectors) <= _CHUNK_ROWS:
        return first
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, np.float32, "w+", 0, (len(vectors), first.shape[1]))
    start = 0
    for piece in iter_chunks(vectors):
        mapped[start : start + len(piece)] = transform(piece)
        start += len(piece)
        release_pages(mapped)
    return mapped


def release_pages(array: NDArray[Any]) -> None:
    """Give the pages of a mapped file that were read back to the system; they come again when they are touched."""
    owner: Any = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = getattr(owner, "_mmap", None) or getattr(owner, "base", None)
    if owner is not None:
        owner.madvise(mmap.MADV_DONTNEED)
