"""export: the metadata of a collection's images."""

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

from nearsight.cli._options import HERE, OUTPUT, CollectionOption, InOption, JsonOption
from nearsight.cli._printing import print_json
from nearsight.errors import UsageError, plain_detail
from nearsight.wording import plural, to_printable, to_printable_lines

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
    "taken_from",
    "time_zone",
    "camera",
    "lens",
    "iso",
    "latitude",
    "longitude",
    "altitude",
    "place_from",
    "rating",
    "creator",
    "city",
    "country",
    "page",
    "n_pages",
    "read_share",
    "caption",
    "tags",
    "labels",
    "sha256",
)
SUMMARY_COLUMNS = IMAGE_COLUMNS[: IMAGE_COLUMNS.index("caption")]
SKIP_COLUMNS = ("path", "bytes", "reason", "detail", "message")
SIDECAR_COLUMNS = ("sidecar", "name", "image", "reason")


class ExportFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    TWO_FILE = "two-file"


def export_command(
    in_: InOption = HERE,
    collection: CollectionOption = None,
    skipped: Annotated[bool, typer.Option("--skipped", help="The skipped files and their reasons instead.")] = False,
    sidecars: Annotated[
        bool, typer.Option("--sidecars", help="The sidecars with their images, or why these are in doubt, instead.")
    ] = False,
    by: Annotated[str | None, typer.Option(metavar="SENSE", help="Vectors of this sense, for two-file.")] = None,
    recipe: Annotated[str | None, typer.Option(metavar="RECIPE", help="Vectors of this recipe, for two-file.")] = None,
    form: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            metavar="csv|json|two-file",
            help="CSV, JSON, or an index of two files: folders; names and vectors.",
            rich_help_panel=OUTPUT,
        ),
    ] = ExportFormat.CSV,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a file; for two-file, its base name.", rich_help_panel=OUTPUT),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Export what is known of images, skipped files or sidecars.

    Size, date, camera, position, captions, tags and labels. With --format two-file it writes an index that search
    reads, NAME.paths and NAME.hashes, for --out NAME.
    """
    import json as json_module

    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    if form is ExportFormat.TWO_FILE:
        _export_two_file(photos, out, by, recipe, json)
        return
    if skipped and sidecars:
        raise UsageError("--skipped and --sidecars are two lists: take one")
    columns, rows = _exported_rows(photos, skipped=skipped, sidecars=sidecars)
    if json or form is ExportFormat.JSON:
        _write_text(json_module.dumps([dict(zip(columns, row, strict=True)) for row in rows], indent=1) + "\n", out)
    else:
        _write_text(_to_csv(columns, rows), out)


def _exported_rows(
    photos: ns.Collection, *, skipped: bool, sidecars: bool
) -> tuple[tuple[str, ...], Iterator[tuple[Any, ...]]]:
    if sidecars:
        return SIDECAR_COLUMNS, _sidecar_rows(photos)
    return (SKIP_COLUMNS, _exported_skips(photos)) if skipped else (IMAGE_COLUMNS, _image_rows(photos))


def _write_text(text: str, out: Path | None) -> None:
    if out is not None:
        out.write_bytes(text.encode("utf8", "surrogateescape"))
    elif sys.stdout.isatty():
        typer.echo(to_printable_lines(text), nl=False)
    else:
        typer.echo(text.encode("utf8", "backslashreplace").decode(), nl=False)


def _export_two_file(photos: ns.Collection, out: Path | None, by: str | None, recipe: str | None, json: bool) -> None:
    if out is None:
        raise UsageError("--format two-file takes a name for its two files: --out NAME")
    sizes = photos.export_two_file(out, by=by, recipe=recipe)
    if json:
        print_json(vars(sizes))
        return
    two = sizes.paths + sizes.hashes
    name = to_printable(str(out))
    typer.echo(f"{name}.paths: {plural(sizes.paths, 'byte')}; {name}.hashes: {plural(sizes.hashes, 'byte')}")
    typer.echo(f"together {two:,}; one file with full paths would take {sizes.one_file:,} ({two / sizes.one_file:.0%})")


def _image_rows(photos: ns.Collection) -> Iterator[tuple[Any, ...]]:
    from nearsight.storage.full_text import label_origin

    for record in photos.images():
        about, notes = photos.about(record), photos.notes(record.path)
        captions = (
            "\n".join(note.caption for note in notes),
            "; ".join(note.tags.replace("\n", "; ") for note in notes),
        )
        labels = "; ".join(f"{each.label} ({label_origin(each)})" for each in photos.labels(record.path))
        yield (*(getattr(about, name) for name in SUMMARY_COLUMNS), *captions, labels, record.sha256.hex())


def _exported_skips(photos: ns.Collection) -> Iterator[tuple[Any, ...]]:
    for skip in photos.skips():
        message = f"{skip.reason.sentence}; {skip.reason.advice}"
        yield (os.fsdecode(skip.path), skip.size, skip.reason.value, plain_detail(skip.detail), message)


def _sidecar_rows(photos: ns.Collection) -> Iterator[tuple[Any, ...]]:
    for line in photos.sidecar_lines():
        yield (line.sidecar, line.name, line.image, line.reason)


def _to_csv(columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    stream = io.StringIO(newline="")
    plain = csv.writer(stream, lineterminator="\n")
    quoting = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(columns)
    for row in rows:  # csv leaves a carriage return without the quotes that reading it back needs
        (quoting if any("\r" in value for value in row if isinstance(value, str)) else plain).writerow(row)
    return stream.getvalue()


COMMANDS = {"export": (export_command, "nearsight export --in ~/photos --out photos.csv")}
