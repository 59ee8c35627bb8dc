"""The earth mover's distance of colour histograms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.metrics._histograms import normalise_histograms
from nearsight.types import Floats, Metric

_SPACES = ("rgb", "hsv", "lab")
_NEGLIGIBLE = 1e-9
_BOUND_FACTOR = 1 - 1e-4
_HALVING_DISTANCE = 20.0


@dataclass(frozen=True)
class Emd(Metric):
    """The earth mover's distance: how far colours have to move to turn one image's palette into the other's.

    1. Rows are histograms over the combined bins of `colour_histogram` with the same `space` and `bins`, divided by
       their sums.
    2. The ground distance of two bins is the Euclidean distance of their middles in CIE L*a*b*.
    3. What two rows share in a bin stays where it is, which costs nothing and never harms, as the ground distance
       obeys the triangle inequality. Bins that are empty in both fall out with it.
    4. The rest is moved at the least cost: the transport problem, solved exactly by the simplex method.

    A row of zeros is at 0 from another one, and from all others as far as the middles reach in Lab: the diagonal of
    the box around them.

    About 2 ms a pair for the 256 bins of photographs: for some hundred images as it is, for more behind an index.
    `lower_bound` gives a lower bound for all rows at once.

    Parameters
    ----------
    space : "rgb", "hsv" or "lab"
    bins : bins of each channel, three whole numbers of 1 to 64

    Returns
    -------
    `(Q, N) float32`, 0 or larger, in units of Lab (about 2 are just visible, black to white is 100), accurate to
    1e-5 of the distance; the similarity halves at 20 units: 1 / (1 + distance / 20)

    Raises
    ------
    ValueError
        where a parameter is out of its range, the queries and the rows are not matrices of
        bins[0] * bins[1] * bins[2] columns, or a value is negative

    References
    ----------
    Y. Rubner, C. Tomasi and L. J. Guibas, The Earth Mover's Distance as a Metric for Image Retrieval, IJCV 40(2),
    2000, doi:10.1023/A:1026543900054.

    Notes
    -----
    Departures: the paper moves signatures, the centres of each image's own clusters; these are the fixed bins of a
    histogram. Both rows have sum 1, so nothing is matched in part.

    Examples
    --------
    >>> black, white = np.eye(8, dtype=np.float32)[[0, 7]]
    >>> rows = np.stack([black, (black + white) / 2, white])
    >>> Emd(space="rgb", bins=(2, 2, 2)).distances(rows[:1], rows).round().tolist()
    [[0.0, 25.0, 50.0]]
    """

    space: Literal["rgb", "hsv", "lab"] = "hsv"
    bins: tuple[int, int, int] = (16, 4, 4)

    symbol = "EMD"
    is_expensive = True

    def __post_init__(self) -> None:
        if self.space not in _SPACES:
            raise ValueError(f'space is "rgb", "hsv" or "lab"; got {self.space!r}')
        three = isinstance(self.bins, tuple) and len(self.bins) == 3
        if not three or not all(isinstance(count, int) and 1 <= count <= 64 for count in self.bins):
            raise ValueError(f"bins is a tuple of three whole numbers of 1 to 64; got {self.bins!r}")

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        asked, stored = self._normalise_histograms(queries, rows)
        middles = _bin_centres_lab(self.space, self.bins)
        apart = np.empty((len(asked), len(stored)), np.float32)
        for line, query in zip(apart, asked, strict=True):
            line[:] = [_transport_cost(query - row, middles) for row in stored]
        return apart

    def lower_bound(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """A lower bound of the distances `(Q, N) float32`, at once: how far the mean colours are apart."""
        asked, stored = self._normalise_histograms(queries, rows)
        middles = _bin_centres_lab(self.space, self.bins)
        apart = scipy.spatial.distance.cdist(asked[:, :-1] @ middles, stored[:, :-1] @ middles)
        known = (asked[:, -1:] == 0) & (stored[:, -1] == 0)
        return np.where(known, apart * _BOUND_FACTOR, 0).astype(np.float32)

    def similarity(self, distances: Floats) -> Floats:
        """1 / (1 + distance / 20)."""
        return np.asarray(1 / (1 + distances / _HALVING_DISTANCE), np.float32)

    def _normalise_histograms(self, *tables: NDArray[Any]) -> list[NDArray[np.float64]]:
        width = self.bins[0] * self.bins[1] * self.bins[2]
        if any(table.ndim != 2 or table.shape[1] != width for table in tables):
            shapes = " and ".join(str(table.shape) for table in tables)
            raise ValueError(f"rows of {self.bins} bins are (N, {width}), queries and rows of one D; got {shapes}")
        return [normalise_histograms(table) for table in tables]


def _transport_cost(surplus: NDArray[np.float64], middles: NDArray[np.float64]) -> float:
    """What it costs to move `surplus (D + 1,)`, which sums to 0; its last place is that of rows of zeros."""
    if surplus[-1]:
        return float(np.linalg.norm(np.ptp(middles, axis=0)))
    more, less = np.flatnonzero(surplus > _NEGLIGIBLE), np.flatnonzero(surplus < -_NEGLIGIBLE)
    if not len(more) or not len(less):
        return 0.0
    leaving, arriving = (np.abs(surplus[side, None]) for side in (more, less))
    ground = scipy.spatial.distance.cdist(middles[more], middles[less])
    first, second = ((mass / mass.sum()).astype(np.float32) for mass in (leaving, arriving))
    mean, _, _ = cv2.EMD(first, second, cv2.DIST_USER, ground.astype(np.float32))
    return float(mean * leaving.sum())


@lru_cache(maxsize=16)
def _bin_centres_lab(space: str, bins: tuple[int, int, int]) -> NDArray[np.float64]:
    """The middles of the bins in L*a*b*, `(D, 3)`."""
    parts = [(np.arange(count) + 0.5) / count for count in bins]
    unit = np.stack(np.meshgrid(*parts, indexing="ij"), -1).reshape(-1, 3)
    if space == "lab":
        return np.asarray(unit * (100, 256, 256) - (0, 128, 128))
    colours = unit[None].astype(np.float32)
    if space == "hsv":
        colours = np.asarray(cv2.cvtColor(colours * np.array([360, 1, 1], np.float32), cv2.COLOR_HSV2RGB), np.float32)
    return np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2Lab)[0], np.float64)
