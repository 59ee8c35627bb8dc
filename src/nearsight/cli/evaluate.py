"""evaluate, compare: how good recipes are, on published tasks and on one's own images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.cli._options import Json, LearntFiles, senses
from nearsight.cli._printing import print_json, shown
from nearsight.senses import NAMES

if TYPE_CHECKING:
    from nearsight.evaluation.report import EvaluationReport

LONGEST = 40
"""Characters of a recipe's name that are kept on one line beside a wide table."""
Recipe = Annotated[list[str] | None, typer.Option(help='A recipe, such as "phash | flat"; may be repeated.')]
By = Annotated[list[str] | None, typer.Option(help=f"Senses, with commas: {NAMES}.")]
Html = Annotated[Path | None, typer.Option(help="Write one page with table, curves and examples.")]
Kept = Annotated[
    Path | None, typer.Option("--collection", help="Keep the rows here: the next run describes only what is new.")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: nearsight evaluate corel1k --data ~/corel1k --recipe gist --recipe phash")(evaluate)
    app.command(epilog="Example: nearsight compare ~/photos --kinds scan,drawn,salt,stored --html judged.html")(compare)


def evaluate(
    protocol: Annotated[
        str, typer.Argument(help="How is judged; left out, all protocols are listed with what they expect.")
    ] = "",
    data: Annotated[Path | None, typer.Option(help="The folder of the data set.")] = None,
    recipe: Recipe = None,
    by: By = None,
    fuse: Annotated[
        str, typer.Option(help="Judge all recipes together too, their answers fused by reciprocal (ranks) or scores.")
    ] = "",
    queries: Annotated[int, typer.Option(min=0, help="Ask only so many, spread evenly; 0 asks all.")] = 0,
    html: Html = None,
    collection: Kept = None,
    learnt: LearntFiles = None,
    json: Json = False,
) -> None:
    """Judge recipes by a published protocol: mAP and its kin, time and memory. Nothing is downloaded."""
    from nearsight.errors import UsageError
    from nearsight.evaluation.protocols.registry import load_ground_truth

    if not protocol:
        _list_protocols(json)
        return
    if data is None:
        raise UsageError(f"--data says where the data set lies: nearsight evaluate {protocol} --data FOLDER")
    truth = load_ground_truth(protocol, data)
    truth = truth.subsample(queries) if queries else truth
    from nearsight.cli._evaluation import evaluated

    _show(
        evaluated(
            truth,
            _senses(by, recipe),
            recipe or (),
            home=collection,
            fuse=fuse,
            learnt=learnt or (),
            pages=html is not None,
            quiet=json,
        ),
        html,
        json,
    )


def compare(
    folder: Annotated[Path, typer.Argument(help="A folder of images; it needs no labels.")],
    recipe: Recipe = None,
    by: By = None,
    kinds: Annotated[
        str, typer.Option(help='Kinds of altered queries, with commas: "scan,drawn,salt,stored", "crop", or all.')
    ] = "",
    sample: Annotated[int, typer.Option(min=1, help="How many images are altered.")] = 20,
    html: Html = None,
    collection: Kept = None,
    learnt: LearntFiles = None,
    json: Json = False,
) -> None:
    """Judge recipes on your own images: altered ones are to find their original, subfolders are taken for classes."""
    from nearsight.cli._evaluation import USUAL, compared
    from nearsight.evaluation.simulated_queries import select_kinds

    named = select_kinds(kinds or ",".join(USUAL))
    report = compared(
        folder,
        senses(by),
        recipe or (),
        named,
        sample,
        home=collection,
        learnt=learnt or (),
        pages=html is not None,
        quiet=json,
    )
    _show(report, html, json)


def _senses(by: Sequence[str] | None, recipes: Sequence[str] | None) -> list[str]:
    """The senses that are named; all that this machine can serve where nothing is."""
    from nearsight.pipeline import available_senses

    return senses(by) or ([] if recipes else available_senses())


def _list_protocols(json: bool) -> None:
    from nearsight.evaluation.protocols.registry import PROTOCOLS

    if json:
        print_json(
            [{"name": each.name, "what": each.description, "expects": each.expects} for each in PROTOCOLS.values()]
        )
        return
    _print_table(
        ["protocol", "what it is", "what --data holds"],
        [[e.name, e.description, e.expects] for e in PROTOCOLS.values()],
        3,
    )


def _show(report: EvaluationReport, html: Path | None, json: bool) -> None:
    if html is not None:
        html.write_text(report.html(), "utf8")
    if json:
        print_json(report.as_dict())
        return
    typer.echo(f"{shown(report.title)}: {report.intro}")
    _print_table(report.headers(), report.rows())
    if report.kinds:
        typer.echo("\naltered images that found their original first, %")
        for kinds in _fitting(report.kinds, max(len(shown(trial.name)) for trial in report.trials)):
            rows = [[trial.name, *(f"{trial.kinds[kind]:.0f}" for kind in kinds)] for trial in report.trials]
            _print_table(["recipe", *kinds], rows)
            typer.echo()
    if report.published:
        typer.echo(f"\npublished, not measured here: {report.published.source}; {report.published.note}")
        names = list(next(iter(report.published.figures.values())))
        rows = [[method, *(f"{each[name]:.1f}" for name in names)] for method, each in report.published.figures.items()]
        _print_table(["method", *(f"{name}, %" for name in names)], rows)
    if html is not None:
        typer.echo(f"the page: {html}")


def _fitting(heads: Sequence[str], first: int) -> Iterator[list[str]]:
    """The heads of columns in parts, each as wide as the terminal beside a first column of `first` characters."""
    from rich.console import Console

    wide, part = Console().width - min(first, LONGEST), list[str]()
    for head in heads:
        if part and sum(len(each) + 2 for each in [*part, head]) > wide:
            yield part
            part = []
        part.append(head)
    yield part


def _print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """A table whose first `left` columns are text, the others numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, head in enumerate(heads):
        table.add_column(shown(head), justify="left" if at < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(shown(cell), overflow="fold") for cell in row))
    Console(soft_wrap=False).print(table)
