"""What refiners of the first hits by their rows share. A helper, not a method."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import NO_ID, Explanation, Floats, Hits, Ids, Image, Metric, RerankContext, Reranker


@dataclass(frozen=True)
class RerankScores:
    """What a refiner makes of n hits: `scores (n,)`, larger is better; `alike (n,)` in 0..1, for display.

    `told` is half a sentence about how that came about.
    """

    scores: NDArray[np.float64]
    similarities: NDArray[np.float64]
    label: str


class VectorReranker(Reranker):
    """Ranks the first `hits` anew by their rows; the others follow in their order. A subclass writes `score_hits`."""

    vectors = True
    hits: int

    @property
    def depth(self) -> int:
        """As many hits as it looks at."""
        return self.hits

    @abstractmethod
    def score_hits(self, query: Floats, vectors: Floats, ids: Ids, context: RerankContext) -> RerankScores:
        """What it makes of hits `ids (n,)`, one or more; `query (E,)` and `vectors (n, E)` are of length 1, or 0."""

    def rerank(self, image: Image, hits: Hits, rows: RerankContext) -> Hits:
        """The first hits in their new order, of equal scores in the old one; then the others as they were."""
        ids, scores = (values[0][hits.ids[0] != NO_ID] for values in (hits.ids, hits.scores))
        first, rest = ids[: self.hits], ids[self.hits :]
        if not len(first):
            return hits
        query = unit_vectors(np.asarray(rows.query_vector)[None], rows.metric)[0]
        found = self.score_hits(query, unit_vectors(rows.vectors(first), rows.metric), first, rows)
        order = np.argsort(-found.scores, kind="stable")
        rows.memo[self] = {
            ident: Explanation(f"{alike:.2f} {found.label}", similarity=alike)
            for ident, alike in zip(first.tolist(), np.clip(found.similarities, 0, 1).tolist(), strict=True)
        }
        after = found.scores.min() + scores[self.hits :].astype(np.float64) - scores[: self.hits].min()
        every = np.concatenate([found.scores[order], after]).astype(np.float32)
        return Hits(np.concatenate([first[order], rest])[None], every[None])

    def explain(self, image: Image, ids: Ids, rows: RerankContext) -> list[Explanation | None]:
        """The score of each hit that was looked at, in words."""
        said = rows.memo.get(self, {})
        return [said.get(ident) for ident in ids.tolist()]


def unit_vectors(vectors: NDArray[np.float32], metric: Metric) -> Floats:
    """Rows `(n, E)` of length 1 whose inner products put them in nearly the order of the metric; zeros stay zeros."""
    flat = metric.to_euclidean(vectors)
    assert flat is not None
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.where(norms == 0, 1, norms), np.float32)


def cosine_matrix(a: Floats, b: Floats) -> Floats:
    """Cosines `(n, m)` between directions `(n, E)` and `(m, E)`, at most 1."""
    alike: Floats = a @ b.T
    return np.minimum(alike, 1, out=alike)


def sparse_affinities(
    similarities: Floats, mask: NDArray[np.bool_], power: float
) -> scipy.sparse.csr_matrix[np.float64]:
    """The chosen of the cosines `(n, m)` to a power, those below 0 as 0; 0 elsewhere."""
    row, column = np.nonzero(mask)
    values = np.maximum(0, similarities[row, column]).astype(np.float64) ** power
    return scipy.sparse.csr_matrix((values, (row, column)), similarities.shape)


def top_k_mask(similarities: Floats, k: int) -> NDArray[np.bool_]:
    """Which are among the `k` largest of each row of `similarities (n, m)`."""
    chosen = np.zeros(similarities.shape, bool)
    if k > 0:
        k = min(k, similarities.shape[1])
        np.put_along_axis(chosen, np.argpartition(-similarities, k - 1, axis=1)[:, :k], values=True, axis=1)
    return chosen
