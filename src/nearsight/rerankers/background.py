"""Score normalisation: what is near to everything is not near to the query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nearsight.rerankers._vector_reranker import RerankScores, VectorReranker, cosine_matrix, unit_vectors
from nearsight.types import Floats, Ids, RerankContext


@dataclass(frozen=True)
class Background(VectorReranker):
    """Subtracts from each score how similar the query, the hit or both are to a sample of the collection.

        s'(q, d) = cos(q, d) - beta b(q) - beta b(d),   b(x) = the n-th largest cosine between x and the background

    The background are `sample` images of the collection itself, spread evenly over it; the hit is not compared with
    itself. b(q) is the same for all hits: it does not change their order, but makes scores of different queries
    comparable, as one threshold for all of them needs. b(d) takes from images that are near to everything.

    Parameters
    ----------
    n : which neighbour in the background counts, 1 or more; the last one of a smaller background
    beta : how much is taken, 0 or more
    of : query, hits or both: whose neighbours are counted
    sample : images of the background, 1 or more
    hits : the first hits that are re-ranked, 1 or more

    Returns
    -------
    Hits `(1, k)`: the same ids in another order, with scores s'; those after the first `hits` as they were

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    M. Douze et al., The 2021 Image Similarity Dataset and Challenge, 2021, doi:10.48550/arXiv.2106.09672. Of both:
    A. Conneau, G. Lample, M. Ranzato, L. Denoyer and H. Jégou, Word Translation Without Parallel Data, ICLR 2018,
    doi:10.48550/arXiv.1710.04087.

    Notes
    -----
    Departures: the background is a sample of the collection, not a training set of its own, so where more than n of it
    are right answers these count as background. Of both, the n-th neighbour is taken where the second paper takes the
    mean of the first n.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from nearsight.metrics.l2 import L2
    >>> from nearsight.types import Hits
    >>> turns = np.radians([20, -25, 24, 28])
    >>> stored = np.stack([np.cos(turns), np.sin(turns)], 1).astype(np.float32)
    >>> context = SimpleNamespace(query_vector=np.float32([1, 0]), metric=L2(), memo={}, vectors=stored.__getitem__,
    ...     sample=lambda count: (np.arange(4), stored))
    >>> hits = Hits(np.array([[0, 2, 1, 3]]), np.float32([[-0.35, -0.41, -0.43, -0.48]]))
    >>> Background(n=1).rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    [[1, 0, 2, 3]]
    """

    n: int = 10
    beta: float = 1.0
    of: Literal["query", "hits", "both"] = "both"
    sample: int = 1000
    hits: int = 500

    def __post_init__(self) -> None:
        if min(self.n, self.sample, self.hits) < 1:
            raise ValueError(f"n, sample and hits are 1 or more; got {(self.n, self.sample, self.hits)}")
        if not self.beta >= 0:
            raise ValueError(f"beta is 0 or more; got {self.beta}")

    def score_hits(self, query: Floats, near: Floats, ids: Ids, rows: RerankContext) -> RerankScores:
        """The normalised scores; for display what the cosine alone says of a hit."""
        others, some = rows.sample(self.sample)
        background = unit_vectors(some, rows.metric)
        scores = cosine_matrix(query[None], near)[0].astype(np.float64)
        alike = (1 + scores) / 2
        if self.of != "hits":
            scores = scores - self.beta * self._nth_largest(cosine_matrix(query[None], background))
        if self.of != "query":
            among = cosine_matrix(near, background)
            among[ids[:, None] == others] = -np.inf
            scores = scores - self.beta * self._nth_largest(among)
        return RerankScores(scores, alike, f"as near, ranked against a background of {len(others):,} images")

    def _nth_largest(self, similarities: Floats) -> NDArray[np.float64]:
        """The n-th largest of each row, or the least that there is; 0 where there is none."""
        count = min(self.n, similarities.shape[1])
        ordered = -np.sort(np.partition(-similarities, count - 1, axis=1)[:, :count] if count else similarities, axis=1)
        there = np.isfinite(ordered).sum(1)
        last = np.take_along_axis(ordered, np.maximum(there - 1, 0)[:, None], 1)[:, 0]
        return np.where(there > 0, last, 0.0)
