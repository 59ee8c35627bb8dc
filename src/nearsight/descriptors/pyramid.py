"""The spatial pyramid around any descriptor whose rows are amounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors.colour_histogram import ColourHistogram
from nearsight.types import Descriptor, Floats, Image

_COLOURS = ColourHistogram()


@dataclass(frozen=True)
class Pyramid(Descriptor):
    """Another descriptor of the whole image, of its quarters and of its sixteenths, in one vector (spatial pyramid).

    1. Level l cuts the image into 2^l x 2^l cells at floor(i * length / 2^l); a side too short for that gives each
       cell one pixel.
    2. `inner` describes each cell. Its row is multiplied by the cell's share of the area of its level, so that of a
       histogram the masses of all cells of a level are those of the image.
    3. Level 0 is multiplied by 1 / 2^L and level l by 1 / 2^(L - l + 1) with L = `levels` - 1: 1/4, 1/4 and 1/2 for
       three levels. The weights have sum 1, so the whole has the mass of one row of `inner`.

    The row holds the levels one after the other, and in each the cells row by row. It is compared by the metric of
    `inner`, so `inner` should be a histogram, or another descriptor whose differences may be weighed.

    Parameters
    ----------
    inner : the descriptor of a cell, with float32 rows
    levels : levels, 1 to 5; 3 have 1 + 4 + 16 = 21 cells

    Returns
    -------
    `(N, inner.size * (4**levels - 1) / 3) float32`

    Raises
    ------
    ValueError
        where `levels` is out of its range, or `inner` is no descriptor with float32 rows

    References
    ----------
    S. Lazebnik, C. Schmid and J. Ponce, Beyond Bags of Features: Spatial Pyramid Matching for Recognizing Natural
    Scene Categories, CVPR 2006, doi:10.1109/CVPR.2006.68.

    Notes
    -----
    Departures: the paper finds features once in the image and counts them by cell; here each cell is an image of
    its own to `inner`, so that any descriptor can be used.

    Examples
    --------
    >>> image = np.zeros((8, 8, 3), np.uint8)
    >>> image[:4, 4:] = 255
    >>> pyramid = Pyramid(ColourHistogram(space="rgb", bins=(2, 1, 1)), levels=2)
    >>> pyramid.describe([image])[0].reshape(5, 2).tolist()
    [[0.375, 0.125], [0.125, 0.0], [0.0, 0.125], [0.125, 0.0], [0.125, 0.0]]
    """

    inner: Descriptor = _COLOURS
    levels: int = 3

    def __post_init__(self) -> None:
        if not isinstance(self.inner, Descriptor) or self.inner.dtype != "float32":
            raise ValueError(f"inner is a descriptor with float32 rows, which can be weighed; got {self.inner!r}")
        if not 1 <= self.levels <= 5:
            raise ValueError(f"levels is 1 to 5; got {self.levels}")

    @property
    def side(self) -> int:
        """That of `inner`."""
        return self.inner.side

    @property
    def metric(self) -> str:
        """That of `inner`."""
        return self.inner.metric

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return self.inner.size * ((1 << 2 * self.levels) - 1) // 3

    def load(self) -> None:
        """Load what `inner` needs."""
        self.inner.load()

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def embed_colours(self, colours: Mapping[tuple[int, int, int], float]) -> NDArray[Any] | None:
        """The row of these colours in these shares in every cell alike; None where `inner` has no such thing."""
        row = self.inner.embed_colours(colours)
        if row is None:
            return None
        weights = np.concatenate([np.full(4**level, self._weight(level) / 4**level) for level in range(self.levels)])
        return np.asarray(np.outer(weights, row).ravel(), np.float32)

    def explain_overlap(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """What `inner` says of the whole images."""
        whole = slice(0, self.inner.size)
        return self.inner.explain_overlap(query[whole] / self._weight(0), row[whole] / self._weight(0))

    def _weight(self, level: int) -> float:
        return float(2.0 ** (max(level, 1) - self.levels))

    def _vector(self, image: Image) -> Floats:
        cells, weights = [], []
        for level in range(self.levels):
            own = _grid_cells(image, 2**level)
            areas = np.array([cell.shape[0] * cell.shape[1] for cell in own])
            cells += own
            weights.append(self._weight(level) * areas / areas.sum())
        rows = self.inner.embed(cells) * np.concatenate(weights)[:, None]
        return np.asarray(rows.ravel(), np.float32)


def _grid_cells(image: Image, n_cells: int) -> list[Image]:
    """`n_cells` x `n_cells` parts of the image, row by row, each at least 1 x 1."""
    downs, rights = (_pyramid_cell_slices(length, n_cells) for length in image.shape[:2])
    return [image[down, right] for down in downs for right in rights]


def _pyramid_cell_slices(length: int, n_cells: int) -> list[slice]:
    starts = [index * length // n_cells for index in range(n_cells + 1)]
    return [slice(start, max(end, start + 1)) for start, end in pairwise(starts)]
