"""Relevance feedback: what was marked as alike draws, what was marked as not alike pushes away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GAMMA", "rocchio"]

GAMMA = 0.25
"""How much the images that are not alike count, in parts of the query."""


def rocchio(asked: NDArray[Any], liked: NDArray[Any], unliked: NDArray[Any], gamma: float = GAMMA) -> NDArray[Any]:
    """The query moved towards what is alike and away from what is not, as a mean whose weights sum to 1.

        q' = (q + mean(liked) - gamma mean(unliked)) / w,  w = 1 + 1 - gamma; a part that is empty is left out

    The rule is linear, so it serves scores as well as rows: for an inner product, the scores of q' are the same mean of
    the scores of all that ask.

    Parameters
    ----------
    asked : `(n,)` the query's row, or its scores of n images
    liked : `(P, n)` the same of what is alike
    unliked : `(M, n)` the same of what is not alike
    gamma : how much `unliked` counts, at least 0 and below 1

    Returns
    -------
    `(n,) float64`

    Raises
    ------
    ValueError
        where gamma is out of its range

    References
    ----------
    J. J. Rocchio, Relevance Feedback in Information Retrieval, in G. Salton (ed.), The SMART Retrieval System, 1971.
    Weights: C. D. Manning, P. Raghavan and H. Schütze, Introduction to Information Retrieval, 2008, section 9.1.1.
    """
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma is at least 0 and below 1; got {gamma}")
    moved, weight = asked.astype(np.float64), 1.0
    if len(liked):
        moved, weight = moved + liked.astype(np.float64).mean(0), weight + 1
    if len(unliked):
        moved, weight = moved - gamma * unliked.astype(np.float64).mean(0), weight - gamma
    return np.asarray(moved / weight)
