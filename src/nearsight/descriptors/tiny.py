"""The tiny image: the image itself in very few pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nearsight.images.colour import resize_exact, to_grey
from nearsight.types import Descriptor, Floats, Image


@dataclass(frozen=True)
class Tiny(Descriptor):
    """The image itself in 32 x 32 pixels, with brightness and contrast normalized.

    1. The image is squashed to `square` x `square` pixels by area averaging, in colour or as luma.
    2. Its values, row by row and with the channels of a pixel side by side, are scaled to 0..1.
    3. Where `normalise` is set, their mean over all pixels and channels is subtracted and the rest scaled to norm 1:
       squared distances are then 2 - 2 correlation. A flat image has no contrast and becomes all zeros.

    Parameters
    ----------
    square : side of the tiny image in pixels, 1 to 256
    colour : keep red, green and blue; otherwise luma alone
    normalise : zero mean and unit norm; otherwise the raw values of 0..1

    Returns
    -------
    `(N, square**2 * (3 if colour else 1)) float32`

    Raises
    ------
    ValueError
        where `square` is out of its range

    References
    ----------
    A. Torralba, R. Fergus and W. T. Freeman, 80 Million Tiny Images: A Large Data Set for Nonparametric Object and
    Scene Recognition, IEEE TPAMI 30(11), 2008, doi:10.1109/TPAMI.2008.128.

    Notes
    -----
    Departures: the plain sum of squared differences only, without the warps and shifts of the paper, and no PCA before
    the search.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    >>> row = Tiny().describe([image])[0]
    >>> row.shape, round(float(np.square(row).sum()), 4)
    ((3072,), 1.0)
    """

    square: int = 32
    colour: bool = True
    normalise: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.square <= 256:
            raise ValueError(f"square is 1 to 256 pixels; got {self.square}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return self.square**2 * (3 if self.colour else 1)

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: Image) -> Floats:
        small = resize_exact(image if self.colour else to_grey(image), self.square, self.square)
        values = small.ravel() / 255
        if self.normalise:
            values -= small.mean() / 255
            values = np.zeros_like(values) if small.min() == small.max() else values / np.linalg.norm(values)
        return values.astype(np.float32)
