"""The map of a collection: all images in a plane, laid out by the distances of a pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.applications.mds import landmark_mds
from nearsight.errors import DamagedError, UsageError
from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Floats, Ids, Metric

MAX_DISTANCES, MIN_LANDMARKS = 4_000_000, 100
"""Distances that are measured for a map, about, and landmarks at least: 2,000 images are all landmarks."""

MAX_COSTLY_DISTANCES, MIN_COSTLY_LANDMARKS = 20_000, 20
"""The same by a costly metric; where even the fewest landmarks need more distances, there is no map."""


@dataclass(frozen=True)
class Map:
    """Images laid out in a plane.

    `positions (N, 2) float32` lie in 0..1, at one scale for both axes, those of `ids (N,) int64` and `paths`. The
    order is pseudorandom and depends on the content; the first `landmarks` of them determine the axes.

    The quality of the map: `explained` in 0..1 is the share of the two axes in the eigenvalues of the landmarks'
    distances; `stress` is 0 where all distances are shown in proportion; `trustworthiness` is 1 where the ten nearest
    on the map are the nearest, .5 by chance.
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

    def summary(self) -> dict[str, Any]:
        """The map as a whole: how it was computed, and its quality."""
        names = ("recipe", "metric", "landmarks", "explained", "stress", "trustworthiness")
        return {name: getattr(self, name) for name in names}


def build_map(snapshot: Snapshot, pipeline: Pipeline, ids: Sequence[int], paths: Mapping[int, bytes]) -> Map:
    """The map of these images, whose order is one by content, by the metric of a pipeline.

    Raises
    ------
    UsageError : there are too many for a costly metric
    DamagedError : an image has no vector
    """
    if pipeline.descriptor.variable_length:
        raise UsageError(f"{pipeline.name} makes visual words, which are not laid out on a map: name another recipe")
    count = landmark_count(len(ids), pipeline.metric, pipeline.metric_name)
    order = np.array(ids, np.int64)
    names = tuple(os.fsdecode(paths[ident]) for ident in ids)
    if not count:
        return Map(pipeline.recipe, pipeline.metric_name, order, names, np.empty((0, 2), np.float32), 0, 1.0, 0.0, 1.0)
    found = landmark_mds(_landmark_distances(snapshot, pipeline, order, count))
    shown = (found.explained, found.stress, found.trustworthiness)
    return Map(pipeline.recipe, pipeline.metric_name, order, names, _fit_to_unit_square(found.points), count, *shown)


def landmark_count(n_images: int, metric: Metric, metric_name: str) -> int:
    """How many of so many images are landmarks. UsageError where a costly metric would take too long."""
    pairs, fewest = (
        (MAX_COSTLY_DISTANCES, MIN_COSTLY_LANDMARKS) if metric.is_expensive else (MAX_DISTANCES, MIN_LANDMARKS)
    )
    if metric.is_expensive and n_images * fewest > pairs:
        raise UsageError(
            f"a distance by {metric_name} takes so long that at most {pairs // fewest:,} images can be laid out by it; "
            f"these are {n_images:,}: filter them (--where), or lay them out by another recipe"
        )
    return min(n_images, max(fewest, pairs // max(1, n_images)))


def _landmark_distances(snapshot: Snapshot, pipeline: Pipeline, ids: Ids, n_landmarks: int) -> Floats:
    """From each of the first `n_landmarks` images to all, `(count, N)`."""
    first = np.stack([snapshot.vector(pipeline, ident) for ident in ids[:n_landmarks].tolist()])
    order = np.argsort(ids)
    distances, found = np.empty((n_landmarks, len(ids)), np.float32), np.zeros(len(ids), bool)
    for some, rows in snapshot.iter_vectors(pipeline, ids[order]):
        places = order[np.searchsorted(ids, some, sorter=order)]
        distances[:, places], found[places] = pipeline.metric.distances(first, rows), True
    if len(lost := ids[~found]):
        raise DamagedError(f"image {lost[0]} has no vector of {pipeline.name}: run nearsight repair")
    return distances


def _fit_to_unit_square(points: NDArray[np.float64]) -> Floats:
    """The points in the middle of the unit square, at one scale for both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max()) or 1.0
    return np.asarray(np.clip((points - (low + high) / 2) / extent + 0.5, 0, 1), np.float32)
