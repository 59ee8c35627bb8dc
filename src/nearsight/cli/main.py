"""The command line: parse, call one function of the library, print."""

from __future__ import annotations

import os
import sys
from functools import cache

import typer

from nearsight import __version__
from nearsight.errors import NearsightError

app = typer.Typer(
    name="nearsight",
    help="Search images by what is in them: index a folder, ask with an image, see what is alike, and why.",
    epilog="Begin with: nearsight demo      Then: nearsight index FOLDER      nearsight search IMAGE --in FOLDER",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nearsight {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Take the options that stand before a command."""


@cache
def registered() -> typer.Typer:
    """The command line with every command in it."""
    from nearsight.cli import annotate, demo, evaluate, index, info, map, match, models, search, serve

    for module in (index, search, match, info, annotate, map, evaluate, demo, models, serve):
        module.register(app)
    return app


def main() -> None:
    """Run the command line; every error of ours is one message and its exit code."""
    registered()
    _plain_threads()
    try:
        app()
    except NearsightError as problem:
        from nearsight.cli._printing import shown_lines

        sys.stderr.write(f"nearsight: {shown_lines(str(problem))}\n")
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("\nnearsight: stopped; what was committed is kept, the same command goes on from there\n")
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _plain_threads() -> None:
    """Idle threads of the numeric libraries sleep instead of spinning beside busy workers."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
