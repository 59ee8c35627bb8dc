"""The block mean hash."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.hashes._bit_hash import BitHash
from nearsight.images.colour import resize_exact, to_grey
from nearsight.types import Image

_BLOCK = 16


@dataclass(frozen=True)
class BlockMeanHash(BitHash):
    """A hash of 256 bits of which parts of the image are lighter than the middle one of them.

    1. Luma, squashed to 16 `bits_side` pixels a side by area averaging, whole values 0..255.
    2. It is cut into `bits_side` x `bits_side` blocks of 16 x 16 pixels, and each is averaged.
    3. A bit is set where the mean of a block is not below the median of all of them.
    4. Bits are packed row by row, the first bit is the highest of the first byte.

    Sums of a block are whole numbers, so equal blocks are exactly equal: a flat image has all bits set.

    Parameters
    ----------
    bits_side : blocks along each axis, a multiple of 4 from 4 to 64; 16 makes 256 bits

    Returns
    -------
    `(N, bits_side**2 / 8) uint8`, to be compared by the number of differing bits

    Raises
    ------
    ValueError
        where `bits_side` is out of its range

    References
    ----------
    B. Yang, F. Gu and X. Niu, Block Mean Value Based Image Perceptual Hashing, IIH-MSP 2006,
    doi:10.1109/IIH-MSP.2006.265125.

    Notes
    -----
    The first of the paper's four methods. Departures: blocks are not shuffled by a secret key.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    >>> BlockMeanHash(bits_side=4).describe([ramp, ramp[:, ::-1]]).tolist()
    [[51, 51], [204, 204]]
    """

    bits_side: int = 16

    def bits(self, image: Image) -> NDArray[np.bool_]:
        """The bits of one image, row by row."""
        count, side = self.bits_side, self.bits_side * _BLOCK
        luma = resize_exact(to_grey(image), side, side)
        sums = luma.reshape(count, _BLOCK, count, _BLOCK).sum(axis=(1, 3), dtype=np.int64)
        return np.asarray(sums >= np.median(sums))
