"""The dominant colours: a small palette of the image, with shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.descriptors._colour_space import bin_indices, lab_to_rgb, rgb_to_lab, to_hex
from nearsight.types import Descriptor, Floats, Image

_CUBE = (32, 32, 32)
_ROUNDS = 12
_MIN_SHARE_EXPLAINED = 0.1


@dataclass(frozen=True)
class DominantColours(Descriptor):
    """A small palette of the image: its main colours, and how much of each there is.

    1. Pixels are counted in 32 x 32 x 32 bins of RGB; each bin that holds any counts as its mean colour in CIE Lab.
    2. The fullest bin is the first colour; each next one is the bin with the most pixels times squared distance from
       the colours there are.
    3. Twelve rounds of k-means over the bins move the colours to where the pixels are.
    4. Colours are sorted by the number of their pixels, the largest first.

    A row is `count` times share, L*, a*, b*: the shares have sum 1, and where there are fewer colours the rest is 0.

    Parameters
    ----------
    count : colours of the palette, 1 to 64

    Returns
    -------
    `(N, 4 * count) float32`

    Raises
    ------
    ValueError
        where `count` is out of its range

    References
    ----------
    Y. Deng, B. S. Manjunath, C. Kenney, M. S. Moore and H. Shin, An Efficient Color Representation for Image
    Retrieval, IEEE Transactions on Image Processing 10(1), 2001, doi:10.1109/83.892450.

    Notes
    -----
    Departures: the paper clusters by a peer group filter and splits until a distortion is reached; this is k-means
    with a fixed count and start, so that rows have one width and never depend on chance.

    Examples
    --------
    >>> flag = np.full((4, 4, 3), 255, np.uint8)
    >>> flag[0] = 0
    >>> DominantColours(count=3).describe([flag])[0].round(2).reshape(3, 4)[:, :2].tolist()
    [[0.75, 100.0], [0.25, 0.0], [0.0, 0.0]]
    """

    count: int = 8

    metric = "palette_distance"

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 64:
            raise ValueError(f"count is 1 to 64 colours; got {self.count}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 4 * self.count

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._cluster_palette(*_colour_counts(image)) for image in images])

    def embed_colours(self, colours: Mapping[tuple[int, int, int], float]) -> Floats:
        """The row `(size,)` of these colours (red, green, blue in 0..255) in these shares."""
        return self._cluster_palette(rgb_to_lab(np.array(list(colours), np.uint8)), np.array(list(colours.values())))

    def explain_overlap(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """The main colours of the query that the other image has too, and how much of the other has them."""
        asked, there = query.reshape(-1, 4), row.reshape(-1, 4)
        near = (scipy.spatial.distance.cdist(asked[:, 1:], there[:, 1:]) < 20) & (asked[:, :1] > 0)
        common = np.minimum(asked[:, 0], near @ there[:, 0])
        main = [number for number in np.argsort(-common, kind="stable")[:2] if common[number] >= _MIN_SHARE_EXPLAINED]
        shown = lab_to_rgb(asked[:, 1:])
        named_ones = [f"{to_hex(shown[number])} ({100 * common[number]:.0f} %)" for number in main]
        return f"both have {' and '.join(named_ones)}" if main else ""

    def _cluster_palette(self, colours: Floats, weights: NDArray[Any]) -> Floats:
        """The row of colours `(n, 3)` CIE Lab with weights `(n,)`."""
        centres = _initial_centres(colours.astype(np.float64), weights, self.count)
        for _ in range(_ROUNDS):
            nearest = scipy.spatial.distance.cdist(colours, centres, "sqeuclidean").argmin(axis=1)
            centres = _update_centres(colours, weights, nearest, centres)
        nearest = scipy.spatial.distance.cdist(colours, centres, "sqeuclidean").argmin(axis=1)
        shares = np.bincount(nearest, weights, len(centres)) / weights.sum()
        order = np.argsort(-shares, kind="stable")
        row = np.zeros((self.count, 4), np.float32)
        row[: len(centres)] = np.column_stack([shares, centres])[order]
        row[row[:, 0] == 0] = 0
        return row.ravel()


def _colour_counts(image: Image) -> tuple[Floats, NDArray[np.int64]]:
    """The mean colours `(n, 3)` CIE Lab of the bins that hold pixels, and how many each holds."""
    numbers = bin_indices(image, "rgb", _CUBE).ravel()
    total = np.bincount(numbers)
    full = np.flatnonzero(total)
    sums = [np.bincount(numbers, image[:, :, channel].ravel())[full] for channel in range(3)]
    means = np.rint(np.stack(sums, 1) / total[full, None])
    return rgb_to_lab(means.astype(np.uint8)), total[full]


def _initial_centres(colours: NDArray[Any], weights: NDArray[Any], n_centres: int) -> NDArray[np.float64]:
    """Up to `n_centres` of the colours, frequent ones that are far from each other, `(k, 3)`."""
    chosen = [int(weights.argmax())]
    apart = np.full(len(colours), np.inf)
    while len(chosen) < n_centres:
        apart = np.minimum(apart, np.square(colours - colours[chosen[-1]]).sum(axis=1))
        if not apart.any():
            break
        chosen.append(int((weights * apart).argmax()))
    return np.asarray(colours[chosen], np.float64)


def _update_centres(
    colours: NDArray[Any], weights: NDArray[Any], nearest: NDArray[Any], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The weighted mean of the colours nearest to each centre; a centre without any stays, `(k, 3)`."""
    totals = np.bincount(nearest, weights, len(centres))
    sums = [np.bincount(nearest, weights * colours[:, channel], len(centres)) for channel in range(3)]
    held = totals > 0
    return np.where(held[:, None], np.stack(sums, 1) / np.where(held, totals, 1)[:, None], centres)
