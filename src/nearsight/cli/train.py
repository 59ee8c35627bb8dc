"""train: what recipes need, from images, into a file for any collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import OUTPUT, JsonOption, WorkersOption, ingest_settings
from nearsight.cli._printing import print_json, show_progress
from nearsight.wording import to_printable


def train_command(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER", help="Folders of images.")],
    recipe: Annotated[
        list[str],
        typer.Option(metavar="RECIPE", help='A recipe that is trained, such as "sift | vlad"; may be repeated.'),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file to write.", rich_help_panel=OUTPUT)],
    pairs: Annotated[
        str,
        typer.Option(
            metavar="FILE|folders",
            help="Matching images, for recipes that are trained on pairs: a CSV file of two columns, the paths of both "
            "relative to their FOLDER; or 'folders', where the images of each folder show one thing.",
        ),
    ] = "",
    workers: WorkersOption = 0,
    json: JsonOption = False,
) -> None:
    """Train what recipes need, such as a vocabulary, from images.

    The file serves collections of other images too: nearsight index FOLDER --recipe RECIPE --trained FILE.
    """
    import nearsight as ns

    with show_progress(quiet=json) as watch:
        recipes = ns.train(folders, recipe, out, pairs=pairs, settings=ingest_settings(workers), watch=watch)
    if json:
        print_json({"recipes": recipes, "file": str(out), "bytes": out.stat().st_size})
        return
    for each in recipes:
        typer.echo(f"trained: {to_printable(each)}")
    size = out.stat().st_size / 1e6
    typer.echo(f"{out}: {size:.1f} MB; use it: nearsight index FOLDER --recipe RECIPE --trained {out}")


COMMANDS = {"train": (train_command, 'nearsight train ~/photos --recipe "sift | vlad" --out photos.npz')}
