"""Re-ranking by k-reciprocal neighbours: two images are alike that have the same neighbours, and each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.rerankers._vector_reranker import RerankScores, VectorReranker, cosine_matrix, top_k_mask
from nearsight.types import Floats, Ids, RerankContext


@dataclass(frozen=True)
class Reciprocal(VectorReranker):
    """Ranks the first hits by how many neighbours they share with the query, and by their distance.

    1. Of the query and its first `hits`, R(p, k) are those that are among the k nearest of p and have p among theirs,
       p itself being one. R*(p) is R(p, k1) with all R(q, k1 / 2), for q in R(p, k1), of which two thirds lie in
       R(p, k1).
    2. V(p, g) = exp(-d(p, g)) for g in R*(p), 0 elsewhere; d is the squared Euclidean distance between directions as a
       part of the largest here. Each row of V is divided by its sum.
    3. Local query expansion: each V(p) becomes the mean of the V of the k2 nearest of p, itself among them.
    4. The Jaccard distance of query and hit is 1 - sum min(V(q), V(g)) / sum max(V(q), V(g)).
    5. Hits are ordered by (1 - weight) Jaccard + weight d.

    Parameters
    ----------
    k1 : neighbours that are shared, 2 or more
    k2 : neighbours over which is averaged, 1 or more; 1 averages nothing
    weight : the share of the distance itself in the order, 0 to 1
    hits : the first hits that are re-ranked, 1 or more

    Returns
    -------
    Hits `(1, k)`: the same ids in another order; those after the first `hits` as they were

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    Z. Zhong, L. Zheng, D. Cao and S. Li, Re-ranking Person Re-identification with k-Reciprocal Encoding, CVPR 2017,
    doi:10.1109/CVPR.2017.389.

    Notes
    -----
    Departures: neighbours are sought among the first hits; distances are divided by the largest of all pairs.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from nearsight.metrics.l2 import L2
    >>> from nearsight.types import Hits
    >>> turns = np.radians([10, 14, 18, 22, 26, -12])
    >>> stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    >>> context = SimpleNamespace(query_vector=np.float32([1, 0]), metric=L2(), memo={}, vectors=stored.__getitem__)
    >>> hits = Hits(np.array([[0, 5, 1, 2, 3, 4]]), np.float32([[-0.17, -0.2, -0.24, -0.31, -0.38, -0.45]]))
    >>> Reciprocal(k1=2, k2=1).rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    [[5, 0, 1, 2, 3, 4]]
    """

    k1: int = 20
    k2: int = 6
    weight: float = 0.3
    hits: int = 500

    def __post_init__(self) -> None:
        if self.k1 < 2:
            raise ValueError(f"k1 is 2 or more; got {self.k1}")
        if self.k2 < 1 or self.hits < 1:
            raise ValueError(f"k2 and hits are 1 or more; got {self.k2} and {self.hits}")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight is a share, 0 to 1; got {self.weight}")

    def score_hits(self, query: Floats, near: Floats, ids: Ids, rows: RerankContext) -> RerankScores:
        """1 - the mixed distance."""
        every = np.vstack([query, near])
        alike = cosine_matrix(every, every)
        far = np.maximum(0, 2 - 2 * alike.astype(np.float64))
        far /= max(far.max(), np.finfo(float).tiny)
        np.fill_diagonal(alike, np.inf)
        shares = np.where(_expand_reciprocal_sets(alike, self.k1), np.exp(-far), 0)
        shares /= shares.sum(1, keepdims=True)
        around = top_k_mask(alike, self.k2)
        shares = around @ shares / around.sum(1, keepdims=True)
        jaccard = 1 - np.minimum(shares[0], shares[1:]).sum(1) / np.maximum(shares[0], shares[1:]).sum(1)
        scores = 1 - (1 - self.weight) * jaccard - self.weight * far[0, 1:]
        return RerankScores(scores, scores, f"by shared neighbours among {len(near):,} hits")


def _reciprocal_neighbours(similarities: Floats, k: int) -> NDArray[np.bool_]:
    """R(p, k) `(n, n)`: the k nearest besides p that have p among theirs, and p."""
    near = top_k_mask(similarities, k + 1)
    return near & near.T


def _expand_reciprocal_sets(similarities: Floats, k: int) -> NDArray[np.bool_]:
    """R*(p) `(n, n)`."""
    wide, half = (_reciprocal_neighbours(similarities, each).astype(np.float32) for each in (k, -(-k // 2)))
    shared = wide @ half.T
    taken = wide.astype(bool) & (shared >= half.sum(1) * np.float32(2 / 3) - 1e-3)
    return np.asarray((wide + taken.astype(np.float32) @ half) > 0)
