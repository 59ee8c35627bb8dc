"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from nearsight.errors import UsageError

In: TypeAlias = Annotated[
    Path, typer.Option("--in", help="A folder that is indexed, or lies in one; the current folder by default.")
]
Collection: TypeAlias = Annotated[
    Path | None, typer.Option("--collection", help="Where the collection lies, if not in FOLDER/.nearsight.")
]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Workers: TypeAlias = Annotated[int, typer.Option("--workers", min=1, help="Processes that decode and describe.")]
MaxDecoded: TypeAlias = Annotated[
    int, typer.Option("--max-decoded", min=1, help="Largest decoded image that is read, in MiB.")
]
LearntFiles: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--learnt", help="A file of nearsight learn, used instead of learning anew; may be repeated."),
]
Here = Path()
CORES = 0
"""Stands for one worker a core."""


def senses(by: Sequence[str] | None) -> list[str]:
    """The senses that --by names, with commas or one after another."""
    return [word.strip() for each in by or () for word in each.split(",") if word.strip()]


def box_of(text: str | None) -> tuple[float, float, float, float] | None:
    """The corners that --box names; UsageError on anything else."""
    if text is None:
        return None
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        raise UsageError(f'--box takes x0,y0,x1,y1 in pixels, such as 10,20,300,200; got "{text}"') from None
    return x0, y0, x1, y1
