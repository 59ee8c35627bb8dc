"""The quadratic-form distance of palettes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.metrics._histograms import check_nonnegative
from nearsight.types import Floats, Metric
from nearsight.types.metric import check_widths, distances_in_blocks


@dataclass(frozen=True)
class PaletteDistance(Metric):
    """How much of which colour two palettes have, where near colours count as partly the same.

    1. A row is k times share, L*, a*, b*. Two colours at distance d are alike by exp(-d / `reach`).
    2. The distance is the root of q' A q + r' A r - 2 q' A r over the shares q and r, with A the alikeness of their
       colours. With this A it is a norm, so it obeys the triangle inequality.

    The order of the colours does not count, and neither do colours with share 0. Palettes without anything in common
    are at about the root of the sums of their squared shares; two far flat colours at the root of 2.

    Parameters
    ----------
    reach : in units of Lab (about 2 are just visible, black to white is 100), above 0

    Returns
    -------
    `(Q, N) float32` of 0 to the root of 2 for shares of sum 1; the similarity is 1 / (1 + distance)

    Raises
    ------
    ValueError
        where `reach` is not above 0, the queries and the rows are not matrices of one width, that width is no
        multiple of 4, or a share is negative

    References
    ----------
    Y. Deng, B. S. Manjunath, C. Kenney, M. S. Moore and H. Shin, An Efficient Color Representation for Image
    Retrieval, IEEE Transactions on Image Processing 10(1), 2001, doi:10.1109/83.892450.

    Notes
    -----
    Departures: the paper's alikeness falls in a straight line to 0 at a fixed distance and it leaves out the colours
    of one palette among each other, which can make the square negative; this one cannot be.

    Examples
    --------
    >>> black, white = np.float32([[1, 0, 0, 0]]), np.float32([[1, 100, 0, 0]])
    >>> PaletteDistance(reach=25).distances(black, np.vstack([black, white])).round(2).tolist()
    [[0.0, 1.399999976158142]]
    """

    reach: float = 25.0

    symbol = "palette"

    def __post_init__(self) -> None:
        if not 0 < self.reach < np.inf:
            raise ValueError(f"reach is above 0 and finite; got {self.reach}")

    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32`."""
        check_widths(queries, rows)
        if queries.shape[1] % 4:
            raise ValueError(f"a palette is k times share, L*, a*, b*; got rows of {queries.shape[1]} values")
        return distances_in_blocks(lambda block: self._palette_distances(queries, block), queries, rows)

    def _palette_distances(self, queries: NDArray[Any], block: NDArray[Any]) -> NDArray[np.float64]:
        shares, colours = _shares_and_colours(block)
        stored = self._self_similarity(shares, colours)
        squares = np.empty((len(queries), len(block)))
        for number, (weights, places) in enumerate(zip(*_shares_and_colours(queries), strict=True)):
            both = (
                weights
                @ self._colour_similarity(scipy.spatial.distance.cdist(places, colours.reshape(-1, 3)))
                * shares.ravel()
            )
            squares[number] = (
                self._self_similarity(weights[None], places[None]) + stored - 2 * both.reshape(len(block), -1).sum(1)
            )
        return np.sqrt(np.maximum(squares, 0))

    def _self_similarity(self, shares: NDArray[np.float64], colours: NDArray[np.float64]) -> NDArray[np.float64]:
        """The quadratic form of each palette with itself, `(n,)`."""
        apart = np.linalg.norm(colours[:, :, None] - colours[:, None], axis=3)
        return np.asarray(np.einsum("ni,nij,nj->n", shares, self._colour_similarity(apart), shares))

    def _colour_similarity(self, colour_distances: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.exp(colour_distances / -self.reach))


def _shares_and_colours(rows: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shares `(n, k)` and the colours `(n, k, 3)` of palettes."""
    palettes = rows.astype(np.float64).reshape(len(rows), -1, 4)
    check_nonnegative(palettes[:, :, 0])
    return palettes[:, :, 0], palettes[:, :, 1:]
