"""What the methods are given and what they answer with: arrays, features, queries, hits and their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""`(H, W, 3) uint8`, sRGB, upright."""

Ids: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Box: TypeAlias = tuple[float, float, float, float]
"""`(x0, y0, x1, y1)` in pixels of the upright image."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by name: what an index has fitted, or what it keeps of rows."""

NO_ID = -1
"""The id that pads a row of hits where fewer than k were found; its score is -inf."""


@dataclass(frozen=True)
class Hits:
    """The answer of an index or a refiner for Q queries: `ids (Q, k) int64`, `scores (Q, k) float32`, best first.

    Larger is better. Rows with fewer than k hits are padded with `NO_ID` and -inf.
    """

    ids: Ids
    scores: Floats


@dataclass(frozen=True)
class Change:
    """An area in which a copy differs: its box in unit coordinates of the query and of the hit, and its share.

    Boxes are `(x0, y0, x1, y1)`, 0..1 of the width and height; the share is of what both images have in common, 0..1.
    """

    query_box: Box
    hit_box: Box
    share: float


@dataclass(frozen=True)
class Explanation:
    """Why one hit was returned.

    `alike` is the method's own judgement of this hit, None where it has none, and `verdict` the same in words
    ("copy", "part", "not a copy"); `similarity` in 0..1 is what is shown as the score. `query_points` and
    `hit_points` `(M, 2) float32` are matched points in unit coordinates (0..1 of the width and height of each
    image); `homography (3, 3)` maps unit points of the query to unit points of the hit. `query_shares` and
    `hit_shares` `(rows, columns) float32` lie over the whole of each image: what each place adds to the cosine of the
    two. They sum to it, those of the query for the hit as it is stored, those of the hit for the query as it was asked.
    `changes` are the areas in which both differ, the largest first.
    """

    sentence: str
    verdict: str = ""
    alike: bool | None = None
    similarity: float | None = None
    query_points: Floats | None = None
    hit_points: Floats | None = None
    homography: NDArray[np.float64] | None = None
    query_shares: Floats | None = None
    hit_shares: Floats | None = None
    changes: tuple[Change, ...] = ()


IDENTICAL_FILE = Explanation(
    "the same file, byte for byte", "identical file", True, 1.0, homography=np.eye(3, dtype=np.float64)
)
"""Of two files of equal content, before anything else is looked at."""


@dataclass(frozen=True)
class Match:
    """Matched points of the query and of a hit, `(n, 2) float64` each, and the homography between them `(3, 3)`.

    In units of each image's longest side.
    """

    query_points: NDArray[np.float64]
    hit_points: NDArray[np.float64]
    homography: NDArray[np.float64]
