"""models: the neural networks that some recipes need."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from nearsight.cli._options import JsonOption
from nearsight.cli._printing import print_json
from nearsight.wording import plural, to_printable

HELP = "Manage the neural networks that some recipes need."

NameArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="A model, as nearsight models list names it.")
]


def list_models_command(json: JsonOption = False) -> None:
    """List the models, whether each is installed, and how to get it."""
    from nearsight.models import store

    rows = [store.model_summary(card) for card in store.all_cards().values()]
    if json:
        print_json(rows)
        return
    for problem in store.stored_card_problems().values():
        typer.echo(to_printable(problem), err=True)
    for row in rows:
        typer.echo(f"{row['name']:<20} {row['about']}  ({row['licence']}, {row['status']})")
        typer.echo(f"{'':<20} {to_printable(row['path']) if row['path'] else 'not on this machine: ' + row['get']}")


def get_model_command(name: NameArgument, json: JsonOption = False) -> None:
    """Download a model with those it needs, and check them.

    What is installed already is not downloaded again.
    """
    from nearsight.models.download import download_models

    first, *others = download_models(name, quiet=json)
    with_it = [{"name": each.card.name, "path": str(each.path), "sha256": each.sha256} for each in others]
    if json:
        print_json({"name": name, "path": str(first.path), "sha256": first.sha256, "with": with_it})
        return
    for each in (first, *others):
        typer.echo(f"{each.card.name} is in {to_printable(str(each.path))}")


def add_model_command(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The model's file; it is copied.")],
    card: Annotated[Path | None, typer.Option(metavar="FILE", help="The card of your own model, a TOML file.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file that was installed first.")] = False,
    json: JsonOption = False,
) -> None:
    """Install a model from a local file, and check it."""
    from nearsight.models import store

    model = store.add_model(name, file, card_file=card, replace=replace)
    _print_model(name, model.path, model.sha256, json)


def verify_models_command(json: JsonOption = False) -> None:
    """Check every installed model, and show what it runs on."""
    from nearsight.errors import ModelError
    from nearsight.models import inference, store

    found, runs = store.verify_models(), dict[str, str]()
    networks = [name for name in found if store.find_card(name).file.endswith(".onnx")]
    for name in [name for name in networks if not found[name]]:
        try:
            runs[name] = inference.execution_provider(name)
        except ModelError as error:
            found[name] = str(error)
    problems = {name: problem for name, problem in found.items() if problem}
    if json:
        print_json({"clean": not problems, "checked": list(found), "problems": problems, "runs_on": runs})
    else:
        for problem in problems.values():
            typer.echo(to_printable(problem))
        for name, device in runs.items():
            typer.echo(f"{name} runs on {device}")
        match = "matches its card" if len(found) == 1 else "match their cards"
        typer.echo(f"{len(found) - len(problems)} of {plural(len(found), 'model')} {match}")
    if problems:
        raise typer.Exit(3)


def _print_model(name: str, path: Path, sha256: str, json: bool) -> None:
    if json:
        print_json({"name": name, "path": str(path), "sha256": sha256})
    else:
        typer.echo(f"{name} is in {to_printable(str(path))}")


COMMANDS = {
    "list": (list_models_command, "nearsight models list"),
    "get": (get_model_command, "nearsight models get mobilenetv2"),
    "add": (add_model_command, "nearsight models add mobilenetv2 Downloads/mobilenetv2.onnx"),
    "verify": (verify_models_command, "nearsight models verify"),
}
