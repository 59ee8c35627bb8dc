"""What a distance means in this collection: how many of its random pairs are nearer.

A distance on its own says nothing: the same number is a near-duplicate in one descriptor and noise in another, and
what is near depends on how alike the collection's pictures are anyway. The distances of random pairs of the same
collection are the measure: a hit counts as alike where at most one random pair in a thousand is as near,
or what other share a sense names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.senses import ALIKE
from nearsight.types import Explanation, Floats, Kernel, Metric

__all__ = ["ALIKE", "Background", "sampled"]

SAMPLE = 400
SAMPLE_COSTLY = 46
FEWEST = 10
DOUBTFUL = 3.5
"""Of fewer than a thousand pairs so many may be nearer by accident."""


@dataclass(frozen=True)
class Background:
    """The distances of random pairs, rising: `distances (P,) float32`; empty where the collection is too small."""

    distances: Floats

    def chance(self, distance: float) -> float:
        """The share of random pairs that are at most this far apart, in 0..1."""
        return float(np.searchsorted(self.distances, distance, "right") / max(1, len(self.distances)))

    def explain(self, distance: float, share: float = ALIKE) -> Explanation:
        """The judgement of one distance, in words: alike where at most this share of random pairs is as near."""
        if not len(self.distances):
            return Explanation(f"too few pictures to say what is near (fewer than {FEWEST})")
        chance = self.chance(distance)
        sentence = f"nearer than {100 * (1 - chance):.2f} % of random pairs of this collection"
        if chance <= share:
            return Explanation(sentence, "alike", True)
        if len(self.distances) * share < 1 and chance * len(self.distances) <= DOUBTFUL:
            return Explanation(f"{sentence}, which has too few to say whether that is near")
        return Explanation(sentence, "not alike", False)


def sampled(rows: Any, metric: Metric) -> Background:  # noqa: ANN401 - rows (n, D), or a list of records
    """The background of rows `(n, D)`: all pairs of at most 400 of them, evenly spread; of 46 for a costly metric."""
    if len(rows) < FEWEST:
        return Background(np.empty(0, np.float32))
    count = SAMPLE_COSTLY if metric.costly else SAMPLE
    places = np.unique(np.linspace(0, len(rows) - 1, count).astype(int))
    if isinstance(metric, Kernel):
        records = [rows[at] for at in places.tolist()]
        apart = metric.distances(records, records)[np.triu_indices(len(records), 1)]
        return Background(np.sort(apart).astype(np.float32))
    chosen = rows[places]
    pairs = [metric.distances(chosen[at : at + 1], chosen[at + 1 :])[0] for at in range(len(chosen) - 1)]
    return Background(np.sort(np.concatenate(pairs)).astype(np.float32))
