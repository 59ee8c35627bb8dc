"""The map of a collection: all pictures in a plane, laid out by the distances of a plan."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.applications.multidimensional_scaling import scaled
from nearsight.errors import DamagedError, UsageError
from nearsight.pipeline import Plan
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Floats, Ids, Metric

PAIRS, FEWEST = 4_000_000, 100
"""Distances that are measured for a map, about, and landmarks at least: 2,000 pictures are all landmarks."""

COSTLY_PAIRS, COSTLY_FEWEST = 20_000, 20
"""The same by a costly metric; where even the fewest landmarks need more distances, there is no map."""


@dataclass(frozen=True)
class Map:
    """Pictures laid out in a plane.

    `positions (N, 2) float32` lie in 0..1, at one scale for both axes, those of `ids (N,) int64` and `paths`. Their
    order is one by content: the first so many are as good as drawn by lot. `landmarks` of them, the first, set the
    axes.

    How much two dimensions can show: `explained` in 0..1 is the share of the two axes in what the landmarks' distances
    hold; `stress` is 0 where all distances are shown in proportion; `trustworthiness` is 1 where the ten nearest on
    the map are the nearest, .5 by chance.
    """

    recipe: str
    metric: str
    ids: Ids
    paths: tuple[str, ...]
    positions: Floats
    landmarks: int
    explained: float
    stress: float
    trustworthiness: float

    def __len__(self) -> int:
        return len(self.ids)

    def about(self) -> dict[str, Any]:
        """What is said of the map as a whole: how it was made, and how much it shows."""
        names = ("recipe", "metric", "landmarks", "explained", "stress", "trustworthiness")
        return {name: getattr(self, name) for name in names}


def laid_out(snapshot: Snapshot, plan: Plan, ids: Sequence[int], paths: Mapping[int, bytes]) -> Map:
    """The map of these pictures, whose order is one by content, by the metric of a plan.

    Raises
    ------
    UsageError : there are too many for a costly metric
    DamagedError : a picture has no row
    """
    if plan.descriptor.ragged:
        raise UsageError(f"{plan.name} makes visual words, which are not laid out on a map: name another recipe")
    count = landmarks(len(ids), plan.metric, plan.metric_name)
    order = np.array(ids, np.int64)
    names = tuple(os.fsdecode(paths[ident]) for ident in ids)
    if not count:
        return Map(plan.recipe, plan.metric_name, order, names, np.empty((0, 2), np.float32), 0, 1.0, 0.0, 1.0)
    found = scaled(_distances(snapshot, plan, order, count))
    shown = (found.explained, found.stress, found.trustworthiness)
    return Map(plan.recipe, plan.metric_name, order, names, _framed(found.points), count, *shown)


def landmarks(count: int, metric: Metric, name: str) -> int:
    """How many of so many pictures are landmarks. UsageError where a costly metric would take too long."""
    pairs, fewest = (COSTLY_PAIRS, COSTLY_FEWEST) if metric.costly else (PAIRS, FEWEST)
    if metric.costly and count * fewest > pairs:
        raise UsageError(
            f"a distance by {name} takes so long that at most {pairs // fewest:,} pictures can be laid out by it; "
            f"these are {count:,}: filter them (--where), or lay them out by another recipe"
        )
    return min(count, max(fewest, pairs // max(1, count)))


def _distances(snapshot: Snapshot, plan: Plan, ids: Ids, count: int) -> Floats:
    """From each of the first `count` pictures to all, `(count, N)`."""
    first = np.stack([snapshot.row(plan, ident) for ident in ids[:count].tolist()])
    order = np.argsort(ids)
    distances, found = np.empty((count, len(ids)), np.float32), np.zeros(len(ids), bool)
    for some, rows in snapshot.pieces(plan, ids[order]):
        places = order[np.searchsorted(ids, some, sorter=order)]
        distances[:, places], found[places] = plan.metric.distances(first, rows), True
    if len(lost := ids[~found]):
        raise DamagedError(f"picture {lost[0]} has no row of {plan.name}: run nearsight repair")
    return distances


def _framed(points: NDArray[np.float64]) -> Floats:
    """The points in the middle of the unit square, at one scale for both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max()) or 1.0
    return np.asarray(np.clip((points - (low + high) / 2) / extent + 0.5, 0, 1), np.float32)
