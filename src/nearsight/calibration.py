"""What a distance means in this collection: how many of its random pairs are nearer.

A distance on its own says nothing: the same number is a near-duplicate in one descriptor and noise in another, and
what is near depends on how alike the collection's images are anyway. The distances of random pairs of the same
collection are the measure: a hit counts as alike where at most one random pair in a thousand is as near,
or what other share a sense names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.senses import ALIKE
from nearsight.types import Explanation, Floats, Kernel, Metric

__all__ = ["ALIKE", "BackgroundDistribution", "sample_background"]

SAMPLE_SIZE = 400
COSTLY_SAMPLE_SIZE = 46
MIN_VECTORS = 10
MAX_CHANCE_PAIRS = 3.5
"""Of fewer than a thousand pairs so many may be nearer by accident."""


@dataclass(frozen=True)
class BackgroundDistribution:
    """The distances of random pairs, rising: `distances (P,) float32`; empty where the collection is too small."""

    distances: Floats

    def false_match_rate(self, distance: float) -> float:
        """The share of random pairs that are at most this far apart, in 0..1."""
        return float(np.searchsorted(self.distances, distance, "right") / max(1, len(self.distances)))

    def explain(self, distance: float, max_rate: float = ALIKE) -> Explanation:
        """The judgement of one distance, in words: alike where at most this share of random pairs is as near."""
        if not len(self.distances):
            return Explanation(f"too few images for a verdict (fewer than {MIN_VECTORS})")
        chance = self.false_match_rate(distance)
        sentence = f"nearer than {100 * (1 - chance):.2f} % of random pairs of this collection"
        if chance <= max_rate:
            return Explanation(sentence, "alike", True)
        if len(self.distances) * max_rate < 1 and chance * len(self.distances) <= MAX_CHANCE_PAIRS:
            return Explanation(f"{sentence}, which is too small for a verdict")
        return Explanation(sentence, "not alike", False)


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
