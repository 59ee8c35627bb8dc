"""Parts of a feature map, and the features of each as one. A helper, not a method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._normalisation import l2_normalise
from nearsight.encoders._pooling import split_maps
from nearsight.types import LocalFeatures

Area: TypeAlias = tuple[int, int, int, int]
"""Left, top, width and height in cells."""
AreaLayout: TypeAlias = Callable[[int, int], list[Area]]
"""The areas of a map of so many columns and rows."""
PoolKind: TypeAlias = Literal["max", "average"]


def pool_areas(features: LocalFeatures, layout: AreaLayout, pool: PoolKind) -> LocalFeatures:
    """A feature for each area of each map, of length 1: the middle of what is in it, its size, and its maxima or means.

    Areas without features are left out. Where features are of no map, each pixel of the image is a cell.
    """
    found = [each for one in split_maps(features) for each in _iter_areas(one, layout, pool)]
    places = np.array([place for place, _ in found], np.float32).reshape(-1, 3)
    rows = np.array([row for _, row in found], np.float32).reshape(-1, features.descriptors.shape[1])
    angles = np.zeros(len(found), np.float32)
    return LocalFeatures(
        np.ascontiguousarray(places[:, :2]), places[:, 2].copy(), angles, l2_normalise(rows), features.size
    )


def _iter_areas(
    features: LocalFeatures, layout: AreaLayout, pool: PoolKind
) -> Iterator[tuple[list[float], NDArray[np.float32]]]:
    """Place and diameter, and what is in it, of each area of one map."""
    (columns, rows), across, down = grid_cells(features)
    cell = float(features.scales[0]) if features.grids else 1.0
    for left, top, width, height in layout(columns, rows):
        inside = (across >= left) & (across < left + width) & (down >= top) & (down < top + height)
        if inside.any():
            within, points = features.descriptors[inside].astype(np.float32), features.points[inside]
            row = within.max(axis=0) if pool == "max" else within.mean(axis=0, dtype=np.float64)
            middle = (points.min(axis=0) + points.max(axis=0)) / 2
            yield [*middle.tolist(), cell * float(np.sqrt(width * height))], row


def grid_cells(features: LocalFeatures) -> tuple[tuple[int, int], NDArray[np.int64], NDArray[np.int64]]:
    """Columns and rows of the only map, and of each feature its column and its row, `(n,)` each."""
    if features.grids:
        ((columns, rows),) = features.grids
        down, across = np.divmod(np.arange(len(features)), columns)
        return (columns, rows), across, down
    columns, rows = features.size
    across, down = np.clip(np.floor(features.points), 0, (columns - 1, rows - 1)).astype(np.int64).T
    return (columns, rows), across, down
