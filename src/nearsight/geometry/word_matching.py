"""Matches of two images' features by their visual words. Pure functions; `rank.spatial` uses them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nearsight.geometry.matching import Matches
from nearsight.visual_words import Records, angles, points, scales

MAX_MATCHES = 400
"""Matches that are looked at."""
MAX_PAIRS_PER_WORD = 25
"""Pairs of one word beyond which it says nothing about places."""


def match_words(query: Records, hit: Records, threshold: float) -> Matches:
    """Match features of the same word of which at most a share `threshold` of the bits differs.

    Points are in units of each image's longest side. Words with more than `MAX_PAIRS_PER_WORD` such pairs are ignored.
    The `MAX_MATCHES` with the fewest differing bits are kept; ties prefer words with fewer pairs.
    """
    mine, theirs = _equal_word_pairs(query["word"], hit["word"])
    bits = 8 * query["bits"].shape[1]
    differing = np.bitwise_count(query["bits"][mine] ^ hit["bits"][theirs]).sum(axis=1, dtype=np.int64)
    near = differing <= threshold * bits
    mine, theirs, differing = mine[near], theirs[near], differing[near]
    _, word, counts = np.unique(query["word"][mine], return_inverse=True, return_counts=True)
    crowd = counts[word]
    if (crowd > MAX_PAIRS_PER_WORD).any():
        few = crowd <= MAX_PAIRS_PER_WORD
        mine, theirs, differing, crowd = mine[few], theirs[few], differing[few], crowd[few]
    best = np.lexsort((crowd, differing))[:MAX_MATCHES]
    mine, theirs = query[mine[best]], hit[theirs[best]]
    ratios = scales(theirs).astype(np.float64) / scales(mine)
    turns = angles(theirs).astype(np.float64) - angles(mine)
    return Matches(points(mine).astype(np.float64), points(theirs).astype(np.float64), ratios, turns)


def _equal_word_pairs(
    mine: NDArray[np.uint32], theirs: NDArray[np.uint32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of places with equal words; both rise."""
    starts, stops = np.searchsorted(theirs, mine, "left"), np.searchsorted(theirs, mine, "right")
    counts = stops - starts
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(mine)), counts), np.repeat(starts, counts) + within
