"""Structure tensor texture: contrast, anisotropy and polarity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.images.colour import to_grey
from nearsight.types import Descriptor, Floats, Image

_DIRECTIONS = 12
_TINY = 1e-12


@dataclass(frozen=True)
class StructureTensor(Descriptor):
    """The texture of an image: how strong its contrast is, how directed, and whether it is edges or lines.

    1. Centred differences give the gradient of luma at each pixel, in grey values a pixel. All sums below are weighted
       by a Gaussian of `sigma` pixels around each pixel; beyond the border the image is mirrored.
    2. The structure tensor is the sum of the products of the gradient with itself; l1 >= l2 are its eigenvalues, and
       its main direction n is the eigenvector of l1.
    3. Contrast is the root of l1 + l2. Anisotropy is 1 - l2 / l1: 1 where all gradients are parallel.
    4. Polarity is the modulus of the sum of the gradients along n over the sum of their moduli: 1 at an edge, where all
       point the same way, 0 at a line or in a texture, where as many point back.
    5. Pixels are counted in classes of contrast, times `bins` of anisotropy, times `bins` of polarity; those below the
       first contrast in one class, as their directions are noise. Counts are divided by the number of pixels.

    The first value is that of the pixels without contrast; the others are ordered by contrast, anisotropy, polarity.
    An image turned by a right angle or mirrored has the same row.

    Parameters
    ----------
    sigma : of the Gaussian in pixels, 0.5 to 16
    contrasts : where each class of contrast begins, 1 to 8 rising numbers above 0, in grey values a pixel
    bins : of anisotropy and of polarity, 1 to 16

    Returns
    -------
    `(N, 1 + len(contrasts) * bins**2) float32`, each row with sum 1

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    C. Carson, S. Belongie, H. Greenspan and J. Malik, Blobworld: Image Segmentation Using Expectation-Maximization
    and Its Application to Image Querying, IEEE TPAMI 24(8), 2002, doi:10.1109/TPAMI.2002.1023800.

    Notes
    -----
    Departures: the paper picks a scale for each pixel, the first at which polarity has settled; here the scale is
    fixed. It multiplies anisotropy and polarity by contrast where the classes of contrast do their part here. For
    polarity n is rounded to the nearest of 12 directions, which changes it by 1 % at most where it is strong.

    Examples
    --------
    >>> edge = np.zeros((32, 32, 3), np.uint8)
    >>> edge[:, 16:] = 200
    >>> row = StructureTensor(contrasts=(5.0,), bins=2).describe([edge])[0]
    >>> int(row[1:].argmax())
    3
    """

    sigma: float = 2.0
    contrasts: tuple[float, ...] = (1.0, 3.0, 9.0, 27.0)
    bins: int = 4

    metric = "chi2"

    def __post_init__(self) -> None:
        if not 0.5 <= self.sigma <= 16:
            raise ValueError(f"sigma is 0.5 to 16 pixels; got {self.sigma}")
        some = isinstance(self.contrasts, tuple) and 1 <= len(self.contrasts) <= 8
        if not some or not all(low < high for low, high in pairwise((0, *self.contrasts, math.inf))):
            raise ValueError(f"contrasts are 1 to 8 rising numbers above 0; got {self.contrasts!r}")
        if not 1 <= self.bins <= 16:
            raise ValueError(f"bins is 1 to 16; got {self.bins}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 1 + len(self.contrasts) * self.bins**2

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: Image) -> Floats:
        contrast, anisotropy, polarity = texture_maps(image, self.sigma)
        classes = np.digitize(contrast, self.contrasts)
        first, second = (
            np.minimum(part * self.bins, self.bins - 1).astype(np.int64) for part in (anisotropy, polarity)
        )
        numbers = np.where(classes == 0, 0, 1 + ((classes - 1) * self.bins + first) * self.bins + second)
        return np.asarray(np.bincount(numbers.ravel(), minlength=self.size) / numbers.size, np.float32)


def texture_maps(image: Image, sigma: float) -> tuple[Floats, Floats, Floats]:
    """Contrast in grey values a pixel, anisotropy 0..1 and polarity 0..1 of each pixel, each `(H, W)`."""
    along_x, along_y = _tensor_gradient(to_grey(image))
    xx, yy, xy = (_blur_tensor(one, sigma) for one in (along_x * along_x, along_y * along_y, along_x * along_y))
    apart = np.hypot(xx - yy, 2 * xy)
    both = xx + yy
    # l1 and l2 are (both +- apart) / 2
    anisotropy = 2 * apart / np.maximum(both + apart, _TINY)
    directions = np.rint(np.arctan2(2 * xy, xx - yy) * (_DIRECTIONS / (2 * math.pi))).astype(np.int64) % _DIRECTIONS
    return np.sqrt(both), np.clip(anisotropy, 0, 1), _tensor_polarity(along_x, along_y, directions, sigma)


def _tensor_polarity(along_x: Floats, along_y: Floats, directions: NDArray[np.int64], sigma: float) -> Floats:
    """The polarity along the direction k * 180 / 12 degrees of each pixel, `(H, W)`."""
    angles = (np.arange(_DIRECTIONS) * (math.pi / _DIRECTIONS)).astype(np.float32)
    cosines, sines = np.cos(angles), np.sin(angles)
    sums = _blur_tensor(along_x, sigma) * cosines[directions] + _blur_tensor(along_y, sigma) * sines[directions]
    moduli = np.zeros_like(sums)
    for number, (cosine, sine) in enumerate(zip(cosines, sines, strict=True)):
        here = directions == number
        moduli[here] = _blur_tensor(np.abs(along_x * cosine + along_y * sine), sigma)[here]
    return np.asarray(np.clip(np.abs(sums) / np.maximum(moduli, _TINY), 0, 1), np.float32)


def _tensor_gradient(luma: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    padded = np.pad(luma.astype(np.float32), 1, mode="symmetric")
    along_x, along_y = padded[1:-1, 2:] - padded[1:-1, :-2], padded[2:, 1:-1] - padded[:-2, 1:-1]
    return np.asarray(along_x / 2, np.float32), np.asarray(along_y / 2, np.float32)


def _blur_tensor(values: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
