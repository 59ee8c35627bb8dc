"""Colours picked from an image: those at some points of it, or the main ones, as `search(colours=...)` takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._colour_space import lab_to_rgb
from nearsight.descriptors.dominant_colours import DominantColours
from nearsight.errors import UsageError
from nearsight.images.decode import DecodedImage, open_image
from nearsight.types import Box, ImageSource

RADIUS = 2
"""Pixels around a point that are averaged: five by five, so that noise is no colour."""


def colours(
    image: ImageSource,
    at: Sequence[tuple[float, float]] = (),
    *,
    n_colours: int = 5,
    box: Box | None = None,
) -> dict[str, float]:
    """Colours of an image with their shares, `{"#cc3333": .6, ...}`, the largest share first.

    Parameters
    ----------
    image : as `Collection.search` takes it
    at : points x, y in pixels of the upright image: the mean colours of 5 x 5 pixels around them, in equal shares
    n_colours : without points: the number of main colours, 1 to 64, by `dominant_colours`
    box : without points: x0, y0, x1, y1, the part whose main colours are wanted

    Raises
    ------
    ImageError
        where the image cannot be read
    UsageError
        where a point lies outside the image, both points and a box are given, or `n_colours` is out of range
    """
    if not 1 <= n_colours <= 64:
        raise UsageError(f"n_colours is 1 to 64; got {n_colours}")
    if at and box:
        raise UsageError("colours are picked at points or in a box, not both")
    shown = open_image(image, full=bool(at or box))
    if at:
        picked = [_mean_colour_around(shown, x, y) for x, y in at]
        return _by_share({name: picked.count(name) / len(picked) for name in picked})
    extractor = DominantColours(n_colours)
    row = extractor.describe([shown.render(extractor.side, box)])[0].reshape(-1, 4)
    shares: dict[str, float] = {}
    for share, colour in zip(row[:, 0].tolist(), lab_to_rgb(row[:, 1:]), strict=True):
        if share > 0:
            shares[_to_hex(colour)] = shares.get(_to_hex(colour), 0) + share
    return _by_share(shares)


def _by_share(shares: dict[str, float]) -> dict[str, float]:
    """The colours by falling share; those of equal shares stay in their order."""
    return dict(sorted(shares.items(), key=lambda each: -each[1]))


def _mean_colour_around(image: DecodedImage, x: float, y: float) -> str:
    """The mean colour around a point."""
    if not (0 <= x < image.width and 0 <= y < image.height):
        raise UsageError(f"a point lies within the image of {image.width} x {image.height} pixels; got {x:g},{y:g}")
    left, top = max(0.0, x - RADIUS), max(0.0, y - RADIUS)
    box = (left, top, min(x + RADIUS + 1, image.width), min(y + RADIUS + 1, image.height))
    return _to_hex(image.render(1, box)[0, 0])


def _to_hex(colour: NDArray[np.uint8]) -> str:
    return "#" + bytes(colour.tolist()).hex()
