"""The command line: parse, call one function of the library, print."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any, NoReturn, TypeAlias

import typer
from typer.core import TyperCommand, TyperGroup

from nearsight import __version__
from nearsight.errors import NearsightError, StorageError, UsageError

CommandTable: TypeAlias = Mapping[str, tuple[Callable[..., Any], str]]
"""Commands by name: the function, and an example that ends its help."""

MODULES = (
    *("index", "search", "duplicates", "match", "describe", "colours", "recipes", "info", "export", "annotate", "map"),
    *("train", "verify", "remove", "evaluate", "compare", "serve", "demo"),
)
"""Modules with commands, in the order of the help; `duplicates` and `models`, which are groups, follow."""

EPILOG = """\b
Begin with:  nearsight demo
Then:        nearsight index FOLDER
             nearsight search IMAGE --in FOLDER
"""

INTERRUPTED = 130
"""The exit code of what was stopped at the keyboard."""
STOPPED = "stopped; what was committed is kept, the same command continues from there"

HEADINGS = ("Arguments", "Query", "Filter", "Options", "Files", "Words", "Output")
"""The groups of a help in their order; an option that names none stands under Options."""


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


class FindingGroup(TyperGroup):
    """A group whose command `find` runs where none is named: `nearsight duplicates FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401
        """The arguments, with the command that they mean."""
        named = args[:1] and args[0] in self.commands
        return super().parse_args(ctx, args if named else ["find", *args])


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


app = typer.Typer(
    name="nearsight",
    help="Search images by content: index a folder, query it with an image, see similar ones, and why.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    subcommand_metavar="COMMAND",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nearsight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Take the options that stand before a command."""


@cache
def load_app() -> typer.Typer:
    """Return the command line with every command in it."""
    for name in MODULES:
        _add_commands(app, import_module(f"nearsight.cli.{name}").COMMANDS)
    duplicates, models = (import_module(f"nearsight.cli.{name}") for name in ("duplicates", "models"))
    _add_group(
        "duplicates", "Find the copies in a folder, in groups; decide about them.", duplicates.GROUP, FindingGroup
    )
    _add_group("models", models.HELP, models.COMMANDS, TyperGroup)
    return app


def _add_group(name: str, text: str, commands: CommandTable, kind: type[TyperGroup]) -> None:
    """Add a group of commands; the first of them is its example."""
    example = next(iter(commands.values()))[1]
    group = typer.Typer(
        name=name,
        cls=kind,
        help=text,
        epilog=f"Example: {example}",
        no_args_is_help=kind is TyperGroup,
        subcommand_metavar="COMMAND",
        rich_markup_mode=None,
    )
    _add_commands(group, commands)
    app.add_typer(group)


def _add_commands(group: typer.Typer, commands: CommandTable) -> None:
    for name, (function, example) in commands.items():
        group.command(name, cls=GroupedCommand, epilog=f"Example: {example}")(function)


def main() -> None:
    """Run the command line; every error of ours is one message and its exit code."""
    try:
        load_app()
        _quiet_threads_of_main()
        app()
    except NearsightError as problem:
        _end(str(problem), problem.exit_code)
    except KeyboardInterrupt:
        _end(STOPPED, INTERRUPTED)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # Typer ends so, without a word
            sys.stderr.write(f"\nnearsight: {STOPPED}\n")
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as problem:
        if problem.filename is None and problem.errno in (errno.ENOSPC, errno.EDQUOT):
            _end("the disk is full: what was to be printed could not be written", StorageError.exit_code)
        if problem.filename is None or problem.strerror is None:
            raise
        name = os.fsdecode(problem.filename)
        _end(f"{name}: {problem.strerror}; check the name, and who may read and write there", UsageError.exit_code)


def _end(message: str, code: int) -> NoReturn:
    from nearsight.wording import to_printable_lines

    sys.stderr.write(f"nearsight: {to_printable_lines(message)}\n")
    sys.exit(code)


def _quiet_threads_of_main() -> None:
    """Let idle threads of the numeric libraries sleep instead of spinning beside busy workers."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
