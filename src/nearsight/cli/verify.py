"""verify and repair: check what is stored, and compute again what is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import HERE, CollectionOption, InOption, JsonOption, WorkersOption, ingest_settings
from nearsight.cli._printing import find_unusable, print_json, print_summary, show_progress, warn_unusable
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


def repair_command(
    in_: InOption = HERE,
    collection: CollectionOption = None,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder of the images, if the collection lost it.")
    ] = None,
    workers: WorkersOption = 0,
    json: JsonOption = False,
) -> None:
    """Drop damaged data and compute it again from the images. What is intact stays."""
    from nearsight.api.collection import Collection
    from nearsight.api.indexing import repair
    from nearsight.storage.catalogue import locate

    with show_progress(quiet=json) as watch:
        problems, summary = repair(
            in_, collection=collection, root=folder, settings=ingest_settings(workers), watch=watch
        )
    for problem in [] if json else problems:
        typer.echo(to_printable(f"dropped: {problem.where}: {problem.what}"))
    photos = Collection(locate(in_, collection))
    found = {**photos.info(), "dropped": [vars(problem) for problem in problems]}
    print_summary(summary, found, photos.skips(), json=json)


COMMANDS = {
    "verify": (verify_command, "nearsight verify --in ~/photos"),
    "repair": (repair_command, "nearsight repair --in ~/photos"),
}
