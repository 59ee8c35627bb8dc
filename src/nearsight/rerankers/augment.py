"""Database-side augmentation: each hit is averaged with its own neighbours before it is compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nearsight.rerankers._vector_reranker import (
    RerankScores,
    VectorReranker,
    cosine_matrix,
    sparse_affinities,
    top_k_mask,
)
from nearsight.types import Floats, Ids, RerankContext


@dataclass(frozen=True)
class Augment(VectorReranker):
    """Compares the query with the average of each hit and its neighbours among the hits.

        d' = d + sum_i max(0, cos(d, d_i))^alpha d_i,  over the n rows nearest to d;  score = cos(q, d')

    A row alone may have come out badly; together with its neighbours it says what they have in common. It is done when
    a query comes, for the first `hits` and with neighbours among them: nothing is stored that new images would
    change, and in a collection of no more images than `hits` it is the augmentation of the whole of it.

    Parameters
    ----------
    n : neighbours that each hit is averaged with, 1 or more
    alpha : the power of a neighbour's cosine by which it weighs; 0 or more, 0 for a plain average
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
    R. Arandjelović and A. Zisserman, Three Things Everyone Should Know to Improve Object Retrieval, CVPR 2012,
    doi:10.1109/CVPR.2012.6248018. alpha: F. Radenović, G. Tolias and O. Chum, Fine-tuning CNN Image Retrieval with No
    Human Annotation, IEEE TPAMI 41(7), 2019, doi:10.1109/TPAMI.2018.2846566.

    Notes
    -----
    Departures: neighbours are sought among the first hits, not in the whole collection beforehand.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from nearsight.metrics.l2 import L2
    >>> from nearsight.types import Hits
    >>> turns = np.radians([15, 18, -16, -40])
    >>> stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    >>> context = SimpleNamespace(query_vector=np.float32([1, 0]), metric=L2(), memo={}, vectors=stored.__getitem__)
    >>> hits = Hits(np.array([[0, 2, 1, 3]]), np.float32([[-0.26, -0.28, -0.31, -0.68]]))
    >>> Augment(n=1).rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    [[0, 1, 2, 3]]
    """

    n: int = 5
    alpha: float = 3.0
    hits: int = 1000

    def __post_init__(self) -> None:
        if self.n < 1 or self.hits < 1:
            raise ValueError(f"n and hits are 1 or more; got {self.n} and {self.hits}")
        if not self.alpha >= 0:
            raise ValueError(f"alpha is 0 or more; got {self.alpha}")

    def score_hits(self, query: Floats, near: Floats, ids: Ids, rows: RerankContext) -> RerankScores:
        """The cosines between the query and the hits with their neighbours."""
        alike = cosine_matrix(near, near)
        np.fill_diagonal(alike, -np.inf)
        averaged = near + sparse_affinities(alike, top_k_mask(alike, min(self.n, len(ids) - 1)), self.alpha) @ near
        norms = np.linalg.norm(averaged, axis=1)
        scores = averaged @ query / np.where(norms == 0, 1, norms)
        return RerankScores(scores, (1 + scores) / 2, f"as near, each hit averaged with its {self.n} nearest")
