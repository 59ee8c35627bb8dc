"""Colours picked from an image: query parameters, and the call of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Query

from nearsight.applications.palette import colours
from nearsight.errors import UsageError
from nearsight.server.decoder import RenderedImage

MAX_POINTS = 64


@dataclass(frozen=True)
class ColourPick:
    """Points in pixels of the upright image; without points, the number of main colours."""

    at: tuple[tuple[float, float], ...]
    count: int

    def read_colours(self, image: RenderedImage) -> dict[str, float]:
        """Return colours with shares, as `nearsight.colours`. UsageError for a point outside the image."""
        pixels = image.pixels()
        x_scale, y_scale = pixels.shape[1] / image.width, pixels.shape[0] / image.height
        for x, y in self.at:
            if not (0 <= x < image.width and 0 <= y < image.height):
                size = f"{image.width} x {image.height}"
                raise UsageError(f"a point must be inside the image of {size} pixels; got {x:g},{y:g}")
        return colours(pixels, [(x * x_scale, y * y_scale) for x, y in self.at], n_colours=self.count)


async def read_colour_pick(
    at: Annotated[
        Sequence[str],
        Query(max_length=MAX_POINTS, description="x,y in pixels of the upright image; repeatable"),
    ] = (),
    count: Annotated[int, Query(ge=1, le=64, description="number of main colours, without points")] = 5,
) -> ColourPick:
    """Read the query parameters of a colour pick."""
    return ColourPick(tuple(parse_point(text) for text in at), count)


def parse_point(text: str) -> tuple[float, float]:
    """Parse `x,y` as a point. UsageError on anything else."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise UsageError(f"a point is two numbers, x,y; got {text[:60]!r}") from None
    return x, y


ColourPickParam: TypeAlias = Annotated[ColourPick, Depends(read_colour_pick)]
