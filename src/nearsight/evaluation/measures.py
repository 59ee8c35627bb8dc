"""Measures of rankings, computed from the ranks of the relevant images.

`ranks` are the 0-based ranks of the positives that were retrieved, in any order, after junk was removed from the
ranking; `n_positives` is the number of positives. A positive that was not retrieved contributes 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nearsight.wording import plural

__all__ = [
    "RECALL_LEVELS",
    "average_precision",
    "interpolated_precision",
    "majority_label",
    "mean",
    "mean_curve",
    "micro_average_precision",
    "ndcg",
    "precision_at",
    "precision_recall",
    "recall_at",
    "recall_at_precision",
    "recall_of_neighbours",
    "rectangular_average_precision",
    "revisited_precision_at",
    "ukbench_score",
]

RECALL_LEVELS: NDArray[np.float64] = np.linspace(0, 1, 101)
"""The values of recall at which mean curves are drawn."""


def _validate_ranks(ranks: Iterable[int], n_positives: int) -> NDArray[np.int64]:
    places = np.sort(np.fromiter(ranks, np.int64))
    if n_positives < 1:
        raise ValueError(f"average precision needs at least one positive; got {n_positives}")
    if len(places) > n_positives or len(np.unique(places)) < len(places) or (places < 0).any():
        raise ValueError(f"expected at most {plural(n_positives, 'different 0-based rank')}; got {places.tolist()}")
    return places


def average_precision(ranks: Iterable[int], n_positives: int) -> float:
    """Area under precision over recall by the trapezoid rule, as Oxford, Holidays and Copydays are scored.

    1. From one positive to the next, recall grows by 1 / n_positives.
    2. The precision there is the mean of the precision just before the j-th positive, j / rank (1 at rank 0), and at
       it, (j + 1) / (rank + 1).

    References
    ----------
    J. Philbin, O. Chum, M. Isard, J. Sivic, A. Zisserman, "Object retrieval with large vocabularies and fast spatial
    matching", CVPR 2007, the Oxford buildings protocol.

    Examples
    --------
    >>> round(average_precision([0, 2, 5], n_positives=3), 6)
    0.677778
    """
    places = _validate_ranks(ranks, n_positives)
    order = np.arange(len(places))
    before = np.where(places == 0, 1.0, order / np.maximum(places, 1))
    after = (order + 1) / (places + 1)
    return float(((before + after) / 2).sum() / n_positives)


def rectangular_average_precision(ranks: Iterable[int], n_positives: int) -> float:
    """Mean of the precision at each positive: the average precision of textbooks and of most libraries.

    Examples
    --------
    >>> round(rectangular_average_precision([0, 2, 5], n_positives=3), 6)
    0.722222
    """
    places = _validate_ranks(ranks, n_positives)
    return float(((np.arange(len(places)) + 1) / (places + 1)).sum() / n_positives)


def recall_at(ranks: Iterable[int], n_positives: int, k: int = 1) -> float:
    """Share of the positives among the first k, relative to min(k, n_positives)."""
    places = _validate_ranks(ranks, n_positives)
    return float((places < _validate_k(k)).sum() / min(k, n_positives))


def precision_at(ranks: Iterable[int], k: int) -> float:
    """Share of positives among the first k; a shorter ranking counts as negative beyond its end."""
    return float((np.fromiter(ranks, np.int64) < _validate_k(k)).sum() / k)


def revisited_precision_at(ranks: Iterable[int], k: int) -> float:
    """Precision at k as for the revisited Oxford and Paris: at the rank of the last positive where that is before k.

    Parameters
    ----------
    ranks : the ranks of all retrieved positives; a query without any scores 0
    k : cut-off rank, 1 or more

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
    """recall@k of an approximate search: the share of the k nearest neighbours among its first k hits.

    Both are ids, best first. Not to be confused with the share of queries whose nearest neighbour is among the first k.
    """
    return len(set(list(retrieved)[: _validate_k(k)]) & set(list(true_neighbours)[:k])) / k


def ukbench_score(ranks: Iterable[int]) -> float:
    """The number of images of the group among the first four, the query itself included: 4 at best.

    References
    ----------
    D. Nister, H. Stewenius, "Scalable recognition with a vocabulary tree", CVPR 2006, doi:10.1109/CVPR.2006.264.
    """
    return 4 * precision_at(ranks, 4)


def majority_label(labels: Sequence[Hashable]) -> Hashable:
    """The most frequent label of neighbours, given nearest first; of equally frequent ones that of the nearest."""
    if not labels:
        raise ValueError("a vote needs at least one neighbour; got none")
    counts = Counter(labels)
    return max(counts, key=lambda label: (counts[label], -labels.index(label)))


