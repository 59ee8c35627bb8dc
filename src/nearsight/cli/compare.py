"""compare: recipes on one's own images."""

from __future__ import annotations

from typing import Annotated

import typer

from nearsight.cli._options import (
    CacheOption,
    FolderArgument,
    HtmlOption,
    JsonOption,
    RecipesOption,
    SensesOption,
    TrainedOption,
)


def compare_command(
    folder: FolderArgument,
    recipe: RecipesOption = None,
    by: SensesOption = None,
    kinds: Annotated[
        str,
        typer.Option(metavar="KINDS", help='Query alterations, with commas: "scan,drawn,salt,stored", "crop", or all.'),
    ] = "",
    sample: Annotated[int, typer.Option(min=1, metavar="N", help="Number of images to alter.")] = 20,
    html: HtmlOption = None,
    collection: CacheOption = None,
    trained: TrainedOption = None,
    json: JsonOption = False,
) -> None:
    """Compare recipes on your own images, without labels.

    Self-retrieval with synthetic alterations; subfolders count as classes.
    """
    from nearsight.cli._evaluation import DEFAULT_KINDS, compare_recipes, print_evaluation_report
    from nearsight.evaluation.simulated_queries import select_simulations
    from nearsight.types.query import split_commas

    report = compare_recipes(
        folder,
        split_commas(by),
        recipe or (),
        select_simulations(kinds or ",".join(DEFAULT_KINDS)),
        sample,
        home=collection,
        trained=trained or (),
        pages=html is not None,
        quiet=json,
    )
    print_evaluation_report(report, html, json)


COMMANDS = {
    "compare": (compare_command, "nearsight compare ~/photos --kinds scan,drawn,salt,stored --html compared.html")
}
