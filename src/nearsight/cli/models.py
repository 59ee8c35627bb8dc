"""models: the networks that some recipes need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import Json
from nearsight.cli._printing import print_json, shown

Name = Annotated[str, typer.Argument(help="A model, as nearsight models list names it.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(
        name="models",
        help="The networks that some recipes need: which there are, where they are, how to get them.",
        epilog="Example: nearsight models list",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    group.command("list", epilog="Example: nearsight models list")(list_)
    group.command(epilog="Example: nearsight models get mobilenetv2")(get)
    group.command(epilog="Example: nearsight models add mobilenetv2 Downloads/mobilenetv2.onnx")(add)
    group.command(epilog="Example: nearsight models verify")(verify)
    app.add_typer(group)


def list_(json: Json = False) -> None:
    """Say which models there are, whether each is on this machine, and how to get it."""
    from nearsight.models import store

    rows = [store.model_summary(card) for card in store.all_cards().values()]
    if json:
        print_json(rows)
        return
    for problem in store.card_problems().values():
        typer.echo(shown(problem), err=True)
    for row in rows:
        typer.echo(f"{row['name']:<20} {row['about']}  ({row['licence']}, {row['status']})")
        typer.echo(f"{'':<20} {shown(row['path']) if row['path'] else 'not on this machine: ' + row['get']}")


def get(name: Name, json: Json = False) -> None:
    """Download a model and those that it is used with, if they are not on this machine yet, and check them."""
    from nearsight.models.download import download_models

    first, *others = download_models(name, quiet=json)
    with_it = [{"name": each.card.name, "path": str(each.path), "sha256": each.sha256} for each in others]
    if json:
        print_json({"name": name, "path": str(first.path), "sha256": first.sha256, "with": with_it})
        return
    for each in (first, *others):
        typer.echo(f"{each.card.name} is in {shown(str(each.path))}")


def add(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The model's file; it is copied.")],
    card: Annotated[Path | None, typer.Option(help="The card of a model of your own, a TOML file.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Use it in place of the file that was seen first.")
    ] = False,
    json: Json = False,
) -> None:
    """Take in a model's file that is on this machine, and check it."""
    from nearsight.models import store

    model = store.add_model(name, file, card_file=card, replace=replace)
    _print(name, model.path, model.sha256, json)


def verify(json: Json = False) -> None:
    """Read the file of every model that is on this machine, compare it with its checksum, and say what it runs on."""
    from nearsight.errors import ModelError
    from nearsight.models import inference, store

    found, runs = store.verify_models(), dict[str, str]()
    for name in [name for name, problem in found.items() if not problem and store.find_card(name).outputs]:
        try:
            runs[name] = inference.execution_provider(name)
        except ModelError as error:
            found[name] = str(error)
    problems = {name: problem for name, problem in found.items() if problem}
    if json:
        print_json({"clean": not problems, "checked": list(found), "problems": problems, "runs_on": runs})
    else:
        for problem in problems.values():
            typer.echo(shown(problem))
        for name, device in runs.items():
            typer.echo(f"{name} runs on {device}")
        typer.echo(f"{len(found) - len(problems)} of {len(found)} models are what their cards say")
    if problems:
        raise typer.Exit(3)


def _print(name: str, path: Path, sha256: str, json: bool) -> None:
    if json:
        print_json({"name": name, "path": str(path), "sha256": sha256})
    else:
        typer.echo(f"{name} is in {shown(str(path))}")
