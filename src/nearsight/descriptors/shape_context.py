"""Shape contexts of the shape in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._foreground import foreground, outlines, resample_outline
from nearsight.types import Descriptor, Floats, Image

_NEAREST, _FARTHEST = 1 / 8, 2.0


@dataclass(frozen=True)
class ShapeContext(Descriptor):
    """How the outline of the shape in the image lies around each of its points, on average.

    1. The shape is what stands out from the edges of the image; where nothing does, all of the image. `points`
       points are taken at equal steps along all of its smoothed outlines, holes too.
    2. Around each point the others are counted by their distance, in `rings` bins on a logarithmic scale from 1/8 to
       2 of the mean distance of all pairs, and by their direction, in `sectors` bins from the direction of the
       outline there. Nearer and farther points count in the first and last ring.
    3. The row holds the mean of these histograms over the points, and then their standard deviation, each divided by
       the number of other points.

    Moving, scaling and turning leave the row as it is. It is meant for single things on an even ground; on other
    photographs the outline is a matter of chance.

    Parameters
    ----------
    points : points on the outlines, 8 to 400
    rings : bins of distance, 1 to 16
    sectors : bins of direction, 1 to 36; the first is centred on the direction of the outline

    Returns
    -------
    `(N, 2 * rings * sectors) float32` of 0 or larger; the first half, ring by ring, has sum 1

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    S. Belongie, J. Malik and J. Puzicha, Shape Matching and Object Recognition Using Shape Contexts, IEEE TPAMI
    24(4), 2002, doi:10.1109/34.993558.

    Notes
    -----
    Departures: the paper matches the points of two shapes one by one; a row of fixed width holds only mean and spread
    of their contexts. Directions are those relative to the tangent, which the paper offers for invariance to turning.

    Examples
    --------
    >>> image = np.full((60, 80, 3), 255, np.uint8)
    >>> image[20:40, 20:60] = 0
    >>> row = ShapeContext().describe([image])[0]
    >>> row.shape, round(float(row[:60].sum()), 4)
    ((120,), 1.0)
    """

    points: int = 100
    rings: int = 5
    sectors: int = 12

    side = 128
    metric = "l1"

    def __post_init__(self) -> None:
        for name, low, high in (("points", 8, 400), ("rings", 1, 16), ("sectors", 1, 36)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {low} to {high}; got {getattr(self, name)}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 2 * self.rings * self.sectors

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(foreground(image)) for image in images])

    def _vector(self, mask: NDArray[np.bool_]) -> Floats:
        places, tangents = _sample_outlines(outlines(mask), self.points)
        contexts = _shape_contexts(places, tangents, self.rings, self.sectors) / (self.points - 1)
        return np.concatenate([contexts.mean(axis=0), contexts.std(axis=0)]).astype(np.float32)


def _sample_outlines(
    curves: list[NDArray[np.complex128]], n_points: int
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """`n_points` places, shared among the lines by their lengths, and the direction of the line at each."""
    ends = np.rint(np.cumsum([len(line) for line in curves]) * (n_points / sum(map(len, curves)))).astype(int)
    shares = np.diff(ends, prepend=0)
    pieces = [resample_outline(line, share) for line, share in zip(curves, shares, strict=True) if share]
    tangents = [np.roll(piece, -1) - np.roll(piece, 1) for piece in pieces]
    return np.concatenate(pieces), np.concatenate(tangents)


def _shape_contexts(
    places: NDArray[np.complex128], tangents: NDArray[np.complex128], rings: int, sectors: int
) -> NDArray[np.float64]:
    """`(n, rings * sectors)`: the number of other places in each bin around each place."""
    count = len(places)
    away = places - places[:, None]
    far = np.abs(away)
    unit = far.sum() / (count * (count - 1)) or 1.0
    edges = np.geomspace(_NEAREST, _FARTHEST, rings + 1)[1:-1] * unit
    turns = np.angle(away * np.conj(tangents)[:, None]) / (2 * np.pi)
    bins = np.searchsorted(edges, far) * sectors + np.rint(turns * sectors).astype(int) % sectors
    bins += np.arange(count)[:, None] * rings * sectors
    others = ~np.eye(count, dtype=bool)
    return np.bincount(bins[others], minlength=count * rings * sectors).reshape(count, -1).astype(float)
