"""Several rankings of the same images as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.types import NO_ID, Hits

__all__ = ["FUSIONS", "reciprocal_rank", "standard_scores"]

CONSTANT = 60

Fusion: TypeAlias = Callable[[Sequence[Hits]], tuple[Hits, float, float]]


def reciprocal_rank(lists: Sequence[Hits], constant: float = CONSTANT) -> tuple[Hits, float, float]:
    """Reciprocal rank fusion: an image's score is the sum of 1 / (constant + rank) over the lists that hold it.

    Only ranks count, so lists of any scores can be fused, and one bad list does little harm.

    Parameters
    ----------
    lists : hits `(1, n)` each, best first; ids once in each
    constant : how little the first ranks count over those after them, above 0

    Returns
    -------
    hits `(1, m)` of all ids, equal scores by id, and the least and the largest score that could have been

    Raises
    ------
    ValueError
        where there is no list, or constant is out of its range

    References
    ----------
    G. V. Cormack, C. L. A. Clarke and S. Büttcher, Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank
    Learning Methods, SIGIR 2009, doi:10.1145/1571941.1572114.
    """
    if not constant > 0:
        raise ValueError(f"constant is above 0; got {constant}")
    given = _found(lists)
    parts = [(ids, 1 / (constant + 1 + np.arange(len(ids))), 0.0) for ids, _ in given]
    return _sorted(parts), 0.0, len(parts) / (constant + 1)


def standard_scores(lists: Sequence[Hits]) -> tuple[Hits, float, float]:
    """The mean of standard scores: each list's scores less their mean, divided by their standard deviation.

    How far a hit stands out counts, not only that it does. An image that a list does not hold has its least score; a
    list of equal scores says nothing.

    Parameters
    ----------
    lists : hits `(1, n)` each, best first; ids once in each

    Returns
    -------
    hits `(1, m)` of all ids, equal scores by id, and the least and the largest score that could have been

    Raises
    ------
    ValueError
        where there is no list

    References
    ----------
    M. Montague and J. A. Aslam, Relevance Score Normalization for Metasearch, CIKM 2001, doi:10.1145/502585.502657.
    """
    parts = []
    for ids, scores in _found(lists):
        spread = float(scores.std()) if len(scores) else 0.0
        standard = (scores - scores.mean()) / spread if spread > 0 else np.zeros(len(ids))
        parts.append((ids, standard / len(lists), float(standard.min(initial=0)) / len(lists)))
    least = sum(floor for _, _, floor in parts)
    return _sorted(parts), least, sum(float(scores.max(initial=0)) for _, scores, _ in parts)


FUSIONS: dict[str, Fusion] = {"reciprocal": reciprocal_rank, "scores": standard_scores}
"""The ways to fuse, by the name that a user calls them by."""


def _found(lists: Sequence[Hits]) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    if not lists:
        raise ValueError("a fusion takes one list of hits or more; got none")
    real = [each.ids[0] != NO_ID for each in lists]
    return [(each.ids[0][at], each.scores[0][at].astype(np.float64)) for each, at in zip(lists, real, strict=True)]


def _sorted(parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float64], float]]) -> Hits:
    """The sum of all parts, each of ids, their scores, and the score of what it does not hold; best first."""
    ids = np.unique(np.concatenate([some for some, _, _ in parts]))
    total = np.zeros(len(ids))
    for some, scores, missing in parts:
        mine = np.full(len(ids), missing)
        mine[np.searchsorted(ids, some)] = scores
        total += mine
    order = np.lexsort((ids, -total))
    return Hits(ids[None, order], total[None, order].astype(np.float32))
