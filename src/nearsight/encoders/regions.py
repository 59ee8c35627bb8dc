"""The square regions of R-MAC, as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from nearsight.encoders._region_pooling import Area, pool_areas
from nearsight.types import Arrays, Encoder, LocalFeatures

_OVERLAP = 0.4
"""Of neighbouring regions of the first level, as near to it as can be."""
_MAX_EXTRA_REGIONS = 6
"""Regions that the longer side has more than the shorter, at most."""


@dataclass(frozen=True)
class Regions(Encoder):
    """The maxima of square regions of several sizes, as features: those that R-MAC adds up.

    1. On a map of W x H cells, w = min(W, H), regions of level l have sides of floor(2 w / (l + 1)) cells. There are l
       along the shorter side and l + m along the longer one, evenly spread; m is 0 for a square map, else that of 1 to
       6 with which neighbours of level 1 overlap by nearest to 40 %.
    2. Of each region the maximum of each value is taken, and divided by the length of all.

    A region's place is its middle, its diameter its side. Levels whose regions have no cell are left out. Features that
    are no whole map lie on the image's pixels instead of cells.

    They can be whitened and added (R-MAC as in its paper): `mobilenetv2 | regions | pca(dim=512, whiten=1) |
    average(unit=true)`, or be visual words: `mobilenetv2 | regions | pca(dim=128) | asmk | inverted`.

    Parameters
    ----------
    levels : sizes of regions, 1 to 8

    Returns
    -------
    For each image, features with descriptors `(n, D) float32` of length 1

    Raises
    ------
    ValueError
        where levels is out of its range

    References
    ----------
    G. Tolias, R. Sicre and H. Jégou, Particular Object Retrieval with Integral Max-Pooling of CNN Activations, ICLR
    2016, doi:10.48550/arXiv.1511.05879, section 3.2.

    Examples
    --------
    >>> len(rmac_regions(32, 24, levels=3)), rmac_regions(32, 24, levels=1)
    (20, [(0, 0, 24, 24), (8, 0, 24, 24)])
    """

    output_kind: ClassVar[str] = "features"

    levels: int = 3

    def __post_init__(self) -> None:
        check_levels(self.levels)

    @property
    def sample_size(self) -> int:
        """There is nothing to learn."""
        return 0

    def size(self, width: int, fitted: Arrays) -> int:
        """As many as a descriptor has."""
        return width

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> list[LocalFeatures]:
        """The regions of each image."""
        return [pool_areas(each, partial(rmac_regions, levels=self.levels), "max") for each in described]


def check_levels(levels: int) -> None:
    """ValueError where levels is out of its range."""
    if not 1 <= levels <= 8:
        raise ValueError(f"levels is how many sizes of areas there are, 1 to 8; got {levels}")


def rmac_regions(columns: int, rows: int, levels: int) -> list[Area]:
    """The regions of a map, by level and then row by row, each `(left, top, side, side)` in cells."""
    shorter, longer = sorted((columns, rows))
    more = _extra_regions(shorter, longer)
    found: list[Area] = []
    for level in range(1, levels + 1):
        side = 2 * shorter // (level + 1)
        if side:
            lefts, tops = (
                _region_offsets(length, side, level + more * (length > shorter)) for length in (columns, rows)
            )
            found += [(left, top, side, side) for top in tops for left in lefts]
    return found


def _extra_regions(shorter: int, longer: int) -> int:
    """How many regions more the longer side has than the shorter."""
    if longer == shorter:
        return 0
    steps = [(longer - shorter) / more for more in range(1, _MAX_EXTRA_REGIONS + 1)]
    overlaps = [(shorter**2 - shorter * step) / shorter**2 for step in steps]  # ties fall as rounding lets them
    return 1 + int(np.argmin([abs(overlap - _OVERLAP) for overlap in overlaps]))


def _region_offsets(length: int, side: int, n_regions: int) -> list[int]:
    """Where so many regions begin along a side; halves are rounded as the authors' own program does.

    Adding `half` and taking it away again is not idle: the rounding of the sum puts some regions a cell further on.
    """
    step = (length - side) / (n_regions - 1) if n_regions > 1 else 0.0
    half = np.floor(side / 2 - 1)
    return [int(np.floor(half + at * step) - half) for at in range(n_regions)]
