"""search: the query, and the answer as a table, JSON or a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import (
    BOX,
    FILTER,
    HERE,
    OUTPUT,
    QUERY,
    CollectionOption,
    HtmlOption,
    InOption,
    JsonOption,
    WhereOption,
    image_argument_name,
    read_image_argument,
)
from nearsight.cli._printing import print_json
from nearsight.errors import UsageError
from nearsight.senses import NAMES
from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.search.results import Results


def search_command(
    image: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGE", help="Query image, or - for standard input; it need not be in the collection."),
    ] = None,
    in_: InOption = HERE,
    collection: CollectionOption = None,
    two_file: Annotated[
        Path | None, typer.Option(metavar="NAME", help="Search an exported two-file index (export --format two-file).")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SENSE", help=f"Similarity modes, with commas: {NAMES}. [default: copy]", rich_help_panel=QUERY
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RECIPE",
            help="A recipe instead of a sense, or with others; may be repeated.",
            rich_help_panel=QUERY,
        ),
    ] = None,
    fuse: Annotated[
        str,
        typer.Option(
            metavar="reciprocal|scores",
            help="Fuse several senses and recipes by reciprocal ranks or by scores.",
            rich_help_panel=QUERY,
        ),
    ] = "reciprocal",
    box: Annotated[
        str | None, typer.Option(metavar=BOX, help="Query with this part only, in pixels.", rich_help_panel=QUERY)
    ] = None,
    colour: Annotated[
        str | None,
        typer.Option(
            metavar="COLOURS",
            help='Query by colours with weights: "#c33:.6,#eee:.4".',
            rich_help_panel=QUERY,
        ),
    ] = None,
    histogram: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Query by a colour histogram: a file with a number per bin.", rich_help_panel=QUERY
        ),
    ] = None,
    sketch: Annotated[
        Path | None,
        typer.Option(metavar="IMAGE", help="Query by a drawing: its lines and their places.", rich_help_panel=QUERY),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="Query by a description of the content; may be repeated.", rich_help_panel=QUERY
        ),
    ] = None,
    minus_text: Annotated[
        list[str] | None,
        typer.Option(
            "--minus-text", metavar="TEXT", help="Content to move away from; may be repeated.", rich_help_panel=QUERY
        ),
    ] = None,
    plus: Annotated[
        list[Path] | None,
        typer.Option(metavar="IMAGE", help="Image to add to the query; may be repeated.", rich_help_panel=QUERY),
    ] = None,
    minus: Annotated[
        list[Path] | None,
        typer.Option(metavar="IMAGE", help="Image to subtract from the query; may be repeated.", rich_help_panel=QUERY),
    ] = None,
    minus_weight: Annotated[
        float,
        typer.Option(
            "--minus-weight", metavar="N", help="Weight of each --minus and --minus-text.", rich_help_panel=QUERY
        ),
    ] = 1.0,
    like: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Positive example from the collection, path or id; repeatable.", rich_help_panel=QUERY
        ),
    ] = None,
    unlike: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Negative example from the collection, path or id; repeatable.", rich_help_panel=QUERY
        ),
    ] = None,
    words: Annotated[
        str,
        typer.Option(
            metavar="WORDS",
            help="Only images whose path, camera, date, captions, tags or labels contain these words: "
            'red "a phrase" cat OR dog -crowd.',
            rich_help_panel=FILTER,
        ),
    ] = "",
    where: WhereOption = "",
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="Number of hits.", rich_help_panel=OUTPUT)] = 20,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Find similar images, best first, and explain each hit.

    Exit code 1: nothing similar in the collection.
    """
    from nearsight.api.collection import open as open_collection
    from nearsight.search.results import NOTHING, TOO_PLAIN
    from nearsight.types.query import parse_box, split_commas

    source = read_image_argument(image) if image else None
    if two_file is not None:
        _search_two_file(two_file, source, image, k, json)
        return
    photos = open_collection(in_, collection=collection)
    options: dict[str, Any] = {
        "box": parse_box(box),
        "colours": _parse_search_colours(colour),
        "words": words,
        "where": where,
    }
    if histogram is not None:
        options["histogram"] = _read_histogram(histogram)
    marks = {"like": _parse_marks(like), "unlike": _parse_marks(unlike)}
    options |= {name: given for name, given in marks.items() if given}
    terms: dict[str, Any] = {"text": text, "minus_text": minus_text, "plus": plus, "minus": minus}
    terms = {name: given for name, given in terms.items() if given}
    if terms:
        terms["minus_weight"] = minus_weight
    senses = split_commas(by)
    results = photos.search(source, k=k, sketch=sketch, by=senses, recipe=recipe or [], fuse=fuse, **options, **terms)
    if html is not None:
        labels = {"like": ", ".join(like or ()), "in": colour, "of": ", ".join(text or ())}
        labels |= {"with": words, "where": where, "near": ", ".join(each.name for each in plus or ())}
        if named := image or sketch or histogram:
            labels["like"] = image_argument_name(Path(named.name))
        _write_hits(html, photos, results, source or sketch, labels=labels, options=options)
    if json:
        query = options | {"image": image and str(image), "sketch": sketch and str(sketch)}
        query |= {"by": ",".join(senses) or None}
        query |= {name: [*map(str, each)] if isinstance(each, list) else each for name, each in terms.items()}
        hits = [
            {**hit.as_dict(), "labels": [each.as_dict() for each in photos.labels(hit.path)]} for hit in results.hits
        ]
        summary = {"recipe": results.recipe, "verdict": results.verdict, "hint": results.hint and vars(results.hint)}
        summary |= {"empty_because": results.empty_because} if results.empty_because else {}
        print_json({"query": query, **summary, "hits": hits})
    else:
        _print_hits(results)
        if html is not None:
            typer.echo(f"page: {to_printable(str(html))}")
    if results.verdict in (NOTHING, TOO_PLAIN) or not results.hits:
        raise typer.Exit(1)


