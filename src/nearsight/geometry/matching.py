"""Match the features of two images by their descriptors or by their visual words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.hamming import Hamming
from nearsight.types import LocalFeatures
from nearsight.visual_words import Records, angles, points, scales

_Doubles = NDArray[np.float64]

MAX_MATCHES = 400
"""The most matches that are kept."""
MAX_PAIRS_PER_WORD = 25
"""A word with more pairs than this says nothing about positions."""


@dataclass(frozen=True)
class Matches:
    """Tentative matches: points `(m, 2) float64` of query and hit, `scale_ratios (m,)`, `rotations (m,)` in degrees."""

    query_points: _Doubles
    hit_points: _Doubles
    scale_ratios: _Doubles
    rotations: _Doubles

    def __len__(self) -> int:
        return len(self.query_points)

    @property
    def has_pose(self) -> bool:
        """Whether features say how large they are or how they are turned: not all the same."""
        return len(self) > 0 and bool(np.ptp(self.scale_ratios) > 0 or np.ptp(self.rotations) > 0)


def match_mutual_nearest(query: LocalFeatures, hit: LocalFeatures, ratio: float = 0.85) -> Matches:
    """Features that are each other's nearest, and nearer than `ratio` times the second nearest of the hit.

    Points stay in the pixels of either image. Descriptors of bytes are strings of bits.
    """
    return match_each(query, [hit], ratio)[0]


def match_each(query: LocalFeatures, hits: Sequence[LocalFeatures], ratio: float = 0.85) -> list[Matches]:
    """`match_mutual_nearest` of the query and each of several hits: one matrix product for all of them."""
    if not hits:
        return []
    apart = _squared_distances(query.descriptors, np.concatenate([hit.descriptors for hit in hits]))
    ends = np.cumsum([len(hit) for hit in hits])
    return [
        matches_from_pairs(query, hit, _mutual_nearest_pairs(each, ratio))
        for hit, each in zip(hits, np.split(apart, ends[:-1], axis=1), strict=True)
    ]


def matches_from_pairs(query: LocalFeatures, hit: LocalFeatures, pairs: NDArray[np.int64]) -> Matches:
    """The matches of pairs `(m, 2)` of places in both lists of features."""
    mine, theirs = pairs.T
    ratios = hit.scales[theirs].astype(np.float64) / query.scales[mine]
    turns = hit.angles[theirs].astype(np.float64) - query.angles[mine]
    return Matches(query.points[mine].astype(np.float64), hit.points[theirs].astype(np.float64), ratios, turns)


def normalize_by_longest_side(matches: Matches, query: LocalFeatures, hit: LocalFeatures) -> Matches:
    """The same with points and scales in units of either image's longest side."""
    mine, theirs = max(query.size), max(hit.size)
    return Matches(
        matches.query_points / mine,
        matches.hit_points / theirs,
        matches.scale_ratios * (mine / theirs),
        matches.rotations,
    )


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


def _mutual_nearest_pairs(squares: NDArray[np.float32], ratio: float) -> NDArray[np.int64]:
    """The pairs `(m, 2)` of squared distances `(n, m)`."""
    if min(squares.shape) < 2:
        return np.empty((0, 2), np.int64)
    order, best, back = np.arange(len(squares)), squares.argmin(axis=1), squares.argmin(axis=0)
    nearest = squares[order, best]
    others = squares.copy()
    others[order, best] = np.inf
    clear = nearest <= ratio**2 * others.min(axis=1)
    mine = np.flatnonzero(clear & (back[best] == order))
    return np.column_stack([mine, best[mine]])


def _squared_distances(mine: NDArray[Any], theirs: NDArray[Any]) -> NDArray[np.float32]:
    """Squared distances `(n, m)` of descriptors: of differing bits, or straight ones."""
    if mine.dtype == np.uint8:
        return np.asarray(Hamming().distances(mine, theirs), np.float32) ** 2
    squares = (mine**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * mine @ theirs.T
    return np.asarray(np.maximum(squares, 0), np.float32)


def _equal_word_pairs(
    mine: NDArray[np.uint32], theirs: NDArray[np.uint32]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All pairs of places with equal words; both rise."""
    starts, stops = np.searchsorted(theirs, mine, "left"), np.searchsorted(theirs, mine, "right")
    counts = stops - starts
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(np.arange(len(mine)), counts), np.repeat(starts, counts) + within
