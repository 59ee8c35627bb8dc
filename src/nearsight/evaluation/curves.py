"""Precision over recall: the raw points of one ranking, and the mean curve of many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from nearsight.evaluation.measures import mean

__all__ = ["LEVELS", "interpolated_precision", "mean_curve", "precision_recall"]

LEVELS: NDArray[np.float64] = np.linspace(0, 1, 101)
"""The values of recall at which mean curves are drawn."""


def precision_recall(ranks: Iterable[int], n_positives: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision `(n,)` at each of the n right answers that were found, in the order of their places.

    Examples
    --------
    >>> [values.tolist() for values in raw([0, 3], positives=4)]
    [[0.25, 0.5], [1.0, 0.5]]
    """
    if n_positives < 1:
        raise ValueError(f"a curve needs at least one right answer to look for; got {n_positives}")
    places = np.sort(np.fromiter(ranks, np.int64))
    found = np.arange(1, len(places) + 1)
    return found / n_positives, found / (places + 1)


def interpolated_precision(
    ranks: Iterable[int], n_positives: int, levels: NDArray[np.float64] = LEVELS
) -> NDArray[np.float64]:
    """The best precision `(n,)` that is reached at each of n levels of recall or beyond it; 0 where none is.

    References
    ----------
    G. Salton, M. J. McGill, "Introduction to Modern Information Retrieval", McGraw-Hill, 1983.

    Examples
    --------
    >>> interpolated([1, 2], 2, np.array([0.0, 0.5, 1.0])).tolist()
    [0.6666666666666666, 0.6666666666666666, 0.6666666666666666]
    """
    recall, precision = precision_recall(ranks, n_positives)
    best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    at: NDArray[np.float64] = best[np.searchsorted(recall, levels - 1e-12)]
    return at


def mean_curve(rankings: Sequence[tuple[Iterable[int], int]]) -> NDArray[np.float64]:
    """The mean over queries of their interpolated precision at `LEVELS`: `(101,)`; pairs of ranks and positives."""
    mean([float(positives) for _, positives in rankings])
    return np.asarray(np.mean([interpolated_precision(*each) for each in rankings], axis=0), np.float64)
