"""Matches of two images' features by their descriptors. Pure functions, not a method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.hamming import Hamming
from nearsight.types import LocalFeatures

_Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Matches:
    """Tentative matches: `query`, `hit` `(m, 2) float64` points, `ratios (m,)` of scales, `turns (m,)` in degrees."""

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
    return matches_from_pairs(query, hit, _mutual_nearest_pairs(query, hit, ratio))


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


def _mutual_nearest_pairs(query: LocalFeatures, hit: LocalFeatures, ratio: float) -> NDArray[np.int64]:
    if len(query) < 2 or len(hit) < 2:
        return np.empty((0, 2), np.int64)
    apart = _descriptor_distances(query, hit)
    best = apart.argmin(axis=1)
    order = np.arange(len(query))
    clear = apart[order, best] <= ratio * np.partition(apart, 1, axis=1)[:, 1]
    mine = np.flatnonzero(clear & (apart.argmin(axis=0)[best] == order))
    return np.column_stack([mine, best[mine]])


def _descriptor_distances(query: LocalFeatures, hit: LocalFeatures) -> NDArray[np.float32]:
    """Distances `(n, m)` of descriptors: differing bits, or straight ones."""
    mine, theirs = query.descriptors, hit.descriptors
    if mine.dtype == np.uint8:
        return Hamming().distances(mine, theirs)
    squares = (mine**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1) - 2 * mine @ theirs.T
    return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)
