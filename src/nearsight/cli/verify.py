"""verify: check what is stored."""

from __future__ import annotations

import typer

from nearsight.cli._options import HERE, CollectionOption, InOption, JsonOption
from nearsight.cli._printing import find_unusable, print_json, warn_unusable
from nearsight.wording import plural, to_printable


def verify_command(in_: InOption = HERE, collection: CollectionOption = None, json: JsonOption = False) -> None:
    """Check all stored data against its checksums. Exit code 3: something is damaged."""
    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    problems = photos.verify()
    if json:
        found = [vars(problem) for problem in problems]
        print_json({"clean": not problems, "problems": found, "unusable": find_unusable(photos)})
    else:
        warn_unusable(find_unusable(photos))
        for problem in problems:
            typer.echo(to_printable(f"{problem.where}: {problem.what}"))
        if problems:
            typer.echo(f"{plural(len(problems), 'problem')} found; run nearsight repair", err=True)
        else:
            typer.echo("clean")
    if problems:
        raise typer.Exit(3)


COMMANDS = {"verify": (verify_command, "nearsight verify --in ~/photos")}
