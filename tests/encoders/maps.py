"""Feature maps for tests of poolings: arrays `(rows, columns, D)` as features, and what loops make of them."""

from __future__ import annotations

import math

import numpy as np

from nearsight.types import LocalFeatures

CELL = 32


def random_map(rows, columns, width=12, seed=0, zeros=0.5):
    """A map of values of 0 or more, half of them 0, as a network with rectified units makes them."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(1.0, 1.0, (rows, columns, width)) * (rng.random((rows, columns, width)) > zeros)
    return values.astype(np.float32)


def as_features(*maps, cell=CELL, size=None, whole=True):
    """Maps of one image as features, each position the middle of its cell; `whole` says that they are maps."""
    size = size or (maps[0].shape[1] * cell, maps[0].shape[0] * cell)
    points, diameters = [], []
    for each in maps:
        rows, columns = each.shape[:2]
        for y in range(rows):
            for x in range(columns):
                points.append(((x + 0.5) * size[0] / columns, (y + 0.5) * size[1] / rows))
                diameters.append(math.sqrt(size[0] / columns * size[1] / rows))
    values = np.concatenate([each.reshape(-1, each.shape[2]) for each in maps])
    grids = tuple((each.shape[1], each.shape[0]) for each in maps) if whole else ()
    places = np.array(points, np.float32), np.array(diameters, np.float32), np.zeros(len(points), np.float32)
    return LocalFeatures(*places, values, size, grids)


def one(encoder, features, fitted=None):
    """The row of one image."""
    return encoder.encode([features], fitted or {})[0]


def divided(row):
    """A list divided by its length."""
    length = math.sqrt(sum(float(value) ** 2 for value in row))
    return [float(value) / length if length else 0.0 for value in row]


def column(values, k):
    """Value k at each place, row by row."""
    rows, columns = values.shape[:2]
    return [float(values[y, x, k]) for y in range(rows) for x in range(columns)]


SHAPES = [(6, 9), (9, 6), (7, 7), (1, 1), (1, 8), (12, 2)]
"""Rows and columns: images of any proportions."""
