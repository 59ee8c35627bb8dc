"""Zernike moments of the shape in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb, factorial, pi

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._foreground import foreground
from nearsight.types import Descriptor, Floats, Image


@dataclass(frozen=True)
class Zernike(Descriptor):
    """The shape in the image as waves on a disc: the strengths of its Zernike moments.

    1. The shape is what stands out from the edges of the image, as a black-and-white mask; where nothing does, all
       of the image.
    2. The unit disc is laid about its centroid, just large enough for all of it.
    3. A moment is (n + 1) / π times the integral over the mask of R(ρ) exp(-i m θ), with Zernike's polynomial R of
       order n and repetition m. Sums over the pixels are formed from powers of x and y, which is the same value.
    4. Its modulus is kept for n = 0 to `order` and m = n, n - 2, ... down to 0 or 1, without (1, 1), which is 0.

    Moving, scaling, turning and mirroring leave the row as it is. It is meant for single things on an even ground; on
    other photographs the mask is a matter of chance.

    Parameters
    ----------
    order : largest order n, 2 to 12

    Returns
    -------
    `(N, size) float32` of 0 or larger; 24 values for order 8, the first is the share of the disc that is filled

    Raises
    ------
    ValueError
        where `order` is out of its range

    References
    ----------
    A. Khotanzad and Y. H. Hong, Invariant Image Recognition by Zernike Moments, IEEE TPAMI 12(5), 1990,
    doi:10.1109/34.55109.

    Notes
    -----
    Departures: the paper scales the shape to a fixed area, here the disc fits the shape, so that nothing of it can
    lie outside.

    Examples
    --------
    >>> image = np.full((60, 80, 3), 255, np.uint8)
    >>> image[20:40, 20:60] = 0
    >>> rows = Zernike().describe([image, image.transpose(1, 0, 2)])
    >>> rows.shape, bool(np.allclose(rows[0], rows[1], atol=0.01))
    ((2, 24), True)
    """

    order: int = 8

    side = 128

    def __post_init__(self) -> None:
        if not 2 <= self.order <= 12:
            raise ValueError(f"order is 2 to 12; got {self.order}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return len(_orders_and_repetitions(self.order))

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([_zernike_moduli(foreground(image), self.order) for image in images])


def _zernike_moduli(mask: NDArray[np.bool_], order: int) -> Floats:
    ys, xs = np.nonzero(mask)
    middle = ys.mean(), xs.mean()
    radius = np.hypot(ys - middle[0], xs - middle[1]).max() + 0.5
    powers = [
        ((np.arange(count) - at)[:, None] / radius) ** np.arange(order + 1)
        for count, at in zip(mask.shape, middle, strict=True)
    ]
    moments = powers[1].T @ mask.T.astype(float) @ powers[0] / radius**2
    return np.asarray(np.abs(np.tensordot(_zernike_polynomials(order), moments, 2)), np.float32)


@lru_cache(maxsize=16)
def _orders_and_repetitions(order: int) -> tuple[tuple[int, int], ...]:
    """Order and repetition of each value."""
    every = [(n, m) for n in range(order + 1) for m in range(n, -1, -2)]
    return tuple(pair for pair in every if pair != (1, 1))


@lru_cache(maxsize=16)
def _zernike_polynomials(order: int) -> NDArray[np.complex128]:
    """What x^p y^q counts in each moment, `(size, order + 1, order + 1)`."""
    table = np.zeros((len(_orders_and_repetitions(order)), order + 1, order + 1), complex)
    for moment, (n, m) in zip(table, _orders_and_repetitions(order), strict=True):
        for s in range((n - m) // 2 + 1):
            radial = (-1) ** s * factorial(n - s) / factorial(s)
            radial /= factorial((n + m) // 2 - s) * factorial((n - m) // 2 - s)
            _add_term(moment, (n + 1) / pi * radial, (n - m) // 2 - s, m)
    return table


def _add_term(moment: NDArray[np.complex128], factor: float, squares: int, turns: int) -> None:
    """Add factor (x^2 + y^2)^squares (x - iy)^turns."""
    for a in range(squares + 1):
        for b in range(turns + 1):
            part = comb(squares, a) * comb(turns, b) * (-1j) ** b
            moment[2 * (squares - a) + turns - b, 2 * a + b] += factor * part
