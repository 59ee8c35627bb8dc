"""colours: the colours of an image, for a search by colour."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import BOX, JsonOption, read_image_argument
from nearsight.cli._printing import print_json
from nearsight.errors import UsageError


def colours_command(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image; - for standard input.")],
    at: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="Pick the colour at this pixel; may be repeated.")
    ] = None,
    count: Annotated[
        int, typer.Option("-n", min=1, max=64, metavar="N", help="Number of main colours, without --at.")
    ] = 5,
    box: Annotated[str | None, typer.Option(metavar=BOX, help="Main colours of this part only, in pixels.")] = None,
    json: JsonOption = False,
) -> None:
    """Pick colours from an image, as `search --colour` takes them.

    Its main colours, or those at given pixels.
    """
    import nearsight as ns
    from nearsight.types.query import parse_box

    points = [_parse_colours_point(each) for each in at or ()]
    picked = ns.colours(read_image_argument(image), points, n_colours=count, box=parse_box(box))
    if json:
        print_json(picked)
    else:
        typer.echo(",".join(f"{name}:{share:.3g}" for name, share in picked.items()))


def _parse_colours_point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f'--at takes x,y in pixels, such as 120,80; got "{text}"') from None
    return x, y


COMMANDS = {"colours": (colours_command, "nearsight colours found.jpg --at 120,80 --at 300,40")}
