"""Colours picked from an image that is asked with: what an address asks, and the library's answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from fastapi import Depends, Query

from nearsight.applications.palette import colours
from nearsight.errors import UsageError
from nearsight.server.decoder import Rendered

MOST_POINTS = 64


@dataclass(frozen=True)
class Picking:
    """The colours at some points, in pixels of the upright image; without points, the main ones."""

    at: tuple[tuple[float, float], ...]
    count: int

    def of(self, kept: Rendered) -> dict[str, float]:
        """As `nearsight.colours`, from the pixels that are kept. UsageError where a point lies outside the image."""
        pixels = kept.pixels()
        across, down = pixels.shape[1] / kept.width, pixels.shape[0] / kept.height
        for x, y in self.at:
            if not (0 <= x < kept.width and 0 <= y < kept.height):
                size = f"{kept.width} x {kept.height}"
                raise UsageError(f"a point lies within the image of {size} pixels; got {x:g},{y:g}")
        return colours(pixels, [(x * across, y * down) for x, y in self.at], n_colours=self.count)


async def picking_of(
    at: Annotated[
        Sequence[str],
        Query(max_length=MOST_POINTS, description="x,y in pixels of the upright image; as often as wanted"),
    ] = (),
    count: Annotated[int, Query(ge=1, le=64, description="how many main colours, where no point is named")] = 5,
) -> Picking:
    """What an address asks."""
    return Picking(tuple(parse_point(text) for text in at), count)


def parse_point(text: str) -> tuple[float, float]:
    """`x,y` as a point. UsageError on anything else."""
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        raise UsageError(f"a point is two numbers, x,y; got {text[:60]!r}") from None
    return x, y


Picked: TypeAlias = Annotated[Picking, Depends(picking_of)]
