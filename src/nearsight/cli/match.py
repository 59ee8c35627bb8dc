"""match, describe, colours, recipes: looking at single images and at methods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.cli._options import Json, box_of
from nearsight.cli._printing import print_json, shown
from nearsight.errors import UsageError
from nearsight.senses import COMPARING

if TYPE_CHECKING:
    pass


DRAWN = 640
"""The longest side of an image that is drawn."""


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: nearsight match a.jpg b.jpg --out matched.png")(match)
    app.command(epilog="Example: nearsight describe a.jpg b.jpg --recipe gist --out rows.npy")(describe)
    app.command(epilog="Example: nearsight colours found.jpg --at 120,80 --at 300,40")(colours)
    app.command(epilog="Example: nearsight recipes gist")(recipes)


def match(
    a: Annotated[Path, typer.Argument(help="One image.")],
    b: Annotated[Path, typer.Argument(help="Another image.")],
    by: Annotated[
        str,
        typer.Option(help="; ".join(f"{sense}: {line}" for sense, line in COMPARING.items()) + "."),
    ] = "copy",
    features: Annotated[
        str, typer.Option(help="For object: what finds the points, such as akaze or orb.")
    ] = "sift(n=2000)",
    box: Annotated[str | None, typer.Option(help="x0,y0,x1,y1: only this part of A, in pixels.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write both with the matched points drawn, or the places that are alike.")
    ] = None,
    json: Json = False,
) -> None:
    """Say whether two images show the same, and draw what matches. Exit code 1: they do not.

    By category nothing is judged: it says how alike they are, and draws which places make it so.
    """
    from nearsight.applications.match import compare_images

    explanation, (first, second) = compare_images(a, b, by, features, box_of(box))
    if out is not None:
        from PIL import Image as PillowImage

        from nearsight.geometry.drawing import draw_matches

        PillowImage.fromarray(draw_matches(first(DRAWN), second(DRAWN), explanation)).save(out)
    if json:
        places = explanation.query_points, explanation.hit_points, explanation.homography
        points, others, plane = (() if each is None else each.tolist() for each in places)
        said = {"verdict": explanation.verdict, "why": explanation.sentence}
        shares = {"a_shares": explanation.query_shares, "b_shares": explanation.hit_shares}
        heat = {name: each.tolist() for name, each in shares.items() if each is not None}
        print_json({**said, "a": points, "b": others, "homography": plane, **heat})
    else:
        typer.echo(": ".join(part for part in (explanation.verdict, explanation.sentence) if part))
    if explanation.alike is False:
        raise typer.Exit(1)


def describe(
    images: Annotated[list[Path], typer.Argument(help="Images.")],
    recipe: Annotated[str, typer.Option(help="A recipe that starts with a descriptor.")] = "gist",
    out: Annotated[Path | None, typer.Option(help="Write the rows as .npy instead of printing them.")] = None,
    json: Json = False,
) -> None:
    """Describe images by any descriptor on its own: one row each."""
    import numpy as np

    import nearsight as ns

    rows = ns.describe(images, recipe)
    if out is not None:
        np.save(out, rows, allow_pickle=False)
        typer.echo(f"{rows.shape[0]} rows of {rows.shape[1]} {rows.dtype} in {out}")
    elif json:
        print_json([{"path": str(p), "row": row.tolist()} for p, row in zip(images, rows, strict=True)])
    else:
        for image, row in zip(images, rows, strict=True):
            typer.echo("\t".join([shown(str(image)), *(f"{value:.6g}" for value in row.tolist())]))


def recipes(
    name: Annotated[str | None, typer.Argument(help="A sense or a method; all of them where it is left out.")] = None,
    json: Json = False,
) -> None:
    """List the senses and every method that a recipe can name, or show the help of one."""
    from nearsight.cli.recipes import all_methods, help_of, method_row, say_left_out

    if name is not None:
        typer.echo("" if json else help_of(name), nl=not json)
        if json:
            print_json(method_row(name))
    elif json:
        from nearsight.registry import methods

        print_json([method_row(each) for each in methods()])
    else:
        all_methods()
    say_left_out(name)


def colours(
    image: Annotated[Path, typer.Argument(help="An image.")],
    at: Annotated[list[str] | None, typer.Option(help="x,y in pixels: the colour there; may be repeated.")] = None,
    count: Annotated[int, typer.Option("-n", min=1, max=64, help="Without --at: how many main colours.")] = 5,
    box: Annotated[str | None, typer.Option(help="x0,y0,x1,y1: the main colours of this part, in pixels.")] = None,
    json: Json = False,
) -> None:
    """Pick colours from an image, its main ones or those at some points, as `search --colour` takes them."""
    import nearsight as ns

    picked = ns.colours(image, [_point(each) for each in at or ()], n_colours=count, box=box_of(box))
    if json:
        print_json(picked)
    else:
        typer.echo(",".join(f"{name}:{share:.3g}" for name, share in picked.items()))


def _point(text: str) -> tuple[float, float]:
    try:
        x, y = (float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f'--at takes x,y in pixels, such as 120,80; got "{text}"') from None
    return x, y
