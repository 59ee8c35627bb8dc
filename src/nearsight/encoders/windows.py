"""Sliding windows of several sizes, as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from nearsight.encoders._region_pooling import Area, PoolKind, pool_areas
from nearsight.encoders.regions import check_levels
from nearsight.types import Arrays, Encoder, LocalFeatures


@dataclass(frozen=True)
class Windows(Encoder):
    """Sliding windows of several sizes, each as one feature: the whole image, 2 x 2 windows of two thirds, and so on.

    1. Level l has l x l windows, evenly spread from edge to edge, whose sides are 2 / (l + 1) of the map's, rounded
       down to whole cells, at least one: the whole, then windows of 2/3, 1/2, 2/5 of its sides.
    2. Of each window the maximum or the average of each value is taken, and divided by the length of all.

    A window's place is its middle, its diameter the side of a square as large. Features that are no whole map lie on
    the image's pixels instead of cells.

    Parameters
    ----------
    levels : sizes of windows, 1 to 8
    pool : "max" or "average"

    Returns
    -------
    For each image, features with descriptors `(n, D) float32` of length 1; n = 14 for 3 levels of one map

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    A. S. Razavian, H. Azizpour, J. Sullivan and S. Carlsson, CNN Features Off-the-Shelf: An Astounding Baseline for
    Recognition, CVPR 2014 Workshops, doi:10.1109/CVPRW.2014.131, section 4.

    Notes
    -----
    Departures: the network sees the whole image once, and windows are cut from its map; in the paper each window goes
    through the network, and the distance of two images is the mean over the windows of one of that to the nearest
    window of the other. Here what follows says how windows are compared: added by `average`, or words of `asmk`.

    Examples
    --------
    >>> sliding_windows(6, 3, levels=2)
    [(0, 0, 6, 3), (0, 0, 4, 2), (2, 0, 4, 2), (0, 1, 4, 2), (2, 1, 4, 2)]
    """

    output_kind: ClassVar[str] = "features"

    levels: int = 3
    pool: PoolKind = "max"

    def __post_init__(self) -> None:
        check_levels(self.levels)
        if self.pool not in ("max", "average"):
            raise ValueError(f'pool is "max" or "average"; got {self.pool!r}')

    @property
    def sample_size(self) -> int:
        """There is nothing to learn."""
        return 0

    def size(self, width: int, fitted: Arrays) -> int:
        """As many as a descriptor has."""
        return width

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> list[LocalFeatures]:
        """The windows of each image."""
        return [pool_areas(each, partial(sliding_windows, levels=self.levels), self.pool) for each in described]


def sliding_windows(columns: int, rows: int, levels: int) -> list[Area]:
    """The windows of a map, by level and then row by row, each `(left, top, width, height)` in cells."""
    found: list[Area] = []
    for level in range(1, levels + 1):
        width, height = (max(1, 2 * length // (level + 1)) for length in (columns, rows))
        lefts, tops = (
            [at * (length - side) // max(1, level - 1) for at in range(level)]
            for length, side in ((columns, width), (rows, height))
        )
        found += [(left, top, width, height) for top in tops for left in lefts]
    return found
