"""Grids of cells over an image; a helper, not a method."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=256)
def cell_weights(side: int, cells: int) -> NDArray[np.float64]:
    """What each of `side` pixels counts in the mean of each cell along one axis, `(cells, side)` with rows of sum 1.

    Cells are equally long. A pixel that lies in two counts in each with the part of it that is there, so a mirrored
    image has mirrored cells, and an image may have fewer pixels than cells.
    """
    edges = np.arange(cells + 1) * (side / cells)
    pixels = np.arange(side)
    ends = np.minimum(edges[1:, None], pixels + 1)
    parts = np.clip(ends - np.maximum(edges[:-1, None], pixels), 0, None)
    parts /= parts.sum(axis=1, keepdims=True)
    parts.flags.writeable = False
    return np.asarray(parts)


def pool_cells(maps: NDArray[np.float64], grid: int) -> NDArray[np.float64]:
    """The mean of maps `(H, W, C)` in each cell, `(grid, grid, C)`: its row, its column."""
    height, width, channels = maps.shape
    along_y = (cell_weights(height, grid) @ maps.reshape(height, -1)).reshape(grid, width, channels)
    return np.asarray(cell_weights(width, grid) @ along_y)
