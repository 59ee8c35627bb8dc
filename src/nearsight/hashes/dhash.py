"""The difference hash."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.hashes._bit_hash import BitHash
from nearsight.images.colour import resize_exact, to_grey
from nearsight.types import Image


@dataclass(frozen=True)
class Dhash(BitHash):
    """A hash of 64 bits of where the image gets lighter from left to right.

    1. Luma, squashed to `bits_side` + 1 columns and `bits_side` rows by area averaging, whole values 0..255.
    2. A bit is set where a pixel is lighter than its left neighbour by at least one grey level.
    3. Bits are packed row by row, the first bit is the highest of the first byte.

    A flat image has no bit set.

    Parameters
    ----------
    bits_side : bits along each axis, a multiple of 4 from 4 to 64; 8 makes 64 bits

    Returns
    -------
    `(N, bits_side**2 / 8) uint8`, to be compared by the number of differing bits

    Raises
    ------
    ValueError
        where `bits_side` is out of its range

    References
    ----------
    N. Krawetz, Kind of Like That, The Hacker Factor Blog, 2013,
    https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html.

    Notes
    -----
    Departures: a set bit means lighter, not darker, than the left neighbour, as in most programs in use.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    >>> Dhash().describe([ramp, ramp[:, ::-1]]).tolist()
    [[255, 255, 255, 255, 255, 255, 255, 255], [0, 0, 0, 0, 0, 0, 0, 0]]
    """

    def bits(self, image: Image) -> NDArray[np.bool_]:
        """The bits of one image, row by row."""
        small = resize_exact(to_grey(image), self.bits_side + 1, self.bits_side)
        return small[:, 1:] > small[:, :-1]