def ndcg(gains: Iterable[float], ideal: Iterable[float], k: int) -> float:
    """Discounted cumulative gain of the first k, relative to that of the ideal ranking.

    Parameters
    ----------
    gains : of the ranked images, best first
    ideal : gains of all images that could be retrieved, in any order
    k : cut-off rank, 1 or more

    References
    ----------
    K. Jarvelin, J. Kekalainen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002,
    doi:10.1145/582415.582418.

    Notes
    -----
    The discount is 1 / log2(1 + rank) from rank 1 on, as is usual today; the paper's begins at the second.

    Examples
    --------
    >>> round(ndcg([0, 1, 1], [1, 1], k=10), 4)
    0.6934
    """
    best = _discounted_gain(np.sort(np.fromiter(ideal, np.float64))[::-1][: _validate_k(k)])
    if best <= 0:
        raise ValueError("discounted gain needs at least one gain above 0; got none")
    return _discounted_gain(np.fromiter(gains, np.float64)[:k]) / best


def micro_average_precision(scores: Iterable[float], relevant: Iterable[bool], n_positives: int) -> float:
    """Average precision over the pooled pairs of all queries: scores must be comparable across queries.

    1. All pairs of a query and an image are sorted by score; among equal scores negatives come first.
    2. The precision at each positive pair is summed and divided by `n_positives`, the number of positive pairs.

    References
    ----------
    M. Douze et al., "The 2021 image similarity dataset and challenge", 2021, doi:10.48550/arXiv.2106.09672.

    Examples
    --------
    >>> micro_average_precision([0.9, 0.9, 0.1], [True, False, True], n_positives=2)
    0.5833333333333333
    """
    precision, _ = _pooled_precision_recall(scores, relevant, n_positives)
    return float(precision.sum() / n_positives)


def recall_at_precision(
    scores: Iterable[float], relevant: Iterable[bool], n_positives: int, precision: float = 0.9
) -> float:
    """R@P90: the largest recall at which one threshold reaches at least this precision; 0 where none does.

    Pairs are pooled and sorted as by `micro_average_precision`.
    """
    precisions, recalls = _pooled_precision_recall(scores, relevant, n_positives)
    return float(recalls[precisions >= precision].max(initial=0.0))


def _pooled_precision_recall(
    scores: Iterable[float], relevant: Iterable[bool], n_positives: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at each positive pair."""
    values, hits = np.fromiter(scores, np.float64), np.fromiter(relevant, np.bool_)
    if len(values) != len(hits) or hits.sum() > n_positives or n_positives < 1:
        raise ValueError(
            f"expected one score a pair and at most {plural(n_positives, 'positive pair')}, at least 1; "
            f"got {plural(len(values), 'score')}, {hits.sum()} positive of {plural(len(hits), 'pair')}"
        )
    ordered = hits[np.lexsort((hits, -values))]
    places = np.flatnonzero(ordered)
    found = np.arange(1, len(places) + 1)
    return found / (places + 1), found / n_positives


def _discounted_gain(gains: NDArray[np.float64]) -> float:
    return float((gains / np.log2(np.arange(2, len(gains) + 2))).sum())


def _validate_k(k: int) -> int:
    if k < 1:
        raise ValueError(f"k is a cut-off rank, at least 1; got {k}")
    return k


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean over the queries; a mean of none is an error, never 0."""
    if not len(values):
        raise ValueError("a mean needs at least one query; got none")
    return float(np.mean(values))


def precision_recall(ranks: Iterable[int], n_positives: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision `(n,)` at each of the n retrieved positives, by rising rank.

    Examples
    --------
    >>> [values.tolist() for values in precision_recall([0, 3], n_positives=4)]
    [[0.25, 0.5], [1.0, 0.5]]
    """
    if n_positives < 1:
        raise ValueError(f"a curve needs at least one positive; got {n_positives}")
    places = np.sort(np.fromiter(ranks, np.int64))
    found = np.arange(1, len(places) + 1)
    return found / n_positives, found / (places + 1)


def interpolated_precision(
    ranks: Iterable[int], n_positives: int, levels: NDArray[np.float64] = RECALL_LEVELS
) -> NDArray[np.float64]:
    """The highest precision `(n,)` at each of n recall levels or beyond it; 0 where that recall is not reached.

    References
    ----------
    G. Salton, M. J. McGill, "Introduction to Modern Information Retrieval", McGraw-Hill, 1983.

    Examples
    --------
    >>> interpolated_precision([1, 2], 2, np.array([0.0, 0.5, 1.0])).tolist()
    [0.6666666666666666, 0.6666666666666666, 0.6666666666666666]
    """
    recall, precision = precision_recall(ranks, n_positives)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    at: NDArray[np.float64] = best[np.searchsorted(recall, levels - 1e-12)]
    return at


def mean_curve(rankings: Sequence[tuple[Iterable[int], int]]) -> NDArray[np.float64]:
    """The mean interpolated precision `(101,)` at `RECALL_LEVELS` of many queries, as pairs of ranks and positives."""
    mean([float(positives) for _, positives in rankings])
    return np.asarray(np.mean([interpolated_precision(*each) for each in rankings], axis=0), np.float64)
