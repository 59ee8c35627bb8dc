"""The colour auto-correlogram: how each colour lies together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._colour_space import (
    ColourBins,
    ColourSpace,
    bin_hex_names,
    bin_indices,
    check_bins,
    check_space,
)
from nearsight.types import Descriptor, Floats, Image

_LARGEST = 32
_MIN_SHARE_EXPLAINED = 0.25


@dataclass(frozen=True)
class ColourCorrelogram(Descriptor):
    """How often pixels at a given distance have the same colour: whether colours are in patches or scattered.

    1. Pixels are converted to `space` and each channel is cut into equal bins: a pixel's colour is one of
       bins[0] * bins[1] * bins[2].
    2. The ring of a pixel at distance d holds the pixels whose larger difference along x and y is exactly d: 8 d of
       them, fewer at the border of the image.
    3. Value (d, c) is the share of those pixels of the rings of all pixels of colour c that have colour c too; 0 where
       there are none.

    Values are ordered by distance, then colour. An image turned by a right angle or mirrored has the same row.

    Parameters
    ----------
    space : "rgb", "hsv" or "lab"
    bins : bins of each channel, three whole numbers of 1 to 64
    distances : in pixels, 1 to 8 different whole numbers of 1 to 32

    Returns
    -------
    `(N, len(distances) * bins[0] * bins[1] * bins[2]) float32` of 0..1

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    J. Huang, S. R. Kumar, M. Mitra, W.-J. Zhu and R. Zabih, Image Indexing Using Color Correlograms, CVPR 1997,
    doi:10.1109/CVPR.1997.609412.

    Notes
    -----
    Departures: the paper divides by 8 d everywhere; here only pixels inside the image count, so that a flat image
    has exactly 1 for its colour, whatever its size. On Corel-1k HSV
    ranked better than the 64 colours of RGB, and chi-square better than L1.

    Examples
    --------
    >>> flat = np.full((9, 9, 3), (255, 0, 0), np.uint8)
    >>> row = ColourCorrelogram(space="rgb", bins=(2, 2, 2), distances=(1, 3)).describe([flat])[0]
    >>> np.flatnonzero(row).tolist(), row.max().tolist()
    ([4, 12], 1.0)
    """

    space: ColourSpace = "hsv"
    bins: ColourBins = (16, 4, 4)
    distances: tuple[int, ...] = (1, 3, 5, 7)

    metric = "chi2"

    def __post_init__(self) -> None:
        check_space(self.space)
        check_bins(self.bins)
        some = isinstance(self.distances, tuple) and 1 <= len(set(self.distances)) == len(self.distances) <= 8
        if not some or not all(isinstance(d, int) and 1 <= d <= _LARGEST for d in self.distances):
            raise ValueError(f"distances are 1 to 8 different whole numbers of 1 to {_LARGEST}; got {self.distances!r}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return len(self.distances) * self._n_colours

    @property
    def _n_colours(self) -> int:
        return self.bins[0] * self.bins[1] * self.bins[2]

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def explain_overlap(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """The main colours that lie in patches in both images."""
        both = np.minimum(query, row).reshape(len(self.distances), -1).mean(axis=0)
        main = [number for number in np.argsort(-both, kind="stable")[:2] if both[number] >= _MIN_SHARE_EXPLAINED]
        return (
            f"both have patches of {' and '.join(bin_hex_names(self.space, self.bins)[n] for n in main)}"
            if main
            else ""
        )

    def _vector(self, image: Image) -> Floats:
        numbers = bin_indices(image, self.space, self.bins)
        narrow = numbers.astype(np.uint8 if self._n_colours <= 256 else np.int32)
        flat = numbers.ravel()
        row = np.zeros((len(self.distances), self._n_colours))
        for place, distance in enumerate(self.distances):
            same = np.bincount(flat, _same_colour_counts(narrow, distance).ravel(), self._n_colours)
            there = np.bincount(flat, _ring_sizes(*numbers.shape, distance).ravel(), self._n_colours)
            np.divide(2 * same, there, out=row[place], where=there > 0)
        return row.astype(np.float32).ravel()


def _same_colour_counts(numbers: NDArray[Any], distance: int) -> NDArray[np.uint8]:
    """How many pixels of half the ring of each pixel have its colour, `(H, W)`.

    Each pair of pixels is met from one of its ends only.
    """
    count = np.zeros(numbers.shape, np.uint8)
    height, width = numbers.shape
    for y, x in _half_ring_offsets(distance):
        if y < height and abs(x) < width:
            here = slice(max(0, -x), width - max(0, x))
            there = slice(max(0, x), width - max(0, -x))
            count[: height - y, here] += numbers[: height - y, here] == numbers[y:, there]
    return count


@lru_cache(maxsize=_LARGEST)
def _half_ring_offsets(distance: int) -> tuple[tuple[int, int], ...]:
    """Offsets (y, x) of half a ring, of which the other half is the opposite."""
    across = [(distance, x) for x in range(-distance, distance + 1)]
    beside = [(y, x) for y in range(1, distance) for x in (-distance, distance)]
    return (*across, *beside, (0, distance))


@lru_cache(maxsize=64)
def _ring_sizes(height: int, width: int, distance: int) -> NDArray[np.int32]:
    """How many pixels of the ring of each pixel are inside the image, `(H, W)`."""
    outer, inner = (
        np.outer(_neighbour_counts(height, reach), _neighbour_counts(width, reach))
        for reach in (distance, distance - 1)
    )
    return np.asarray(outer - inner, np.int32)


def _neighbour_counts(side: int, radius: int) -> NDArray[np.int64]:
    """How many of `side` pixels in a line are within `radius` of each."""
    place = np.arange(side)
    return np.minimum(place + radius, side - 1) - np.maximum(place - radius, 0) + 1
