"""Laws' texture energy: how much of levels, edges, spots, waves and ripples there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.images.colour import to_grey
from nearsight.types import Descriptor, Floats, Image

_FLOOR = 0.1

KERNELS = {
    "L": (1, 4, 6, 4, 1),
    "E": (-1, -2, 0, 2, 1),
    "S": (-1, 0, 2, 0, -1),
    "W": (-1, 2, 0, -2, 1),
    "R": (1, -4, 6, -4, 1),
}
"""Level, edge, spot, wave and ripple."""

KERNEL_PAIRS = tuple((first, second) for number, first in enumerate("LESWR") for second in "LESWR"[number:])
"""The fifteen pairs of kernels without regard to their order: LL, LE, LS, ... RR."""


@dataclass(frozen=True)
class Laws(Descriptor):
    """The texture of an image: how much energy filters for levels, edges, spots, waves and ripples find.

    1. The mean of the `window` x `window` pixels around is taken from the luma of each pixel.
    2. The image is filtered with 25 kernels of 5 x 5 pixels: each of level (1 4 6 4 1), edge (-1 -2 0 2 1), spot
       (-1 0 2 0 -1), wave (-1 2 0 -2 1) and ripple (1 -4 6 -4 1) along y, with each along x, scaled so that none can
       exceed the grey values. Beyond the border the image is mirrored.
    3. Energy is the modulus of the answer, averaged over `window` x `window` pixels. Two kernels that differ only in
       the order of their axes are averaged, which leaves 15.
    4. Each energy gives its mean and its deviation over the image; with `compress`, each such value v becomes
       ln(1 + 10 v).

    Values are ordered by pair (LL, LE, LS, LW, LR, EE, ES, EW, ER, SS, SW, SR, WW, WR, RR), then mean and deviation.
    An image turned by a right angle or mirrored has the same row.

    Parameters
    ----------
    window : side of the window of the local mean and energy in pixels, an odd number of 3 to 63
    level : with LL, which mostly says how much contrast there is; otherwise the 14 others
    compress : logarithms; otherwise grey values

    Returns
    -------
    `(N, 2 * (15 if level else 14)) float32`, 0 or larger

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    K. I. Laws, Rapid Texture Identification, SPIE Image Processing for Missile Guidance, 1980, doi:10.1117/12.959169.

    Notes
    -----
    Departures: the paper labels each pixel by its energies; here their mean and deviation describe the whole image.

    Examples
    --------
    >>> stripes = np.tile(np.array([0, 0, 200, 200], np.uint8), (40, 10))
    >>> Laws().describe([np.repeat(stripes[:, :, None], 3, 2)]).shape
    (1, 30)
    """

    window: int = 15
    level: bool = True
    compress: bool = True

    metric = "l2"

    def __post_init__(self) -> None:
        if not 3 <= self.window <= 63 or self.window % 2 == 0:
            raise ValueError(f"window is an odd number of 3 to 63 pixels; got {self.window}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 2 * (len(KERNEL_PAIRS) - (not self.level))

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: Image) -> Floats:
        luma = to_grey(image).astype(np.float32)
        luma -= _box_blur(luma, self.window)
        pairs = KERNEL_PAIRS if self.level else KERNEL_PAIRS[1:]
        energies = (_box_blur(_laws_energy(luma, *pair), self.window) for pair in pairs)
        row = np.array([(energy.mean(), energy.std()) for energy in energies], np.float32).ravel()
        return np.log1p(row / np.float32(_FLOOR)) if self.compress else row


def _box_blur(values: Floats, window: int) -> Floats:
    return np.asarray(cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT), np.float32)


def _laws_energy(luma: Floats, first: str, second: str) -> Floats:
    """The modulus of the answers of a pair of kernels in both orders, their mean, `(H, W)`."""
    one = np.abs(_laws_response(luma, first, second))
    return np.asarray(one if first == second else (one + np.abs(_laws_response(luma, second, first))) / 2, np.float32)


def _laws_response(luma: Floats, along_y: str, along_x: str) -> Floats:
    down, across = (_normalise_kernel(KERNELS[name]) for name in (along_y, along_x))
    return np.asarray(cv2.sepFilter2D(luma, cv2.CV_32F, across, down, borderType=cv2.BORDER_REFLECT), np.float32)


def _normalise_kernel(kernel: tuple[int, ...]) -> NDArray[np.float32]:
    values = np.array(kernel, np.float32)
    return np.asarray(values / np.abs(values).sum(), np.float32)
