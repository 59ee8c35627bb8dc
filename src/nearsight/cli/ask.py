"""search, match, describe, recipes: asking."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli.options import Collection, Here, In, Json
from nearsight.cli.printing import print_json, shown
from nearsight.errors import UsageError

if TYPE_CHECKING:
    from nearsight.collection.search import Results


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: nearsight search found.jpg --in ~/photos --html result.html")(search)
    app.command(epilog="Example: nearsight match a.jpg b.jpg --out matched.png")(match)
    app.command(epilog="Example: nearsight describe a.jpg b.jpg --recipe gist --out rows.npy")(describe)
    app.command(epilog="Example: nearsight recipes gist")(recipes)


def search(
    picture: Annotated[
        Path | None, typer.Argument(help="The picture to ask with; it need not be in the collection.")
    ] = None,
    in_: In = Here,
    by: Annotated[
        str | None, typer.Option(help="The sense of alike: copy, colour, scene or sketch. [default: copy]")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A recipe instead of a sense.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many hits.")] = 20,
    box: Annotated[str | None, typer.Option(help="x0,y0,x1,y1: ask with this part, in pixels.")] = None,
    colour: Annotated[
        str | None, typer.Option(help='Colours with their weights instead of a picture: "#c33:.6,#eee:.4".')
    ] = None,
    sketch: Annotated[
        Path | None, typer.Option(help="A drawing instead of a picture: its lines, and where they are.")
    ] = None,
    words: Annotated[str, typer.Option(help="Only pictures whose path, camera or date hold these words.")] = "",
    where: Annotated[
        str, typer.Option(help="Only pictures of which this holds: \"taken >= 2012 and folder like 'moscow/%'\".")
    ] = "",
    two_file: Annotated[
        Path | None, typer.Option(help="Ask a search base that `export --format two-file` wrote, by its name.")
    ] = None,
    collection: Collection = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with the pictures, scores and matches.")] = None,
    json: Json = False,
) -> None:
    """Find the pictures that are alike, best first, and say why. Exit code 1: nothing like it here."""
    import nearsight as ns
    from nearsight.collection.search import NOTHING

    if two_file is not None:
        _ask_two_file(two_file, picture, k, json)
        return
    corners, colours = _box(box), _colours(colour)
    photos = ns.open(in_, collection=collection)
    asked: dict[str, Any] = {"box": corners, "colours": colours, "words": words, "where": where}
    results = photos.search(picture, by=by, recipe=recipe, k=k, sketch=sketch, **asked)
    if html is not None:
        from nearsight.cli.report import Answer, write

        shown_picture = picture or sketch
        asked_by = {"like": shown_picture and shown_picture.name, "in": colour, "with": words, "where": where}
        title = next(said for said in asked_by.values() if said)
        heading = " and ".join(f"{link} {said}" for link, said in asked_by.items() if said)
        answer = Answer.of(photos, shown_picture, results, title=title, box=corners, colours=colours)
        write(html, f"Pictures {heading}", [answer])
    if json:
        asked |= {"picture": picture and str(picture), "sketch": sketch and str(sketch), "by": by}
        hits = [hit.as_dict() for hit in results]
        print_json({"query": asked, "recipe": results.recipe, "verdict": results.verdict, "hits": hits})
    else:
        _print_hits(results)
        if html is not None:
            typer.echo(f"the page: {shown(str(html))}")
    if results.verdict == NOTHING or not len(results):
        raise typer.Exit(1)


def _ask_two_file(base: Path, picture: Path | None, k: int, json: bool) -> None:
    from nearsight.collection.two_file import TwoFile

    if picture is None:
        raise UsageError("a search base is asked with a picture: nearsight search PICTURE --two-file NAME")
    opened = TwoFile(base)
    found = opened.search(picture, k)
    if json:
        hits = [{"rank": rank, **vars(each)} for rank, each in enumerate(found, 1)]
        print_json({"query": {"picture": str(picture)}, "recipe": opened.plan.recipe, "hits": hits})
        return
    for rank, each in enumerate(found, 1):
        typer.echo(f"{rank:>4}  {each.score:.3f}  {each.distance:>10.4g}  {shown(each.path)}")


def match(
    a: Annotated[Path, typer.Argument(help="One picture.")],
    b: Annotated[Path, typer.Argument(help="Another picture.")],
    out: Annotated[Path | None, typer.Option(help="Write both with the matched points drawn.")] = None,
    json: Json = False,
) -> None:
    """Say whether one picture is an altered copy of the other, and draw what matches. Exit code 1: it is not."""
    from nearsight.cli.pair import compared, drawn_to

    explanation, images = compared(a, b)
    if out is not None:
        drawn_to(out, images, explanation)
    if json:
        points = [] if explanation.query_points is None else explanation.query_points.tolist()
        hit_points = [] if explanation.hit_points is None else explanation.hit_points.tolist()
        found = {"verdict": explanation.verdict, "why": explanation.sentence, "a": points, "b": hit_points}
        print_json(found)
    else:
        typer.echo(f"{explanation.verdict}: {explanation.sentence}")
    if not explanation.alike:
        raise typer.Exit(1)


def describe(
    pictures: Annotated[list[Path], typer.Argument(help="Pictures.")],
    recipe: Annotated[str, typer.Option(help="A recipe that starts with a descriptor.")] = "gist",
    out: Annotated[Path | None, typer.Option(help="Write the rows as .npy instead of printing them.")] = None,
    json: Json = False,
) -> None:
    """Describe pictures by any descriptor on its own: one row each."""
    import numpy as np

    import nearsight as ns

    rows = ns.describe(pictures, recipe)
    if out is not None:
        np.save(out, rows, allow_pickle=False)
        typer.echo(f"{rows.shape[0]} rows of {rows.shape[1]} {rows.dtype} in {out}")
    elif json:
        print_json([{"path": str(p), "row": row.tolist()} for p, row in zip(pictures, rows, strict=True)])
    else:
        for picture, row in zip(pictures, rows, strict=True):
            typer.echo("\t".join([shown(str(picture)), *(f"{value:.6g}" for value in row.tolist())]))


def recipes(
    name: Annotated[str | None, typer.Argument(help="A sense or a method; all of them where it is left out.")] = None,
    json: Json = False,
) -> None:
    """List the senses and every method that a recipe can name, or show the help of one."""
    from nearsight.cli.listing import all_methods, help_of, method_row, say_left_out

    if name is not None:
        typer.echo("" if json else help_of(name), nl=not json)
        if json:
            print_json(method_row(name))
    elif json:
        from nearsight.methods import methods

        print_json([method_row(each) for each in methods()])
    else:
        all_methods()
    say_left_out(name)


def _box(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f'--box takes x0,y0,x1,y1 in pixels, such as 10,20,300,200; got "{text}"') from None
    return x0, y0, x1, y1


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


def _print_hits(results: Results) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column, justify in (
        ("", "right"),
        ("score", "right"),
        ("verdict", "left"),
        ("picture", "left"),
        ("why", "left"),
    ):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for hit in results:
        style = "" if hit.alike is not False else "dim"
        cells = (str(hit.rank), f"{hit.score:.3f}", hit.verdict, shown(hit.path), hit.why)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells), style=style)
    Console(soft_wrap=False).print(table)
    if results.verdict:
        typer.echo(f"{results.verdict}; {results.total} pictures searched")
