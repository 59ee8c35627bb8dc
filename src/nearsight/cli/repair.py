"""repair: drop what is damaged and compute it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import HERE, CollectionOption, InOption, JsonOption, WorkersOption, ingest_settings
from nearsight.cli._printing import print_summary, show_progress
from nearsight.wording import to_printable


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
    info = Collection(locate(in_, collection)).info()
    print_summary(summary, {**info, "dropped": [vars(problem) for problem in problems]}, json)


COMMANDS = {"repair": (repair_command, "nearsight repair --in ~/photos")}
