"""How good one ranking is, from the places at which its right answers stand.

`ranks` are the 0-based places of the right answers that were found, in any order, after answers that do not count were
taken out; `positives` is how many right answers there are. A right answer that was not found counts as 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "average_precision",
    "majority_label",
    "mean",
    "micro_average_precision",
    "ndcg",
    "precision_at",
    "recall_at",
    "recall_at_precision",
    "recall_of_neighbours",
    "rectangular_average_precision",
    "revisited_precision_at",
    "ukbench_score",
]


def _validate_ranks(ranks: Iterable[int], n_positives: int) -> NDArray[np.int64]:
    places = np.sort(np.fromiter(ranks, np.int64))
    if n_positives < 1:
        raise ValueError(f"average precision needs at least one right answer to look for; got {n_positives}")
    if len(places) > n_positives or len(np.unique(places)) < len(places) or (places < 0).any():
        raise ValueError(f"expected at most {n_positives} different 0-based ranks; got {places.tolist()}")
    return places


def average_precision(ranks: Iterable[int], n_positives: int) -> float:
    """Area under precision over recall by the trapezoid rule, as Oxford, Holidays and Copydays are scored.

    1. Between the j-th right answer and the one before it recall grows by 1 / positives.
    2. The precision there is the mean of the one just before the answer's place, j / rank (1 at rank 0), and the one
       at it, (j + 1) / (rank + 1).

    References
    ----------
    J. Philbin, O. Chum, M. Isard, J. Sivic, A. Zisserman, "Object retrieval with large vocabularies and fast spatial
    matching", CVPR 2007, the Oxford buildings protocol.

    Examples
    --------
    >>> round(average_precision([0, 2, 5], positives=3), 6)
    0.677778
    """
    places = _validate_ranks(ranks, n_positives)
    order = np.arange(len(places))
    before = np.where(places == 0, 1.0, order / np.maximum(places, 1))
    after = (order + 1) / (places + 1)
    return float(((before + after) / 2).sum() / n_positives)


def rectangular_average_precision(ranks: Iterable[int], n_positives: int) -> float:
    """Mean of the precision at each right answer: the average precision of textbooks and of most libraries.

    Examples
    --------
    >>> round(rectangular_average_precision([0, 2, 5], positives=3), 6)
    0.722222
    """
    places = _validate_ranks(ranks, n_positives)
    return float(((np.arange(len(places)) + 1) / (places + 1)).sum() / n_positives)


def recall_at(ranks: Iterable[int], n_positives: int, k: int = 1) -> float:
    """Share of the right answers among the first k, of as many as could stand there: min(k, positives)."""
    places = _validate_ranks(ranks, n_positives)
    return float((places < _validate_k(k)).sum() / min(k, n_positives))


def precision_at(ranks: Iterable[int], k: int) -> float:
    """Share of right answers among the first k places; a ranking that is shorter counts as wrong beyond its end."""
    return float((np.fromiter(ranks, np.int64) < _validate_k(k)).sum() / k)


def revisited_precision_at(ranks: Iterable[int], k: int) -> float:
    """Precision at k as the revisited Oxford and Paris are scored: at the last right answer where that comes before k.

    Parameters
    ----------
    ranks : the places of all right answers that were found; a query that found none scores 0
    k : places looked at, 1 or more

    References
    ----------
    F. Radenovic, A. Iscen, G. Tolias, Y. Avrithis, O. Chum, "Revisiting Oxford and Paris: large-scale image retrieval
    benchmarking", CVPR 2018, doi:10.1109/CVPR.2018.00598.

    Examples
    --------
    >>> revisited_precision_at([0, 1, 3], k=10)
    0.75
    """
    places = np.fromiter(ranks, np.int64)
    shown = min(int(places.max()) + 1, _validate_k(k)) if len(places) else _validate_k(k)
    return float((places < shown).sum() / shown)


def recall_of_neighbours(retrieved: Iterable[int], true_neighbours: Iterable[int], k: int = 10) -> float:
    """recall@k of an approximate search: how many of its first k are among the k that are nearest, divided by k.

    Both are ids, best first. Not to be taken for "R@k", the share of queries whose very nearest is among the first k.
    """
    return len(set(list(retrieved)[: _validate_k(k)]) & set(list(true_neighbours)[:k])) / k


def ukbench_score(ranks: Iterable[int]) -> float:
    """How many images of the group stand in the first four places, the query itself among them: 4 at best.

    References
    ----------
    D. Nister, H. Stewenius, "Scalable recognition with a vocabulary tree", CVPR 2006, doi:10.1109/CVPR.2006.264.
    """
    return 4 * precision_at(ranks, 4)


def majority_label(labels: Sequence[Hashable]) -> Hashable:
    """The label that most neighbours have; among equally many, that of the nearest of them. Nearest first."""
    if not labels:
        raise ValueError("a vote needs at least one neighbour; got none")
    counts = Counter(labels)
    return max(counts, key=lambda label: (counts[label], -labels.index(label)))


def ndcg(gains: Iterable[float], ideal: Iterable[float], k: int) -> float:
    """Discounted gain of the first k places, as a share of the best that could be had.

    Parameters
    ----------
    gains : what each answer is worth, in the order of the answers
    ideal : what everything that could be found is worth, in any order
    k : places looked at, 1 or more

    References
    ----------
    K. Jarvelin, J. Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002,
    doi:10.1145/582415.582418.

    Notes
    -----
    The discount is 1 / log2(1 + place) from the first place on, as is usual today; the paper's begins at the second.

    Examples
    --------
    >>> round(ndcg([0, 1, 1], [1, 1], k=10), 4)
    0.6934
    """
    best = _discounted_gain(np.sort(np.fromiter(ideal, np.float64))[::-1][: _validate_k(k)])
    if best <= 0:
        raise ValueError("discounted gain needs at least one answer that is worth something; got none")
    return _discounted_gain(np.fromiter(gains, np.float64)[:k]) / best


def micro_average_precision(scores: Iterable[float], relevant: Iterable[bool], n_positives: int) -> float:
    """Average precision over the pairs of all queries pooled: scores must mean the same for every query.

    1. All pairs of a query and an answer are sorted by score; among equal scores wrong ones come first.
    2. The precision at each right pair is summed and divided by `n_positives`, how many right pairs there are.

    References
    ----------
    M. Douze et al., "The 2021 image similarity dataset and challenge", 2021, doi:10.48550/arXiv.2106.09672.

    Examples
    --------
    >>> micro_average_precision([0.9, 0.9, 0.1], [True, False, True], positives=2)
    0.5833333333333333
    """
    precision, _ = _pooled_precision_recall(scores, relevant, n_positives)
    return float(precision.sum() / n_positives)


def recall_at_precision(
    scores: Iterable[float], relevant: Iterable[bool], n_positives: int, precision: float = 0.9
) -> float:
    """R@P90: the largest share of right pairs that one threshold finds with at least this precision; 0 where none does.

    Pairs are pooled and sorted as by `micro_average_precision`.
    """
    precisions, recalls = _pooled_precision_recall(scores, relevant, n_positives)
    return float(recalls[precisions >= precision].max(initial=0.0))


def _pooled_precision_recall(
    scores: Iterable[float], relevant: Iterable[bool], n_positives: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at each right pair."""
    values, hits = np.fromiter(scores, np.float64), np.fromiter(relevant, np.bool_)
    if len(values) != len(hits) or hits.sum() > n_positives or n_positives < 1:
        raise ValueError(
            f"expected one score a pair and at most {n_positives} right pairs, at least 1; "
            f"got {len(values)} scores, {hits.sum()} right of {len(hits)} pairs"
        )
    ordered = hits[np.lexsort((hits, -values))]
    places = np.flatnonzero(ordered)
    found = np.arange(1, len(places) + 1)
    return found / (places + 1), found / n_positives


def _discounted_gain(gains: NDArray[np.float64]) -> float:
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def _validate_k(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is a number of places, at least 1; got {k}")
    return k


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean over the queries; a mean of none is an error, never 0."""
    if not len(values):
        raise ValueError("a mean needs at least one query; got none")
    return float(np.mean(values))
