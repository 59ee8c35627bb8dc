"""evaluate: recipes on public benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import (
    CacheOption,
    HtmlOption,
    JsonOption,
    RecipesOption,
    SensesOption,
    TrainedOption,
)
from nearsight.cli._printing import print_json, print_table


def evaluate_command(
    protocol: Annotated[str, typer.Argument(metavar="PROTOCOL", help="Benchmark protocol; omit to list all.")] = "",
    data: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of the data set.")] = None,
    recipe: RecipesOption = None,
    by: SensesOption = None,
    fuse: Annotated[
        str,
        typer.Option(
            metavar="reciprocal|scores",
            help="Evaluate all recipes together too, fused by reciprocal ranks or by scores.",
        ),
    ] = "",
    queries: Annotated[
        int, typer.Option(min=0, metavar="N", help="Maximum number of queries, spread evenly; 0 uses all.")
    ] = 0,
    html: HtmlOption = None,
    collection: CacheOption = None,
    trained: TrainedOption = None,
    json: JsonOption = False,
) -> None:
    """Evaluate recipes on a public benchmark (mAP, latency, memory).

    Nothing is downloaded: --data names the folder of the data set.
    """
    from nearsight.errors import UsageError
    from nearsight.evaluation.protocols.registry import load_ground_truth
    from nearsight.types.query import split_commas

    if not protocol:
        _list_protocols(json)
        return
    if data is None:
        raise UsageError(f"--data is missing, the folder of the data set: nearsight evaluate {protocol} --data FOLDER")
    truth = load_ground_truth(protocol, data)
    truth = truth.subsample(queries) if queries else truth
    from nearsight.cli._evaluation import evaluate_recipes, print_evaluation_report
    from nearsight.pipeline import available_senses

    report = evaluate_recipes(
        truth,
        split_commas(by) or ([] if recipe else available_senses()),
        recipe or (),
        home=collection,
        fuse=fuse,
        trained=trained or (),
        pages=html is not None,
        quiet=json,
    )
    print_evaluation_report(report, html, json)


def _list_protocols(json: bool) -> None:
    from nearsight.evaluation.protocols.registry import PROTOCOLS

    known = PROTOCOLS.values()
    if json:
        print_json([{"name": each.name, "what": each.description, "expects": each.expects} for each in known])
        return
    heads = ["protocol", "what it is", "what --data holds"]
    print_table(heads, [[each.name, each.description, each.expects] for each in known], 3)


COMMANDS = {
    "evaluate": (evaluate_command, "nearsight evaluate corel1k --data ~/corel1k --recipe gist --recipe phash"),
}
