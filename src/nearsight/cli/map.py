"""map: a collection laid out in a plane."""

from __future__ import annotations

import base64
import hashlib
import json as json_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.cli._options import Collection, Here, Json
from nearsight.cli._printing import print_json, shown
from nearsight.senses import NAMES

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.types import Image

SIDE = 128
"""The longest side of an image on the page."""

Folder = Annotated[Path, typer.Argument(help="A folder that is indexed, or lies in one; the current one by default.")]
Thumbnails = Annotated[
    int, typer.Option("--thumbnails", min=0, help="How many images the page holds (5 kB each); the rest are dots.")
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("map", epilog="Example: nearsight map ~/photos --by colour --html map.html")(map_)


def map_(
    folder: Folder = Here,
    by: Annotated[str | None, typer.Option(help=f"The sense of alike: {NAMES}. [default: copy]")] = None,
    recipe: Annotated[str | None, typer.Option(help="A recipe instead of a sense.")] = None,
    where: Annotated[
        str, typer.Option(help="Only images of which this holds: \"taken >= 2012 and folder like 'moscow/%'\".")
    ] = "",
    html: Annotated[Path | None, typer.Option(help="Write one page with the images at their places.")] = None,
    thumbnails: Thumbnails = 1500,
    collection: Collection = None,
    json: Json = False,
) -> None:
    """Lay the images out so that those that are alike lie near each other. Exit code 1: there are none.

    Prints the place of each, x and y in 0..1, and how much of the distances two dimensions can show.
    """
    import nearsight as ns

    photos = ns.open(folder, collection=collection)
    found = photos.map(by, recipe=recipe, where=where)
    if html is not None:
        html.write_text(page(photos, found, title(photos, photos.pipeline(by, recipe).name, where), thumbnails), "utf8")
    if json:
        print_json({**found.summary(), "images": _rows(found)})
    elif html is not None:
        typer.echo(f"{len(found):,} images laid out; {honest(found)}")
        typer.echo(f"the page: {shown(str(html))}")
    else:
        for row in _rows(found):
            typer.echo(f"{row['x']:.4f}  {row['y']:.4f}  {shown(str(row['path']))}")
        typer.echo(honest(found), err=True)
    if not len(found):
        raise typer.Exit(1)


def _rows(found: ns.Map) -> list[dict[str, int | float | str]]:
    places = zip(found.ids.tolist(), found.paths, found.positions.tolist(), strict=True)
    return [{"id": ident, "path": path, "x": round(x, 5), "y": round(y, 5)} for ident, path, (x, y) in places]


def title(photos: ns.Collection, by: str, where: str) -> str:
    """What the map is of, in a line."""
    name = photos.root.name or str(photos.root)
    return shown(f"{name} by {by}{f', where {where}' if where else ''}")


def honest(found: ns.Map) -> str:
    """How much the map shows, for a person."""
    return (
        f"two dimensions hold {found.explained:.0%} of what the distances say (stress {found.stress:.2f}); how far "
        f"neighbours on the map can be trusted: {found.trustworthiness:.2f} (1: all of them, .5: chance)"
    )


def page(photos: ns.Collection, found: ns.Map, name: str, thumbnails: int) -> str:
    """One page that asks for nothing from anywhere; the first `thumbnails` images are in it.

    Names are data in it, never markup, and only its own script may run: the policy names that script's digest.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    sources = files("nearsight.cli")
    script = "\n" + "\n".join(sources.joinpath(each).read_text("utf8") for each in ("map.js", "map_page.js"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(sources.joinpath("map.html").read_text("utf8")).render(
        title=name,
        line=_line(len(found), min(thumbnails, len(found))),
        honest=honest(found)[:1].upper() + honest(found)[1:] + ".",
        made="classical" if found.landmarks == len(found) else f"{found.landmarks:,} landmarks",
        metric=found.metric.replace("_", " "),
        recipe=found.recipe,
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        places=Markup(_inert(_places(photos, found, thumbnails))),  # noqa: S704 - no < is in it
        script=Markup(script),  # noqa: S704 - our own
    )


def _line(count: int, held: int) -> str:
    said = f"{count:,} images; those that are alike lie near each other."
    if held == count:
        return f"{said} Where they are crowded, some are dots: go closer to see them."
    return f"{said} {held:,} of them, drawn by lot, can be seen here; the other {count - held:,} are dots with names."


def _places(photos: ns.Collection, found: ns.Map, thumbnails: int) -> list[list[float | str]]:
    """x, y, width / height, the image (empty for a dot) and the name of each place."""
    rows: list[list[float | str]] = []
    for at, (ident, path, (x, y)) in enumerate(
        zip(found.ids.tolist(), found.paths, found.positions.tolist(), strict=True)
    ):
        ratio, image = _packed(photos.thumbnail(ident)) if at < thumbnails else (1.0, "")
        rows.append([round(x, 5), round(y, 5), ratio, image, shown(path)])
    return rows


def _packed(stored: bytes) -> tuple[float, str]:
    """The shape of a stored thumbnail, and a smaller one as an address."""
    from nearsight.images import thumbnail

    small = _small(thumbnail.decode(stored))
    made = "data:image/jpeg;base64," + base64.b64encode(thumbnail.encode(small)).decode()
    return round(small.shape[1] / small.shape[0], 3), made


def _small(image: Image) -> Image:
    import cv2

    height, width = image.shape[:2]
    share = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * share)), max(1, round(height * share))
    made: Image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return made


def _inert(value: object) -> str:
    """JSON that no page takes for markup."""
    return json_module.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
