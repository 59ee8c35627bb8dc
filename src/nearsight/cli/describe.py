"""describe: the vectors of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearsight.cli._options import OUTPUT, JsonOption, read_image_argument
from nearsight.cli._printing import print_json
from nearsight.wording import plural, to_printable


def describe_command(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Images; - for standard input.")],
    recipe: Annotated[str, typer.Option(metavar="RECIPE", help="A recipe that starts with a descriptor.")] = "gist",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a .npy file instead of printing.", rich_help_panel=OUTPUT)
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compute the vectors of images by any descriptor, one row each."""
    import numpy as np

    import nearsight as ns

    vectors = ns.describe([read_image_argument(each) for each in images], recipe)
    if out is not None:
        np.save(out, vectors, allow_pickle=False)
        typer.echo(f"{plural(len(vectors), 'vector')} of {vectors.shape[1]} {vectors.dtype} in {out}")
    elif json:
        print_json([{"path": str(p), "row": row.tolist()} for p, row in zip(images, vectors, strict=True)])
    else:
        for image, row in zip(images, vectors, strict=True):
            typer.echo("\t".join([to_printable(str(image)), *(f"{value:.6g}" for value in row.tolist())]))


COMMANDS = {"describe": (describe_command, "nearsight describe a.jpg b.jpg --recipe gist --out rows.npy")}