def _write_hits(
    html: Path,
    photos: ns.Collection,
    results: Results,
    image: Path | bytes | None,
    *,
    labels: dict[str, str | None],
    options: dict[str, Any],
) -> None:
    """Write the page; `labels` says by a preposition what the query is."""
    from nearsight.cli._report import PageAnswer, write_page

    title = next(label for label in labels.values() if label)
    heading = " and ".join(f"{link} {label}" for link, label in labels.items() if label)
    given = {name: options[name] for name in ("box", "colours")}
    answer = PageAnswer.of(photos, image, results, title=title, **given)
    write_page(html, f"Images {heading}", [answer])


def _search_two_file(base: Path, source: Path | bytes | None, image: Path | None, k: int, json: bool) -> None:
    from nearsight.applications.two_file_index import TwoFileIndex

    if source is None:
        raise UsageError("--two-file takes a query image: nearsight search IMAGE --two-file NAME")
    opened = TwoFileIndex(base)
    found = opened.search(source, k)
    if json:
        hits = [{"rank": rank, **vars(each)} for rank, each in enumerate(found, 1)]
        print_json({"query": {"image": str(image)}, "recipe": opened.pipeline.recipe, "hits": hits})
        return
    for rank, each in enumerate(found, 1):
        typer.echo(f"{rank:>4}  {each.score:.3f}  {each.distance:>10.4g}  {to_printable(each.path)}")


def _parse_marks(given: list[str] | None) -> list[int | str]:
    """Return ids, which are digits, as numbers, and paths as they are."""
    return [int(each) if each.isascii() and each.isdigit() else each for each in given or ()]


def _parse_search_colours(text: str | None) -> dict[str, float]:
    """Return colours with their weights, 1 where none is given."""
    found: dict[str, float] = {}
    for part in (text or "").split(",") if text else ():
        name, _, weight = part.partition(":")
        try:
            found[name.strip()] = float(weight or 1)
        except ValueError:
            raise UsageError(f'--colour takes colours with weights, such as "#c33:.6,#eee:.4"; got "{part}"') from None
    return found


def _read_histogram(path: Path) -> list[float]:
    """Return the numbers of a .npy file, or of a text file, separated by spaces, commas, brackets or line ends."""
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
    for hit in results.hits:
        style = "" if hit.alike is not False else "dim"
        cells = (str(hit.rank), f"{hit.score:.3f}", hit.verdict, to_printable(hit.path), hit.why)
        table.add_row(*(Text(cell, overflow="fold") for cell in cells), style=style)
    if results.hits:
        Console(soft_wrap=False).print(table)
    verdict = to_printable(results.empty_because) or results.verdict
    typer.echo("; ".join(filter(None, (verdict, f"{plural(results.total, 'image')} searched"))))
    if (hint := results.hint) is not None:
        after = f" after: {hint.command}" if hint.command else ""
        typer.echo(f"--by {hint.sense} looks for {hint.looks_for}{after}")


COMMANDS = {"search": (search_command, "nearsight search found.jpg --in ~/photos --html result.html")}
