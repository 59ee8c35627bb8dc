"""How near a distance is in this collection: how many of its random pairs are nearer.

A distance on its own says nothing: the same number is a near-duplicate in one descriptor and noise in another, and
what is near depends on how alike the collection's images are anyway. The distances of random pairs of the same
collection are the measure. They say how near a hit is, never that it is not alike: a kind may have many images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.types import Floats, Kernel, Metric

__all__ = ["BackgroundDistribution", "sample_background"]

SAMPLE_SIZE = 400
COSTLY_SAMPLE_SIZE = 46
MIN_VECTORS = 10
RARE = 0.01
"""Shares of pairs below this are said as one in so many, others in per cent."""


@dataclass(frozen=True)
class BackgroundDistribution:
    """The distances of random pairs, rising: `distances (P,) float32`; empty where the collection is too small."""

    distances: Floats

    def false_match_rate(self, distance: float) -> float:
        """The share of random pairs that are at most this far apart, in 0..1."""
        return float(np.searchsorted(self.distances, distance, "right") / max(1, len(self.distances)))

    def describe(self, distance: float) -> str:
        """How near a distance is, in words."""
        count = len(self.distances)
        if not count:
            return f"nearest first; too few images to say how near (fewer than {MIN_VECTORS})"
        share = self.false_match_rate(distance)
        if not share:
            return f"nearer than all of {count:,} random pairs of this collection"
        if share < RARE:
            return f"as near as 1 in {1 / share:,.0f} random pairs of this collection"
        return f"as near as {100 * share:.0f} % of the random pairs of this collection"


def sample_background(vectors: Any, metric: Metric) -> BackgroundDistribution:  # noqa: ANN401 - rows (n, D), or a list of records
    """The background of rows `(n, D)`: all pairs of at most 400 of them, evenly spread; of 46 for a costly metric."""
    if len(vectors) < MIN_VECTORS:
        return BackgroundDistribution(np.empty(0, np.float32))
    count = COSTLY_SAMPLE_SIZE if metric.is_expensive else SAMPLE_SIZE
    places = np.unique(np.linspace(0, len(vectors) - 1, count).astype(int))
    if isinstance(metric, Kernel):
        records = [vectors[at] for at in places.tolist()]
        apart = metric.distances(records, records)[np.triu_indices(len(records), 1)]
        return BackgroundDistribution(np.sort(apart).astype(np.float32))
    chosen = vectors[places]
    pairs = [metric.distances(chosen[at : at + 1], chosen[at + 1 :])[0] for at in range(len(chosen) - 1)]
    return BackgroundDistribution(np.sort(np.concatenate(pairs)).astype(np.float32))
