"""Diffusion: likeness flows from the query's neighbours along a graph of the hits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from nearsight.rerankers._vector_reranker import (
    RerankScores,
    VectorReranker,
    cosine_matrix,
    sparse_affinities,
    top_k_mask,
)
from nearsight.types import Floats, Ids, RerankContext

_ISOLATED = 1e-12
_HITS_PER_NEIGHBOUR = 10
_POWER = 3


@dataclass(frozen=True)
class Diffuse(VectorReranker):
    """Ranks the hits by diffusion from the query's neighbours, over the neighbourhood graph of the hits.

    1. Two rows are s = max(0, cos)^3 alike. In the graph W of the first `hits`, two are joined where each is among the
       `k` nearest of the other.
    2. S = D^-1/2 W D^-1/2, with the sums of the rows of W in D.
    3. The query flows into its `seeds` nearest hits: y = s(query, hit), 0 elsewhere.
    4. (I - alpha S) f = y is solved by conjugate gradients; f orders the hits. The residual is told with each hit.

    So an image far from the query is found through those in between, as a house from the other side through those that
    show both. The graph is made when a query comes, of the first hits alone (1,000 hits take some 50 ms): nothing is
    stored that new images would change.

    Parameters
    ----------
    k : neighbours of each hit in the graph, 1 or more; at most a tenth of the hits
    seeds : the nearest hits, from which likeness flows, 1 or more
    alpha : the share that flows on, above 0 and below 1
    hits : the first hits, of which the graph is made, 1 or more
    iterations : steps of the solver at most, 1 or more
    tolerance : the solver ends where the residual is this small a part of y

    Returns
    -------
    Hits `(1, n)`: the same ids in another order; those after the first `hits` as they were

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    A. Iscen, G. Tolias, Y. Avrithis, T. Furon and O. Chum, Efficient Diffusion on Region Manifolds: Recovering Small
    Objects with Compact CNN Representations, CVPR 2017, doi:10.1109/CVPR.2017.105.

    Notes
    -----
    Departures: neighbours are sought among the first hits, where the paper cuts them out of a graph of the whole
    collection; with no more images than `hits` it is the same. Up to 100 steps instead of 20: where the solver ends
    too early, far hits are lost.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from nearsight.metrics.l2 import L2
    >>> from nearsight.types import Hits
    >>> turns = np.radians([10, 30, 50, 70, -35])
    >>> stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    >>> context = SimpleNamespace(query_vector=np.float32([1, 0]), metric=L2(), memo={}, vectors=stored.__getitem__)
    >>> hits = Hits(np.array([[0, 1, 4, 2, 3]]), np.float32([[-0.2, -0.5, -0.6, -0.9, -1.2]]))
    >>> Diffuse(k=1, seeds=1).rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    [[0, 1, 4, 2, 3]]
    """

    k: int = 50
    seeds: int = 10
    alpha: float = 0.99
    hits: int = 1000
    iterations: int = 100
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        counts = (self.k, self.seeds, self.hits, self.iterations)
        if min(counts) < 1:
            raise ValueError(f"k, seeds, hits and iterations are 1 or more; got {counts}")
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is the share that flows on, above 0 and below 1; got {self.alpha}")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance is above 0 and below 1; got {self.tolerance}")

    def score_hits(self, query: Floats, near: Floats, ids: Ids, rows: RerankContext) -> RerankScores:
        """The solution f."""
        flow = _normalize_graph(_mutual_neighbour_graph(near, min(self.k, -(-len(near) // _HITS_PER_NEIGHBOUR))))
        to_query = cosine_matrix(query[None], near)
        given = sparse_affinities(to_query, top_k_mask(to_query, self.seeds), _POWER).toarray()[0]
        system = scipy.sparse.identity(len(near), format="csr") - self.alpha * flow
        found, _ = scipy.sparse.linalg.cg(system, given, rtol=self.tolerance, maxiter=self.iterations)
        residual = np.linalg.norm(system @ found - given) / max(float(np.linalg.norm(given)), _ISOLATED)
        told = f"by diffusion among {len(near):,} hits (residual {residual:.0e})"
        return RerankScores(found, found / max(float(found.max()), _ISOLATED), told)


def _mutual_neighbour_graph(vectors: Floats, k: int) -> scipy.sparse.csr_matrix[np.float64]:
    """The graph `(n, n)` of mutual neighbours, each edge with its weight."""
    alike = cosine_matrix(vectors, vectors)
    np.fill_diagonal(alike, -np.inf)
    joined = top_k_mask(alike, min(k, len(vectors) - 1))
    joined &= joined.T
    return sparse_affinities(alike, joined, _POWER)


def _normalize_graph(graph: scipy.sparse.csr_matrix[np.float64]) -> scipy.sparse.csr_matrix[np.float64]:
    """D^-1/2 W D^-1/2."""
    roots = np.sqrt(np.asarray(graph.sum(1)).ravel() + _ISOLATED)
    edges = graph.tocoo()
    values = edges.data / roots[edges.row] / roots[edges.col]
    return scipy.sparse.csr_matrix((values, (edges.row, edges.col)), graph.shape)
