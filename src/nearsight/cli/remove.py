"""remove: exclude images from a collection."""

from __future__ import annotations

from typing import Annotated

import typer

from nearsight.cli._options import HERE, CollectionOption, InOption, JsonOption
from nearsight.cli._printing import print_json
from nearsight.wording import plural, to_printable


def remove_command(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Images or subfolders, relative to the indexed folder."),
    ],
    in_: InOption = HERE,
    collection: CollectionOption = None,
    undo: Annotated[bool, typer.Option("--undo", help="Include them again with the next index.")] = False,
    json: JsonOption = False,
) -> None:
    """Remove images from the collection; their files stay.

    Later runs of index exclude them too. Exit code 1: no image matches.
    """
    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    count = photos.restore(paths) if undo else photos.remove(paths)
    verb = "restored" if undo else "removed"
    if json:
        print_json({verb: count})
    elif count:
        then = "included by the next index" if undo else "the files are untouched"
        typer.echo(f"{plural(count, 'image')} {verb}; {then}")
    else:
        known = "removed image" if undo else "image"
        typer.echo(f"0 images {verb}: no {known} matches {', '.join(map(to_printable, paths))}")
    if not count:
        raise typer.Exit(1)


COMMANDS = {"remove": (remove_command, "nearsight remove private holiday/IMG_1.jpg --in ~/photos")}
