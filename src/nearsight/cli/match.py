"""match: whether two images show the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import BOX, OUTPUT, STANDARD_INPUT, JsonOption, read_image_argument
from nearsight.cli._printing import print_json
from nearsight.errors import UsageError
from nearsight.senses import COMPARING

if TYPE_CHECKING:
    from nearsight.types import Explanation

DRAWN = 640
"""The longest side of an image that is drawn."""


def match_command(
    a: Annotated[Path, typer.Argument(metavar="IMAGE", help="One image; - for standard input.")],
    b: Annotated[Path, typer.Argument(metavar="IMAGE", help="Another image.")],
    by: Annotated[
        str,
        typer.Option(metavar="SENSE", help="; ".join(f"{sense}: {line}" for sense, line in COMPARING.items()) + "."),
    ] = "copy",
    features: Annotated[
        str, typer.Option(metavar="RECIPE", help="Local features for --by object, such as akaze or orb.")
    ] = "sift(n=2000)",
    box: Annotated[
        str | None, typer.Option(metavar=BOX, help="Use only this part of the first image, in pixels.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw both images with their matches.", rich_help_panel=OUTPUT),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare two images, and draw what matches. Exit code 1: no match.

    By category there is no verdict: it prints their similarity, and draws the places that cause it.
    """
    from nearsight.applications.match import compare_images
    from nearsight.types.query import parse_box

    if a == b == STANDARD_INPUT:
        raise UsageError("one of two images comes by standard input; both are -")
    one, two = read_image_argument(a), read_image_argument(b)
    explanation, (first, second) = compare_images(one, two, by, features, parse_box(box))
    if out is not None:
        from PIL import Image as PillowImage

        from nearsight.geometry.drawing import draw_matches

        PillowImage.fromarray(draw_matches(first(DRAWN), second(DRAWN), explanation)).save(out)
    if json:
        print_json(_match_row(explanation))
    else:
        typer.echo(": ".join(part for part in (explanation.verdict, explanation.sentence) if part))
    if explanation.alike is False:
        raise typer.Exit(1)


def _match_row(explanation: Explanation) -> dict[str, Any]:
    places = explanation.query_points, explanation.hit_points, explanation.homography
    points, others, plane = (() if each is None else each.tolist() for each in places)
    shares = {"a_shares": explanation.query_shares, "b_shares": explanation.hit_shares}
    heat = {name: each.tolist() for name, each in shares.items() if each is not None}
    verdict = {"verdict": explanation.verdict, "why": explanation.sentence}
    return {**verdict, "a": points, "b": others, "homography": plane, **heat}


COMMANDS = {"match": (match_command, "nearsight match a.jpg b.jpg --out matched.png")}
