"""The average hash."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.hashes._bit_hash import BitHash
from nearsight.images.colour import resize_exact, to_grey
from nearsight.types import Image


@dataclass(frozen=True)
class AverageHash(BitHash):
    """A hash of 64 bits of where the image is lighter than its mean.

    1. Luma, squashed to `bits_side` x `bits_side` pixels by area averaging, whole values 0..255.
    2. A bit is set where a pixel lies above the mean of all of them.
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
    N. Krawetz, Looks Like It, The Hacker Factor Blog, 2011,
    https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    >>> AverageHash().describe([ramp, ramp[:, ::-1]]).tolist()
    [[15, 15, 15, 15, 15, 15, 15, 15], [240, 240, 240, 240, 240, 240, 240, 240]]
    """

    def bits(self, image: Image) -> NDArray[np.bool_]:
        """The bits of one image, row by row."""
        small = resize_exact(to_grey(image), self.bits_side, self.bits_side)
        return np.asarray(small > small.mean())
