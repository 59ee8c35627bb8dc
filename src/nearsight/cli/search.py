"""search: the question, and the answer as a table, JSON or a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import Collection, Here, In, Json, box_of, senses
from nearsight.cli._printing import print_json, shown
from nearsight.errors import UsageError
from nearsight.senses import NAMES

if TYPE_CHECKING:
    from nearsight.search.results import Results


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: nearsight search found.jpg --in ~/photos --html result.html")(search)


def search(
    image: Annotated[
        Path | None, typer.Argument(help="The image to ask with; it need not be in the collection.")
    ] = None,
    in_: In = Here,
    by: Annotated[
        list[str] | None,
        typer.Option(help=f"The sense of alike, several with commas: {NAMES}. [default: copy]"),
    ] = None,
    recipe: Annotated[
        list[str] | None, typer.Option(help="A recipe instead of a sense, or beside others; may be repeated.")
    ] = None,
    fuse: Annotated[
        str, typer.Option(help="How several senses and recipes make one answer: reciprocal (ranks) or scores.")
    ] = "reciprocal",
    like: Annotated[
        list[str] | None, typer.Option(help="An image of the collection to find more like, by path or id; repeatable.")
    ] = None,
    unlike: Annotated[
        list[str] | None, typer.Option(help="An image of the collection to move away from; may be repeated.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits.")] = 20,
    box: Annotated[str | None, typer.Option(help="x0,y0,x1,y1: ask with this part, in pixels.")] = None,
    colour: Annotated[
        str | None, typer.Option(help='Colours with their weights instead of an image: "#c33:.6,#eee:.4".')
    ] = None,
    histogram: Annotated[
        Path | None,
        typer.Option(help="A file of numbers, one a bin of a colour histogram, instead of an image."),
    ] = None,
    sketch: Annotated[
        Path | None, typer.Option(help="A drawing instead of an image: its lines, and where they are.")
    ] = None,
    text: Annotated[
        list[str] | None, typer.Option(help="What the image shows, in words, by meaning; may be repeated.")
    ] = None,
    minus_text: Annotated[
        list[str] | None, typer.Option("--minus-text", help="What it should not show; may be repeated.")
    ] = None,
    plus: Annotated[
        list[Path] | None, typer.Option(help="A further image to ask with, added to the others; may be repeated.")
    ] = None,
    minus: Annotated[
        list[Path] | None, typer.Option(help="An image to move away from, taken away; may be repeated.")
    ] = None,
    minus_weight: Annotated[
        float, typer.Option("--minus-weight", help="How much each of what is not wanted counts.")
    ] = 1.0,
    words: Annotated[
        str, typer.Option(help="Only images whose path, camera, date, captions, tags or labels hold these words.")
    ] = "",
    where: Annotated[
        str, typer.Option(help="Only images of which this holds: \"taken >= 2012 and folder like 'moscow/%'\".")
    ] = "",
    two_file: Annotated[
        Path | None, typer.Option(help="Ask a search base that `export --format two-file` wrote, by its name.")
    ] = None,
    collection: Collection = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with the images, scores and matches.")] = None,
    json: Json = False,
) -> None:
    """Find the images that are alike, best first, and say why. Exit code 1: nothing like it here."""
    import nearsight as ns
    from nearsight.search.results import NOTHING

    if two_file is not None:
        _ask_two_file(two_file, image, k, json)
        return
    corners, colours = box_of(box), _colours(colour)
    photos = ns.open(in_, collection=collection)
    asked: dict[str, Any] = {"box": corners, "colours": colours, "words": words, "where": where}
    if histogram is not None:
        asked["histogram"] = _numbers(histogram)
    marks: dict[str, Any] = {"like": _marks(like) or None, "unlike": _marks(unlike)}
    wanted = senses(by)
    asked |= {name: given for name, given in marks.items() if given}
    summed: dict[str, Any] = {"text": text, "minus_text": minus_text, "plus": plus, "minus": minus}
    summed = {name: given for name, given in summed.items() if given}
    if summed:
        summed["minus_weight"] = minus_weight
    ways: dict[str, Any] = {"by": wanted, "recipe": recipe or [], "fuse": fuse}
    results = photos.search(image, k=k, sketch=sketch, **ways, **asked, **summed)
    if html is not None:
        from nearsight.cli._report import Answer, write

        shown_image = image or sketch
        named = shown_image or histogram
        asked_by = {"like": named.name if named else ", ".join(like or ()), "in": colour, "of": ", ".join(text or ())}
        asked_by |= {"with": words, "where": where, "near": ", ".join(each.name for each in plus or ())}
        title = next(said for said in asked_by.values() if said)
        heading = " and ".join(f"{link} {said}" for link, said in asked_by.items() if said)
        answer = Answer.of(photos, shown_image, results, title=title, box=corners, colours=colours)
        write(html, f"Images {heading}", [answer])
    if json:
        asked |= {"image": image and str(image), "sketch": sketch and str(sketch), "by": ",".join(wanted) or None}
        asked |= {name: [*map(str, each)] if isinstance(each, list) else each for name, each in summed.items()}
        hits = [{**hit.as_dict(), "labels": [each.as_dict() for each in photos.labels(hit.path)]} for hit in results]
        print_json({"query": asked, "recipe": results.recipe, "verdict": results.verdict, "hits": hits})
    else:
        _print_hits(results)
        if html is not None:
            typer.echo(f"the page: {shown(str(html))}")
    if results.verdict == NOTHING or not len(results):
        raise typer.Exit(1)


def _ask_two_file(base: Path, image: Path | None, k: int, json: bool) -> None:
    from nearsight.applications.two_file_index import TwoFileIndex

    if image is None:
        raise UsageError("a search base is asked with an image: nearsight search IMAGE --two-file NAME")
    opened = TwoFileIndex(base)
    found = opened.search(image, k)
    if json:
        hits = [{"rank": rank, **vars(each)} for rank, each in enumerate(found, 1)]
        print_json({"query": {"image": str(image)}, "recipe": opened.pipeline.recipe, "hits": hits})
        return
    for rank, each in enumerate(found, 1):
        typer.echo(f"{rank:>4}  {each.score:.3f}  {each.distance:>10.4g}  {shown(each.path)}")


def _marks(given: list[str] | None) -> list[int | str]:
    """Ids of digits, and paths."""
    return [int(each) if each.isascii() and each.isdigit() else each for each in given or ()]


def _colours(text: str | None) -> dict[str, float]:
    """Colours with their weights, 1 where none is given."""
    found: dict[str, float] = {}
    for part in (text or "").split(",") if text else ():
        name, _, weight = part.partition(":")
        try:
            found[name.strip()] = float(weight or 1)
        except ValueError:
            raise UsageError(f'--colour takes colours with weights, such as "#c33:.6,#eee:.4"; got "{part}"') from None
    return found


def _numbers(path: Path) -> list[float]:
    """The numbers of a text file, between spaces, commas, brackets or line ends; those of a .npy file."""
    import numpy as np

    try:
        if path.suffix == ".npy":
            return [float(value) for value in np.load(path, allow_pickle=False).ravel()]
        return [float(word) for word in re.split(r"[\s,;\[\]]+", path.read_text()) if word]
    except (OSError, ValueError) as problem:
        raise UsageError(f"--histogram takes a file of numbers or a .npy file; {path}: {problem}") from None


def _print_hits(results: Results) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, justify in (
        ("", "right"),
        ("score", "right"),
        ("verdict", "left"),
        ("image", "left"),
        ("why", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for hit in results:
        style = "" if hit.alike is not False else "dim"
        cells = (str(hit.rank), f"{hit.score:.3f}", hit.verdict, shown(hit.path), hit.why)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells), style=style)
    Console(soft_wrap=False).print(table)
    if results.verdict:
        typer.echo(f"{results.verdict}; {results.total} images searched")
