"""Help on a terminal: options in groups, and values by what they are, such as FILE, instead of Python's types."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand

HEADINGS = ("Arguments", "Query", "Filter", "Options", "Output")
"""The groups of a help in their order; an option that names none stands in the fourth."""


class GroupedCommand(TyperCommand):
    """A command whose help groups its options by `rich_help_panel`, which is one of `HEADINGS`."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401
        """Arguments as `FOLDER`, `[IMAGE]` or `FOLDER...`."""
        pieces = ["[OPTIONS]"]
        for each in self.get_params(ctx):
            if each.param_type_name == "argument":
                name = help_row(each, ctx)[0] + "..." * (each.nargs != 1)
                pieces.append(name if each.required else f"[{name}]")
        return pieces

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the arguments, then each group of options."""
        for heading, rows in self.option_groups(ctx).items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def option_groups(self, ctx: typer.Context) -> dict[str, list[tuple[str, str]]]:
        """Names and help of all parameters by their headings."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for each in self.get_params(ctx):
            groups.setdefault(help_heading(each), []).append(help_row(each, ctx))
        return dict(sorted(groups.items(), key=lambda group: HEADINGS.index(group[0])))


def help_heading(parameter: Any) -> str:  # noqa: ANN401
    """The group that a parameter stands in."""
    if parameter.param_type_name == "argument":
        return "Arguments"
    return getattr(parameter, "rich_help_panel", None) or "Options"


def help_row(parameter: Any, ctx: typer.Context) -> tuple[str, str]:  # noqa: ANN401
    """The name of a parameter with its metavar, and its help with default and limits."""
    name, text = parameter.get_help_record(ctx)
    text = re.sub(r"(\d+)<=x<=(\d+)(?=]$)", r"\1 to \2", re.sub(r"x>=(\d+)(?=]$)", r"at least \1", text))
    return (parameter.metavar if parameter.param_type_name == "argument" else name), text
