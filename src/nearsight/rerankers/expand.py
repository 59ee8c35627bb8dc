"""Query expansion: verified hits become queries too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, Match, RerankContext, Reranker
from nearsight.visual_words import Records, points

N_NEGATIVES, MIN_NEGATIVES = 50, 10
"""The last hits stand for what the query is not, where there are enough of them."""
_MARGIN = 0.05


@dataclass(frozen=True)
class Expand(Reranker):
    """Searches again with the verified hits, and merges the results (query expansion).

    1. Of the first `n` hits that a re-ranker before it has verified, the features are taken that lie where the query is
       seen; each such hit is a query of its own.
    2. An image's score is the mean of those by the query and by each of these hits: for a linear kernel, that of the
       average of their vectors. With `alpha` above 0 a hit weighs by its own score to that power.
    3. `how` = discriminative: a linear support vector machine over their kernel is trained to separate the query and
       these hits from the last hits, and its score orders the images.

    Where nothing was verified, the hits stay as they are.

    Parameters
    ----------
    n : verified hits that become queries, 1 or more
    how : average or discriminative
    alpha : the power of a hit's own score by which it weighs, 0 or more
    depth : how many hits come of it, 1 or more

    Returns
    -------
    Hits `(1, depth)`

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    O. Chum, J. Philbin, J. Sivic, M. Isard and A. Zisserman, Total Recall: Automatic Query Expansion with a
    Generative Feature Model for Object Retrieval, ICCV 2007, doi:10.1109/ICCV.2007.4408891. alpha: F. Radenović,
    G. Tolias and O. Chum, Fine-tuning CNN Image Retrieval with No Human Annotation, IEEE TPAMI 41(7), 2019,
    doi:10.1109/TPAMI.2018.2846566. R. Arandjelović and A. Zisserman, Three Things Everyone Should Know to Improve
    Object Retrieval, CVPR 2012, doi:10.1109/CVPR.2012.6248018.

    Notes
    -----
    Departures: scores are averaged, not vectors: kernels that are no inner product of vectors can be expanded too.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> context = SimpleNamespace(verified={}, memo={})
    >>> hits = Hits(np.array([[1, 0]]), np.array([[-0.1, -0.2]], np.float32))
    >>> Expand().rerank(np.zeros((1, 1, 3), np.uint8), hits, context).ids.tolist()
    [[1, 0]]
    """

    n: int = 10
    how: Literal["average", "discriminative"] = "average"
    alpha: float = 0.0
    depth: int = 1000

    variable_length = True

    def __post_init__(self) -> None:
        if self.n < 1 or self.depth < 1:
            raise ValueError(f"n and depth are 1 or more; got {self.n} and {self.depth}")
        if not self.alpha >= 0:
            raise ValueError(f"alpha is 0 or more; got {self.alpha}")

    def rerank(self, image: Image, hits: Hits, rows: RerankContext) -> Hits:
        """What the query and its verified hits find together."""
        chosen = [ident for ident in hits.ids[0].tolist() if ident in rows.verified][: self.n]
        if not chosen:
            return hits
        asking = [
            rows.query_vector,
            *(
                _features_in_query_region(rows.vector(ident), rows.verified[ident], rows.query_vector)
                for ident in chosen
            ),
        ]
        last = [ident for ident in hits.ids[0].tolist() if ident != NO_ID and ident not in rows.verified][-N_NEGATIVES:]
        if self.how == "discriminative" and len(last) >= MIN_NEGATIVES:
            found = rows.search([*asking, *map(rows.vector, last)], self.depth)
            return _combine_scores(found, _svm_weights(found, chosen, last), self.depth)
        found = rows.search(asking, self.depth)
        weights = self._weights(chosen, found)
        return _combine_scores(found, weights / weights.sum(), self.depth)

    def explain(self, image: Image, ids: Ids, rows: RerankContext) -> list[Explanation | None]:
        """Nothing beyond what was said before."""
        return [None for _ in ids]

    def _weights(self, chosen: list[int], found: Hits) -> NDArray[np.float64]:
        """1 for the query; for each hit its similarity to the query to the power of alpha."""
        likeness = dict(zip(found.ids[0].tolist(), (1 + found.scores[0]).tolist(), strict=True))
        best = max([1e-9, *(likeness.get(ident, 0.0) for ident in chosen)])
        return np.array([1.0, *((max(0.0, likeness.get(ident, 0.0)) / best) ** self.alpha for ident in chosen)])


def _features_in_query_region(hit_records: Records, match: Match, query_records: Records) -> Records:
    """The features of a hit that lie where the query is seen."""
    places = points(hit_records).astype(np.float64)
    back = np.linalg.inv(match.homography)
    moved = np.column_stack([places, np.ones(len(places))]) @ back.T
    seen = moved[:, :2] / np.where(np.abs(moved[:, 2:]) < 1e-9, 1e-9, moved[:, 2:])
    mine = points(query_records)
    low, high = mine.min(axis=0) - _MARGIN, mine.max(axis=0) + _MARGIN
    inside = ((seen >= low) & (seen <= high)).all(axis=1)
    part: Records = hit_records[inside]
    return part


def _svm_weights(found: Hits, positives: list[int], negatives: list[int]) -> NDArray[np.float64]:
    """The weights of all rows that ask, by which a support vector machine tells the right from the wrong.

    The kernel is what they find of each other: of the query, only what it finds of the others is known.
    """
    from sklearn.svm import SVC

    members = [*positives, *negatives]
    kernel = np.eye(1 + len(members))
    for at, (ids, scores) in enumerate(zip(found.ids, found.scores, strict=True)):
        likeness = dict(zip(ids.tolist(), (1 + scores).tolist(), strict=True))
        kernel[at, 1:] = [likeness.get(ident, 0.0) for ident in members]
    kernel[1:, 0] = kernel[0, 1:]
    kernel = (kernel + kernel.T) / 2
    np.fill_diagonal(kernel, 1)
    labels = np.repeat([1, -1], [1 + len(positives), len(negatives)])
    machine = SVC(kernel="precomputed", C=1.0, class_weight="balanced").fit(kernel, labels)
    weights = np.zeros(len(kernel))
    weights[machine.support_] = machine.dual_coef_[0]
    return np.asarray(weights / np.abs(weights).sum())


def _combine_scores(found: Hits, weights: NDArray[np.float64], max_hits: int) -> Hits:
    """The weighted sum of the similarities over all rows that ask; 0 where one does not find an image."""
    ids = np.unique(found.ids[found.ids != NO_ID])
    total = np.zeros(len(ids))
    for row, scores, weight in zip(found.ids, found.scores, weights, strict=True):
        real = row != NO_ID
        total[np.searchsorted(ids, row[real])] += weight * (1 + scores[real])
    order = np.lexsort((ids, -total))[:max_hits]
    return Hits(ids[None, order], (total[None, order] - 1).astype(np.float32))
