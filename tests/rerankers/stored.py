"""Stored rows as refiners see them, in memory."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nearsight.indexes.flat import Flat
from nearsight.metrics.l2 import L2
from nearsight.types import Hits

IMAGE = np.zeros((2, 2, 3), np.uint8)


def clustered(count=60, width=8, seed=0, groups=5):
    """Rows `(count, width)` of length 1 in some loose groups, and one more that asks."""
    random = np.random.default_rng(seed)
    middles = random.normal(size=(groups, width))
    made = middles[random.integers(0, groups, count + 1)] + 0.6 * random.normal(size=(count + 1, width))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made[1:].astype(np.float32), made[0].astype(np.float32)


def rows_of(stored, question, metric=None, first=100):
    """What a refiner may read: ids begin at `first`."""
    metric, ids = metric or L2(), np.arange(first, first + len(stored))
    index = Flat().empty(metric).add(ids, stored)
    return SimpleNamespace(
        query_vector=question,
        metric=metric,
        memo={},
        search=index.search,
        vectors=lambda some: stored[some - first],
        sample=lambda count: (ids[:count], stored[:count]),
    )


def hits_of(rows, k):
    """The first k hits of the question."""
    return rows.search(rows.query_vector[None], k)


def cosine(one, other):
    """The cosine of two rows; 0 where one has no length."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    size = np.sqrt((one * one).sum()) * np.sqrt((other * other).sum())
    return float((one * other).sum() / size) if size else 0.0


def order_of(hits: Hits):
    """The ids of the only query."""
    return hits.ids[0].tolist()
