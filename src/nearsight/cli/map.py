"""map: all images of a collection in two dimensions."""

from __future__ import annotations

import base64
import hashlib
import json as json_module
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nearsight.cli._options import (
    HERE,
    OUTPUT,
    CollectionOption,
    HtmlOption,
    IndexedArgument,
    JsonOption,
    WhereOption,
)
from nearsight.cli._printing import print_json
from nearsight.senses import NAMES
from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.types import Image

SIDE = 128
"""The longest side of an image on the page."""

ThumbnailsOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--thumbnails",
        min=0,
        metavar="N",
        help="Number of images on the page (5 kB each); the rest are dots.",
        rich_help_panel=OUTPUT,
    ),
]


def map_command(
    folder: IndexedArgument = HERE,
    by: Annotated[str | None, typer.Option(metavar="SENSE", help=f"Similarity mode: {NAMES}. [default: copy]")] = None,
    recipe: Annotated[str | None, typer.Option(metavar="RECIPE", help="A recipe instead of a sense.")] = None,
    where: WhereOption = "",
    html: HtmlOption = None,
    thumbnails: ThumbnailsOption = 1500,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Lay out all images in 2D, similar ones near each other.

    Prints the position of each, x and y in 0..1, and how well two dimensions preserve the distances. Exit code 1:
    there are no images.
    """
    import nearsight as ns

    photos = ns.open(folder, collection=collection)
    found = photos.map(by, recipe=recipe, where=where)
    if html is not None:
        title = map_title(photos, photos.pipeline(by, recipe).name, where)
        html.write_text(map_page(photos, found, title, thumbnails), "utf8")
    if json:
        print_json({**found.summary(), "images": _map_command_rows(found)})
    elif html is not None:
        typer.echo(f"{plural(len(found), 'image')} laid out; {quality_sentence(found)}")
        typer.echo(f"the page: {to_printable(str(html))}")
    else:
        for row in _map_command_rows(found):
            typer.echo(f"{row['x']:.4f}  {row['y']:.4f}  {to_printable(str(row['path']))}")
        typer.echo(quality_sentence(found), err=True)
    if not len(found):
        raise typer.Exit(1)


def _map_command_rows(found: ns.Map) -> list[dict[str, int | float | str]]:
    places = zip(found.ids.tolist(), found.paths, found.positions.tolist(), strict=True)
    return [{"id": image_id, "path": path, "x": round(x, 5), "y": round(y, 5)} for image_id, path, (x, y) in places]


def map_title(photos: ns.Collection, by: str, where: str) -> str:
    """Return the heading of the page."""
    name = photos.root.name or str(photos.root)
    return to_printable(f"{name} by {by}{f', where {where}' if where else ''}")


def quality_sentence(found: ns.Map) -> str:
    """Return how well the map preserves distances and neighbours."""
    return (
        f"two dimensions explain {found.explained:.0%} of the distances (stress {found.stress:.2f}); trustworthiness "
        f"of neighbours on the map: {found.trustworthiness:.2f} (1: all true, 0.5: chance)"
    )


def map_page(photos: ns.Collection, found: ns.Map, name: str, thumbnails: int) -> str:
    """Return a page that loads nothing; the first `thumbnails` images are in it.

    Names are data in it, never markup, and only its own script may run: the policy names that script's digest.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    sources = files("nearsight.cli")
    script = "\n" + "\n".join(sources.joinpath(each).read_text("utf8") for each in ("map.js", "map_page.js"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(sources.joinpath("map.html").read_text("utf8")).render(
        title=name,
        line=_map_line(len(found), min(thumbnails, len(found))),
        honest=quality_sentence(found)[:1].upper() + quality_sentence(found)[1:] + ".",
        made="classical" if found.landmarks == len(found) else plural(found.landmarks, "landmark"),
        metric=found.metric.replace("_", " "),
        recipe=found.recipe,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        places=Markup(_inert_map_json(_map_places(photos, found, thumbnails))),  # noqa: S704 - no < is in it
        script=Markup(script),  # noqa: S704 - our own
    )


def _map_line(count: int, held: int) -> str:
    line = f"{plural(count, 'image')}; similar ones lie near each other."
    if held == count:
        return f"{line} Where they are crowded, some are dots: zoom in to see them."
    shown = f"{held:,} of them, chosen at random, {'is' if held == 1 else 'are'} shown"
    others = "one is a dot with its name" if count - held == 1 else f"{count - held:,} are dots with names"
    return f"{line} {shown}; the other {others}."


def _map_places(photos: ns.Collection, found: ns.Map, thumbnails: int) -> list[list[float | str]]:
    """Return x, y, width / height, the image (empty for a dot) and the name of each place."""
    rows: list[list[float | str]] = []
    for at, (image_id, path, (x, y)) in enumerate(
        zip(found.ids.tolist(), found.paths, found.positions.tolist(), strict=True)
    ):
        ratio, image = _encode_thumbnail(photos.thumbnail(image_id)) if at < thumbnails else (1.0, "")
        rows.append([round(x, 5), round(y, 5), ratio, image, to_printable(path)])
    return rows


def _encode_thumbnail(stored: bytes) -> tuple[float, str]:
    """Return the aspect ratio of a stored thumbnail, and a smaller one as a data address."""
    from nearsight.images import thumbnail

    small = _shrink_map(thumbnail.decode(stored))
    made = "data:image/jpeg;base64," + base64.b64encode(thumbnail.encode(small)).decode()
    return round(small.shape[1] / small.shape[0], 3), made


def _shrink_map(image: Image) -> Image:
    import cv2

    height, width = image.shape[:2]
    share = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    made: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return made


def _inert_map_json(value: object) -> str:
    """Return JSON that no page takes for markup."""
    return json_module.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


COMMANDS = {"map": (map_command, "nearsight map ~/photos --by colour --html map.html")}
