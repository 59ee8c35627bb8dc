"""Query expansion of vectors: a second search with the average of the query and the first hits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nearsight.rerankers._vector_reranker import unit_vectors
from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, RerankContext, Reranker


@dataclass(frozen=True)
class Aqe(Reranker):
    """Searches again with the average of the query and its first hits, weighted by similarity (query expansion).

        q' = (q + sum_i w_i d_i) / (1 + sum_i w_i),  w_i = max(0, cos(q, d_i))^alpha,  over the first n hits d_i

    Results improve where the first hits are right, and get worse where they are not: no hit is checked, unless
    `verified` is true. Then only hits count that a re-ranker before it, such as `spatial`, has verified; without such
    hits nothing is changed. The re-rankers that follow in the recipe use q' too.

    Parameters
    ----------
    n : hits that are averaged with the query, 1 or more
    alpha : the power of a hit's cosine by which it weighs; 0 or more, 0 for a plain average
    verified : only hits that were verified

    Returns
    -------
    Hits `(1, k)` of the index for q', as many as were given

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    F. Radenović, G. Tolias and O. Chum, Fine-tuning CNN Image Retrieval with No Human Annotation, IEEE TPAMI 41(7),
    2019, doi:10.1109/TPAMI.2018.2846566. O. Chum, J. Philbin, J. Sivic, M. Isard and A. Zisserman, Total Recall:
    Automatic Query Expansion with a Generative Feature Model for Object Retrieval, ICCV 2007,
    doi:10.1109/ICCV.2007.4408891.

    Notes
    -----
    Departures: a mean instead of a row of length 1. Among rows of one length, and by the cosine, the order is the
    same; a mean of histograms is still a histogram. The paper averages 50 hits of 100,000 images; the default suits
    collections in which fewer are right.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from nearsight.indexes.flat import Flat
    >>> from nearsight.metrics.l2 import L2
    >>> turns = np.radians([20, 30, -25])
    >>> stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    >>> index = Flat().empty(L2()).add(np.arange(3), stored)
    >>> query = np.float32([1, 0])
    >>> context = SimpleNamespace(query_vector=query, metric=L2(), memo={}, search=index.search,
    ...     vectors=stored.__getitem__)
    >>> hits = index.search(query[None], 3)
    >>> hits.ids.tolist(), Aqe(n=1).rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    ([[0, 2, 1]], [[0, 1, 2]])
    """

    n: int = 10
    alpha: float = 3.0
    verified: bool = False

    vectors = True

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n is how many hits are averaged, 1 or more; got {self.n}")
        if not self.alpha >= 0:
            raise ValueError(f"alpha is 0 or more; got {self.alpha}")

    @property
    def depth(self) -> int:
        """As many hits as are averaged."""
        return self.n

    def rerank(self, image: Image, hits: Hits, rows: RerankContext) -> Hits:
        """What the average of the query and its first hits finds."""
        given = hits.ids[0][hits.ids[0] != NO_ID]
        first = (given[np.isin(given, list(rows.verified))] if self.verified else given)[: self.n]
        if not len(first):
            return hits
        averaged = np.concatenate([np.asarray(rows.query_vector)[None], rows.vectors(first)])
        straight = unit_vectors(averaged, rows.metric)
        weights = np.maximum(0, straight @ straight[0]).astype(np.float64) ** self.alpha
        weights[0] = 1
        rows.query_vector = (weights @ averaged / weights.sum()).astype(np.float32)
        found = rows.search(rows.query_vector[None], hits.ids.shape[1])
        alike = rows.metric.similarity(0 - found.scores[0])
        told = f"as near to the query and its first {len(first)} hits, averaged"
        rows.memo[self] = {
            ident: Explanation(f"{each:.2f} {told}", similarity=each)
            for ident, each in zip(found.ids[0].tolist(), alike.tolist(), strict=True)
        }
        return found

    def explain(self, image: Image, ids: Ids, rows: RerankContext) -> list[Explanation | None]:
        """How near each hit is to the average."""
        said = rows.memo.get(self, {})
        return [said.get(ident) for ident in ids.tolist()]
