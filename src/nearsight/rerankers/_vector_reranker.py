"""What refiners of the first hits by their rows share. A helper, not a method."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.types import NO_ID, Explanation, Floats, Hits, Ids, Image, Metric, Refiner, Rows


@dataclass(frozen=True)
class Ranked:
    """What a refiner makes of n hits: `scores (n,)`, larger is better; `alike (n,)` in 0..1, for display.

    `told` is half a sentence about how that came about.
    """

    scores: NDArray[np.float64]
    alike: NDArray[np.float64]
    told: str


class RowRefiner(Refiner):
    """Ranks the first `hits` anew by their rows; the others follow in their order. A subclass writes `ranked`."""

    vectors = True
    hits: int

    @property
    def depth(self) -> int:
        """As many hits as it looks at."""
        return self.hits

    @abstractmethod
    def ranked(self, query: Floats, near: Floats, ids: Ids, rows: Rows) -> Ranked:
        """What it makes of hits `ids (n,)`, one or more; `query (E,)` and `near (n, E)` are of length 1, or 0."""

    def refine(self, image: Image, hits: Hits, rows: Rows) -> Hits:
        """The first hits in their new order, of equal scores in the old one; then the others as they were."""
        ids, scores = (values[0][hits.ids[0] != NO_ID] for values in (hits.ids, hits.scores))
        first, rest = ids[: self.hits], ids[self.hits :]
        if not len(first):
            return hits
        query = directions(np.asarray(rows.question)[None], rows.metric)[0]
        found = self.ranked(query, directions(rows.rows(first), rows.metric), first, rows)
        order = np.argsort(-found.scores, kind="stable")
        rows.memo[self] = {
            ident: Explanation(f"{alike:.2f} {found.told}", similarity=alike)
            for ident, alike in zip(first.tolist(), np.clip(found.alike, 0, 1).tolist(), strict=True)
        }
        after = found.scores.min() + scores[self.hits :].astype(np.float64) - scores[: self.hits].min()
        every = np.concatenate([found.scores[order], after]).astype(np.float32)
        return Hits(np.concatenate([first[order], rest])[None], every[None])

    def explain(self, image: Image, ids: Ids, rows: Rows) -> list[Explanation | None]:
        """The score of each hit that was looked at, in words."""
        said = rows.memo.get(self, {})
        return [said.get(ident) for ident in ids.tolist()]


def directions(rows: NDArray[np.float32], metric: Metric) -> Floats:
    """Rows `(n, E)` of length 1 whose inner products put them in nearly the order of the metric; zeros stay zeros."""
    flat = metric.flattened(rows)
    assert flat is not None
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.where(norms == 0, 1, norms), np.float32)


def cosines(some: Floats, others: Floats) -> Floats:
    """Cosines `(n, m)` between directions `(n, E)` and `(m, E)`, at most 1."""
    alike: Floats = some @ others.T
    return np.minimum(alike, 1, out=alike)


def weighted(alike: Floats, chosen: NDArray[np.bool_], power: float) -> scipy.sparse.csr_matrix[np.float64]:
    """The chosen of the cosines `(n, m)` to a power, those below 0 as 0; 0 elsewhere."""
    row, column = np.nonzero(chosen)
    values = np.maximum(0, alike[row, column]).astype(np.float64) ** power
    return scipy.sparse.csr_matrix((values, (row, column)), alike.shape)


def nearest(likeness: Floats, count: int) -> NDArray[np.bool_]:
    """Which are among the `count` largest of each row of `likeness (n, m)`."""
    chosen = np.zeros(likeness.shape, bool)
    if count > 0:
        count = min(count, likeness.shape[1])
        np.put_along_axis(chosen, np.argpartition(-likeness, count - 1, axis=1)[:, :count], values=True, axis=1)
    return chosen
