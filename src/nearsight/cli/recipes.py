"""recipes: the senses and the methods that a recipe can name."""

from __future__ import annotations

from typing import Annotated

import typer

from nearsight.cli._options import JsonOption
from nearsight.cli._printing import print_json


def recipes_command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A sense or a method; omit to list all.")] = None,
    json: JsonOption = False,
) -> None:
    """List the senses and methods that recipes use, or explain one."""
    from nearsight.cli._recipe_help import format_help, list_all, method_row, warn_unusable_plugins

    if name is None and json:
        from nearsight.registry import methods

        print_json([method_row(each) for each in methods()])
    elif name is None:
        list_all()
    elif json:
        print_json(method_row(name))
    else:
        typer.echo(format_help(name))
    warn_unusable_plugins(name)


COMMANDS = {"recipes": (recipes_command, "nearsight recipes gist")}
