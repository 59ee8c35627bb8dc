"""Colours and texture of the thing in the image and of its ground, apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._foreground import foreground
from nearsight.images.colour import to_grey
from nearsight.types import Descriptor, Floats, Image

_PATTERNS = 10
_NEIGHBOURS = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))


@dataclass(frozen=True)
class ContentSegmentation(Descriptor):
    """Colours and texture of what stands out in the image, and of the ground around it, each on its own.

    1. The thing is what stands out from the edges of the image, the ground is the rest; where nothing stands out,
       all of the image is thing and there is no ground.
    2. Colours of both: a histogram of hue, saturation and value over combined bins, with sum 1.
    3. Texture of both: a histogram of local binary patterns of the 8 pixels around each one, at the edges drawn out.
       Patterns with at most two changes around the circle are told apart by the number of pixels that are at least as
       light as the middle (0 to 8), all others are one (9): turning by right angles and mirroring change nothing.
    4. The row is colours and texture of the thing, then those of the ground, each times its weight. A part without
       pixels is all zeros.

    Parameters
    ----------
    bins : bins of hue, saturation and value, three whole numbers of 1 to 32
    thing : weight of the thing, 0 to 1; the ground has the rest
    texture : weight of the texture in each of the two, 0 to 1; colours have the rest

    Returns
    -------
    `(N, 2 * (bins[0] * bins[1] * bins[2] + 10)) float32`, each row 0 or larger with sum 1 where there are both parts

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    C. Carson, S. Belongie, H. Greenspan and J. Malik, Blobworld: Image Segmentation Using Expectation-Maximization
    and Its Application to Image Querying, IEEE TPAMI 24(8), 2002, doi:10.1109/TPAMI.2002.1023800. T. Ojala,
    M. Pietikäinen and T. Mäenpää, Multiresolution Gray-Scale and Rotation Invariant Texture Classification with Local
    Binary Patterns, IEEE TPAMI 24(7), 2002, doi:10.1109/TPAMI.2002.1017623.

    Notes
    -----
    Departures: the first paper finds any number of regions, of which the user picks one; here there are two, thing
    and ground, so that rows have one width. The second paper reads the diagonal neighbours between pixels, on a
    circle. The default weights ranked Corel-1k best.

    Examples
    --------
    >>> image = np.full((60, 80, 3), (0, 0, 255), np.uint8)
    >>> image[20:40, 20:60] = (255, 0, 0)
    >>> row = ContentSegmentation(bins=(3, 1, 1), thing=0.25, texture=0.0).describe([image])[0]
    >>> row[:3].round(2).tolist(), row[13:16].round(2).tolist()
    ([0.25, 0.0, 0.0], [0.0, 0.0, 0.75])
    """

    bins: tuple[int, int, int] = (8, 4, 4)
    thing: float = 0.3
    texture: float = 0.5

    side = 128
    metric = "jensen_shannon"

    def __post_init__(self) -> None:
        three = isinstance(self.bins, tuple) and len(self.bins) == 3
        if not three or not all(isinstance(count, int) and 1 <= count <= 32 for count in self.bins):
            raise ValueError(f"bins is a tuple of three whole numbers of 1 to 32; got {self.bins!r}")
        for name in ("thing", "texture"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a weight of 0 to 1; got {getattr(self, name)}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 2 * (self.bins[0] * self.bins[1] * self.bins[2] + _PATTERNS)

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: Image) -> Floats:
        mask = foreground(image)
        hsv, patterns = cv2.cvtColor(image, cv2.COLOR_RGB2HSV), _segmentation_lbp(to_grey(image))
        parts = []
        for part, weight in ((mask, self.thing), (~mask, 1 - self.thing)):
            colours = cv2.calcHist([hsv], [0, 1, 2], part.astype(np.uint8), list(self.bins), [0, 180, 0, 256, 0, 256])
            texture = np.bincount(patterns[part], minlength=_PATTERNS)
            share = weight / max(1, int(part.sum()))
            parts += [colours.ravel() * share * (1 - self.texture), texture * share * self.texture]
        return np.concatenate(parts).astype(np.float32)


def _segmentation_lbp(luma: NDArray[np.uint8]) -> NDArray[Any]:
    """The pattern 0 to 9 of each pixel, `(H, W)`."""
    height, width = luma.shape
    padded = np.pad(luma, 1, mode="edge")
    lighter = np.stack([padded[y : y + height, x : x + width] >= luma for y, x in _NEIGHBOURS])
    changes = (lighter != np.roll(lighter, 1, axis=0)).sum(axis=0)
    return np.where(changes <= 2, lighter.sum(axis=0), _PATTERNS - 1)
