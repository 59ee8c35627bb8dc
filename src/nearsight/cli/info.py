"""info, export: what is in a collection."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import Collection, Here, In, Json
from nearsight.cli._printing import print_json, shown, shown_lines
from nearsight.errors import UsageError

if TYPE_CHECKING:
    import nearsight as ns

IMAGE_COLUMNS = (
    "id",
    "path",
    "bytes",
    "width",
    "height",
    "format",
    "taken",
    "camera",
    "latitude",
    "longitude",
    "caption",
    "tags",
    "labels",
    "sha256",
)
SKIP_COLUMNS = ("path", "bytes", "reason", "detail")


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    TWO_FILE = "two-file"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: nearsight info --in ~/photos")(info)
    app.command(epilog="Example: nearsight export --in ~/photos --out photos.csv")(export)


def info(in_: In = Here, collection: Collection = None, json: Json = False) -> None:
    """Say what a collection holds: images, skipped files by reason, what it can be searched by, its size."""
    import nearsight as ns

    found = ns.open(in_, collection=collection).info()
    if json:
        print_json(found)
        return
    typer.echo(f"{found['images']} images of {shown(found['folder'])}")
    typer.echo(f"{found['bytes'] / 1e6:.1f} MB in {shown(found['collection'])}")
    for name, text in found["recipes"].items():
        typer.echo(f"  by {name:<10} {text}" if name != text else f"  by {text}")
        typer.echo(f"     {shown(found['unusable'].get(name, found['indexes'][name]))}")
    if any(found["words"].values()):
        typer.echo("  words: " + "{sidecars} sidecars, {images} images described".format(**found["words"]))
        if found["words"]["unknown"]:
            typer.echo(f"     {found['words']['unknown']} names in sidecars are of no image that is here")
    for reason, count in found["skipped"].items():
        typer.echo(f"  skipped {count:>6}  {reason}")


def export(
    in_: In = Here,
    collection: Collection = None,
    skipped: Annotated[bool, typer.Option("--skipped", help="The skipped files and their reasons instead.")] = False,
    form: Annotated[
        Format, typer.Option("--format", help="CSV, JSON, or a search base of two files: folders; names and rows.")
    ] = Format.CSV,
    by: Annotated[str | None, typer.Option(help="The sense whose rows a search base holds.")] = None,
    recipe: Annotated[str | None, typer.Option(help="The recipe whose rows a search base holds.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="A file instead of the terminal; of a search base, its name.")
    ] = None,
    json: Json = False,
) -> None:
    """Write what the catalogue knows of every image: size, date, camera, position, words; or of every skipped file.

    A search base (`--format two-file --out NAME`) is NAME.paths and NAME.hashes; `search --two-file NAME` asks it.
    """
    import json as json_module

    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    if form is Format.TWO_FILE:
        _two_file(photos, out, by, recipe, json)
        return
    columns = SKIP_COLUMNS if skipped else IMAGE_COLUMNS
    rows = _skips(photos) if skipped else _images(photos)
    if json or form is Format.JSON:
        text = json_module.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1) + "\n"
    else:
        text = _csv(columns, rows)
    if out is None and sys.stdout.isatty():
        typer.echo(shown_lines(text), nl=False)
    elif out is None:
        typer.echo(text.encode("utf8", "backslashreplace").decode(), nl=False)
    else:
        out.write_bytes(text.encode("utf8", "surrogateescape"))


def _two_file(photos: ns.Collection, out: Path | None, by: str | None, recipe: str | None, json: bool) -> None:
    if out is None:
        raise UsageError("a search base has a name: --format two-file --out NAME")
    sizes = photos.export_two_file(out, by=by, recipe=recipe)
    if json:
        print_json(vars(sizes))
        return
    two = sizes.paths + sizes.hashes
    typer.echo(f"{shown(str(out))}.paths: {sizes.paths:,} bytes; {shown(str(out))}.hashes: {sizes.hashes:,} bytes")
    typer.echo(
        f"together {two:,}; one file with whole paths would take {sizes.one_file:,} ({two / sizes.one_file:.0%})"
    )


def _images(photos: ns.Collection) -> Iterator[tuple[Any, ...]]:
    from nearsight.storage.full_text import label_origin

    for p in photos.images():
        notes = photos.notes(p.path)
        said = ("\n".join(note.caption for note in notes), "; ".join(note.tags.replace("\n", "; ") for note in notes))
        labels = "; ".join(f"{each.label} ({label_origin(each)})" for each in photos.labels(p.path))
        about = (p.taken, p.camera, p.latitude, p.longitude, *said, labels, p.sha256.hex())
        yield (p.id, os.fsdecode(p.path), p.size, p.width, p.height, p.format, *about)


def _skips(photos: ns.Collection) -> Iterator[tuple[Any, ...]]:
    for skip in photos.skips():
        yield (os.fsdecode(skip.path), skip.size, skip.reason.value, skip.detail)


def _csv(columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    stream = io.StringIO(newline="")
    plain = csv.writer(stream, lineterminator="\n")
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(columns)
    for row in rows:  # csv leaves a carriage return without the quotes that reading it back needs
        (quoting if any("\r" in value for value in row if isinstance(value, str)) else plain).writerow(row)
    return stream.getvalue()
