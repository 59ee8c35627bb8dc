"""Fourier descriptors of the outline of the shape in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._foreground import foreground, outlines, resample_outline
from nearsight.types import Descriptor, Floats, Image

_POINTS = 256


@dataclass(frozen=True)
class FourierContour(Descriptor):
    """The outline of the shape in the image as a sum of circles: how large each of them is.

    1. The shape is what stands out from the edges of the image; where nothing does, all of the image. Its longest
       outline is taken, without holes and smaller pieces.
    2. 256 points at equal steps along the smoothed outline are complex numbers z = x + iy.
    3. Their Fourier transform: the number at 0 is the place and left out; the moduli of those from -`harmonics` to
       `harmonics` do not know the start or the angle.
    4. They are divided by their norm, which takes the scale out. An outline of a single point is all zeros.

    Moving, scaling, turning and mirroring leave the row as it is. It is meant for single things on an even ground; on
    other photographs the outline is a matter of chance.

    Parameters
    ----------
    harmonics : circles kept in each sense of rotation, 1 to 64

    Returns
    -------
    `(N, 2 * harmonics) float32` of norm 1: -harmonics to -1, then 1 to harmonics

    Raises
    ------
    ValueError
        where `harmonics` is out of its range

    References
    ----------
    G. H. Granlund, Fourier Preprocessing for Hand Print Character Recognition, IEEE Transactions on Computers C-21(2),
    1972, doi:10.1109/TC.1972.5008926.

    Notes
    -----
    Departures: division by the norm of all circles and not by the first one, which can be next to 0; moduli alone.

    Examples
    --------
    >>> y, x = np.mgrid[:80, :80]
    >>> disc = np.where((x - 40) ** 2 + (y - 30) ** 2 < 400, 0, 255).astype(np.uint8)
    >>> row = FourierContour(harmonics=4).describe([np.dstack([disc] * 3)])[0]
    >>> row.round(2).tolist()
    [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    """

    harmonics: int = 16

    side = 128

    def __post_init__(self) -> None:
        if not 1 <= self.harmonics <= 64:
            raise ValueError(f"harmonics is 1 to 64; got {self.harmonics}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 2 * self.harmonics

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([_fourier_moduli(outlines(foreground(image))[0], self.harmonics) for image in images])


def _fourier_moduli(line: NDArray[np.complex128], harmonics: int) -> Floats:
    circles = np.abs(np.fft.fft(resample_outline(line, _POINTS)))
    kept = np.concatenate([circles[-harmonics:], circles[1 : harmonics + 1]])
    norm = np.linalg.norm(kept)
    return np.asarray(kept / norm if norm > 0 else kept, np.float32)
