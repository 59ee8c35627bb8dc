"""How good one ranking is, from the places at which its right answers stand.

`ranks` are the 0-based places of the right answers that were found, in any order, after answers that do not count were
taken out; `positives` is how many right answers there are. A right answer that was not found counts as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["average_precision", "mean", "recall_at", "rectangular_average_precision"]


def _checked(ranks: Iterable[int], positives: int) -> NDArray[np.int64]:
    places = np.sort(np.fromiter(ranks, np.int64))
    if positives < 1:
        raise ValueError(f"average precision needs at least one right answer to look for; got {positives}")
    if len(places) > positives or len(np.unique(places)) < len(places) or (places < 0).any():
        raise ValueError(f"expected at most {positives} different 0-based ranks; got {places.tolist()}")
    return places


def average_precision(ranks: Iterable[int], positives: int) -> float:
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
    places = _checked(ranks, positives)
    order = np.arange(len(places))
    before = np.where(places == 0, 1.0, order / np.maximum(places, 1))
    after = (order + 1) / (places + 1)
    return float(((before + after) / 2).sum() / positives)


def rectangular_average_precision(ranks: Iterable[int], positives: int) -> float:
    """Mean of the precision at each right answer: the average precision of textbooks and of most libraries.

    Examples
    --------
    >>> round(rectangular_average_precision([0, 2, 5], positives=3), 6)
    0.722222
    """
    places = _checked(ranks, positives)
    return float(((np.arange(len(places)) + 1) / (places + 1)).sum() / positives)


def recall_at(ranks: Iterable[int], positives: int, k: int = 1) -> float:
    """Share of the right answers among the first k, of as many as could stand there: min(k, positives)."""
    places = _checked(ranks, positives)
    return float((places < k).sum() / min(k, positives))


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean over the queries; a mean of none is an error, never 0."""
    if not len(values):
        raise ValueError("a mean needs at least one query; got none")
    return float(np.mean(values))
