"""The perceptual hash by wavelet transform."""

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
class WaveletHash(BitHash):
    """A hash of 64 bits of which half of each part of the image is lighter: the signs of its coarsest Haar wavelets.

    1. Luma, squashed to 4 `bits_side` pixels a side by area averaging, whole values 0..255.
    2. The Haar transform along both axes, down to a single mean; of it the `bits_side` coarsest wavelets along each
       axis, coarse before fine and left before right, those along y first.
    3. A bit is set where a coefficient is positive: where the left or upper half is the lighter one, or the one
       diagonal of a part lighter than the other.
    4. Bits are packed row by row, the first bit is the highest of the first byte.

    The constant term tells brightness only, and its bit is always 0. Coefficients are differences of sums of whole
    numbers, so nothing is set by rounding: a flat image of any colour has no bit set.

    Parameters
    ----------
    bits_side : coarsest wavelets kept along each axis: 4, 8, 16, 32 or 64; 8 makes 64 bits

    Returns
    -------
    `(N, bits_side**2 / 8) uint8`, to be compared by the number of differing bits

    Raises
    ------
    ValueError
        where `bits_side` is not one of these

    References
    ----------
    C. E. Jacobs, A. Finkelstein and D. H. Salesin, Fast Multiresolution Image Querying, SIGGRAPH 1995,
    doi:10.1145/218380.218454. R. Venkatesan, S.-M. Koon, M. H. Jakubowski and P. Moulin, Robust Image Hashing, ICIP
    2000, doi:10.1109/ICIP.2000.899541.

    Notes
    -----
    Departures: signs of the coarsest coefficients, not of the largest as in the first paper. Programs that call a
    hash by this name compare the approximation with its median; with Haar's wavelet these are the means of blocks,
    which is `block_mean_hash`.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(40, axis=0)
    >>> WaveletHash().describe([ramp, ramp[:, ::-1]]).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 0], [127, 0, 0, 0, 0, 0, 0, 0]]
    """

    def __post_init__(self) -> None:
        if self.bits_side not in (4, 8, 16, 32, 64):
            raise ValueError(f"bits_side is 4, 8, 16, 32 or 64; got {self.bits_side}")

    def bits(self, image: Image) -> NDArray[np.bool_]:
        """The bits of one image, row by row."""
        side = _OVERSAMPLING * self.bits_side
        wavelets = _haar_basis(self.bits_side, side)
        bits = wavelets @ resize_exact(to_grey(image), side, side) @ wavelets.T > 0
        bits[0, 0] = False
        return np.asarray(bits)


@lru_cache(maxsize=16)
def _haar_basis(n_wavelets: int, side: int) -> NDArray[np.int64]:
    """The first Haar wavelets on `side` places, `(n_wavelets, side)` of -1, 0 and 1; the first is all 1."""
    wavelets = np.zeros((n_wavelets, side), np.int64)
    wavelets[0] = 1
    for number in range(1, n_wavelets):
        parts = 1 << number.bit_length() - 1
        long = side // parts
        start = (number - parts) * long
        wavelets[number, start : start + long // 2] = 1
        wavelets[number, start + long // 2 : start + long] = -1
    return wavelets
