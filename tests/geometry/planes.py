"""Matches of a plane seen from two places, and features that lie on it."""

from __future__ import annotations

import numpy as np

from nearsight.geometry.matching import Matches
from nearsight.visual_words import record_dtype

ASPECT = 0.75


def similar(degrees, scale, x, y):
    """A turn, a change of size and a shift."""
    turn = scale * np.exp(1j * np.radians(degrees))
    return np.array([[turn.real, -turn.imag, x], [turn.imag, turn.real, y], [0, 0, 1]])


VIEWS = {
    "shifted": similar(0, 1, 0.1, -0.05),
    "turned": similar(35, 0.9, 0.4, 0.05),
    "upside down": similar(180, 1, 1, 0.75),
    "half as large": similar(0, 0.45, 0.3, 0.2),
    "larger": similar(-10, 2.2, -0.5, -0.3),
    "sheared": np.array([[0.9, 0.25, 0.05], [0.1, 0.7, 0.1], [0, 0, 1]]),
    "slantwise": np.array([[0.9, 0.1, 0.05], [0.05, 0.95, 0.05], [0.3, -0.15, 1]]),
}
MIRRORED = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])


def moved(view, places):
    """Where a homography takes places `(n, 2)`."""
    there = np.column_stack([places, np.ones(len(places))]) @ view.T
    return there[:, :2] / there[:, 2:]


def seen(view, places, step=1e-5):
    """Places there, and by how much lengths change there and turn, measured with a small step to the right and down."""
    there = moved(view, places)
    right, down = (moved(view, places + step * np.array(way)) - there for way in ([1, 0], [0, 1]))
    area = np.abs(right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]) / step**2
    return there, np.sqrt(area), np.degrees(np.arctan2(right[:, 1], right[:, 0]))


def matches(view, right=90, wrong=210, seed=0):
    """Matches of which some lie on the plane, up to the error of real features, and others anywhere."""
    rng = np.random.default_rng(seed)
    query = rng.random((right + wrong, 2)) * (1, ASPECT)
    hit, ratios, turns = seen(view, query)
    hit = hit + rng.normal(0, 0.003, hit.shape)
    ratios, turns = ratios * np.exp(rng.normal(0, 0.15, len(hit))), turns + rng.normal(0, 6, len(hit))
    hit[right:] = rng.random((wrong, 2)) * (1, ASPECT)
    ratios[right:], turns[right:] = np.exp(rng.normal(0, 1, wrong)), rng.random(wrong) * 360
    order = rng.permutation(len(hit))
    return Matches(query[order], hit[order], ratios[order], turns[order])


def image(count=60, seed=0, bits=16):
    """The records of an image, each feature with a word of its own."""
    rng = np.random.default_rng(seed)
    made = np.zeros(count, record_dtype(bits))
    made["word"], made["bits"] = np.arange(count), rng.integers(0, 256, made["bits"].shape)
    made["x"], made["y"] = rng.integers(0, 65536, count), rng.integers(0, int(65536 * ASPECT), count)
    made["scale"], made["angle"] = rng.integers(60, 120, count), rng.integers(0, 256, count)
    return made


def viewed(row, view, seed=0):
    """The records of an image of the same things, seen from elsewhere; what falls out of it is lost."""
    there, ratios, turns = seen(view, np.stack([row["x"], row["y"]], 1) / 65535)
    inside = ((there >= 0) & (there <= 1)).all(axis=1)
    made = row.copy()
    made["x"], made["y"] = np.rint(np.clip(there, 0, 1) * 65535).astype(np.uint16).T
    made["scale"] = np.clip(row["scale"] + np.rint(16 * np.log2(ratios)), 0, 255)
    made["angle"] = (row["angle"] + np.rint(turns * 256 / 360)).astype(int) % 256
    return made[inside]
