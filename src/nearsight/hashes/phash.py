"""The perceptual hash by cosine transform."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nearsight.hashes._bit_hash import BitHash
from nearsight.images.colour import resize_exact, to_grey
from nearsight.types import Image

_OVERSAMPLING = 4


@dataclass(frozen=True)
class Phash(BitHash):
    """A hash of 64 bits that survives re-encoding and resizing: the signs of the lowest cosine frequencies.

    1. Luma, squashed to 4 `bits_side` pixels a side by area averaging, whole values 0..255.
    2. Two-dimensional DCT-II; of it the `bits_side` x `bits_side` lowest frequencies, vertical frequency first.
    3. A bit is set where a coefficient lies above the median of the block without its constant term.
    4. Bits are packed row by row, the first bit is the highest of the first byte.

    The constant term tells brightness only, and its bit is always 0. Coefficients are rounded to 6 decimals, so what
    is 0 in theory is never set by rounding: a flat image of any colour has no bit set.

    Parameters
    ----------
    bits_side : lowest frequencies kept along each axis, a multiple of 4 from 4 to 64; 8 makes 64 bits

    Returns
    -------
    `(N, bits_side**2 / 8) uint8`, to be compared by the number of differing bits

    Raises
    ------
    ValueError
        where `bits_side` is out of its range

    References
    ----------
    C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, diploma thesis, Upper Austria
    University of Applied Sciences, Hagenberg, 2010.

    Notes
    -----
    Departures: the block starts at the constant term and not at frequency (1, 1), so that purely horizontal and
    vertical frequencies count, as in most programs in use; area averaging in place of a 7 x 7 mean filter.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    >>> Phash().describe([ramp, ramp[:, ::-1]]).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 0], [85, 0, 0, 0, 0, 0, 0, 0]]
    """

    def bits(self, image: Image) -> NDArray[np.bool_]:
        """The bits of one image, row by row."""
        side = _OVERSAMPLING * self.bits_side
        cosines = _dct_basis(self.bits_side, side)
        block = np.round(cosines @ resize_exact(to_grey(image), side, side) @ cosines.T, 6).ravel()
        bits = block > np.median(block[1:])
        bits[0] = False
        return np.asarray(bits)


@lru_cache(maxsize=16)
def _dct_basis(n_waves: int, side: int) -> NDArray[np.float64]:
    """The first `n_waves` waves of the DCT-II of `side` values, `(count, side)`."""
    return np.cos(np.pi * np.outer(np.arange(n_waves), np.arange(side) + 0.5) / side)
