"""The copies in a folder, and what of other images is there already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import (
    HERE,
    OUTPUT,
    CollectionOption,
    FolderArgument,
    HtmlOption,
    InOption,
    JsonOption,
    MaxDecodedOption,
    WorkersOption,
    ingest_settings,
)
from nearsight.cli._printing import print_json, print_table, show_progress
from nearsight.errors import UsageError
from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    from nearsight.applications.duplicates.results import DuplicateGroup, Duplicates


def duplicates_command(
    folder: FolderArgument,
    across: Annotated[
        Path | None,
        typer.Option(metavar="OTHER", help="Find what of FOLDER is in this folder, instead of copies within FOLDER."),
    ] = None,
    verdict: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VERDICT",
            help="What counts, with commas: identical, copy, edited, part. [default: the first two; all with --across]",
        ),
    ] = None,
    keep: Annotated[
        str, typer.Option(metavar="RULE", help="Image to keep: largest, oldest, newest or path:PATTERN.")
    ] = "largest",
    bursts: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Instead of copies, group photographs of one view that were taken so soon after each other.",
        ),
    ] = None,
    decided: Annotated[
        bool, typer.Option("--decided", help="Also show groups about which you decided all that there is to decide.")
    ] = False,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Decide that what is the same as the image to keep, and no larger, is a duplicate of it."
        ),
    ] = False,
    no_index: Annotated[
        bool, typer.Option("--no-index", help="Take the collection as it is; do not look for new files.")
    ] = False,
    collection: CollectionOption = None,
    workers: WorkersOption = 0,
    max_decoded: MaxDecodedOption = 256,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a line for each image.", rich_help_panel=OUTPUT)
    ] = None,
    missing: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --across, write the paths of what is not in OTHER as large and whole, for rsync --files-from.",
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    html: HtmlOption = None,
    json: JsonOption = False,
) -> None:
    """Find the copies in a folder, in groups.

    It proposes which of each group to keep, and deletes nothing. With --across OTHER: what of the folder is in another
    one. Exit code 1: no duplicates.

    nearsight duplicates decide, decisions, import, undo: what you think of them. apply, restore: act on it.
    """
    import nearsight as ns
    from nearsight.types.query import split_commas

    verdicts = split_commas(verdict)
    options: dict[str, Any] = {"verdicts": verdicts} if verdicts else {}
    options |= {"update": not no_index, "collection": collection, "settings": ingest_settings(workers, max_decoded)}
    _require_fitting(across is not None, html=html, missing=missing, accept=accept, decided=decided)
    if bursts is not None and (verdicts or accept or across is not None):
        raise UsageError("--bursts groups by time and view: it goes without --verdict, --accept and --across")
    if across is not None:
        _find_across(folder, across, options, csv, missing, json)
        return
    with show_progress(quiet=json) as watch:
        if bursts is None:
            found = ns.duplicates(folder, keep=keep, decided=decided, watch=watch, **options)
        else:
            found = ns.bursts(folder, seconds=bursts, keep=keep, decided=decided, watch=watch, **options)
    accepted = ns.accept_proposals(folder, found, collection=collection) if accept else 0
    if csv is not None:
        _write_groups(csv, found)
    if html is not None:
        from nearsight.cli._report import write_groups_page

        with ns.open(folder, collection=collection) as photos:
            write_groups_page(html, photos, found, f"Duplicates in {folder}")
    if json:
        print_json({**found.as_dict(), **({"accepted": accepted} if accept else {})})
    else:
        _print_groups(found)
        written = {"table": csv, "page": html}
        for what in (each for each in written if written[each] is not None):
            typer.echo(f"{what}: {to_printable(str(written[what]))}")
        if accept:
            typer.echo(f"decided: {plural(accepted, 'duplicate')}; nearsight duplicates apply shows what would go")
    if not found.groups:
        raise typer.Exit(1)


def _require_fitting(across: bool, *, html: Path | None, missing: Path | None, accept: bool, decided: bool) -> None:
    """UsageError where options do not go together."""
    if across and html is not None:
        raise UsageError("--html shows groups of one folder; with --across use --csv or --json")
    if across and (accept or decided):
        raise UsageError("--accept and --decided go with groups of one folder, not with --across")
    if missing is not None and not across:
        raise UsageError("--missing goes with --across OTHER: it lists what of FOLDER is not in OTHER")


def _find_across(
    folder: Path, other: Path, options: dict[str, Any], csv: Path | None, missing: Path | None, json: bool
) -> None:
    """Print what of a folder is in another one."""
    import nearsight as ns

    with show_progress(quiet=json) as watch:
        found = ns.duplicates_across(folder, other, watch=watch, **options)
    if csv is not None:
        seen = {each.path for each in found.found}
        lacking = [(path, "", "", "no copy of it was found", False) for path in found.missing if path not in seen]
        heads = ("path", "other", "verdict", "why", "complete")
        _write_rows(csv, heads, [*map(astuple, found.found), *lacking])
    if missing is not None:
        if broken := next((path for path in found.missing if "\n" in path), None):
            raise UsageError(
                f"a line break in the name {broken!r} cannot stand in a list of lines; use --json or --csv"
            )
        missing.write_bytes(b"".join(os.fsencode(path) + b"\n" for path in found.missing))
    if json:
        print_json(found.as_dict())
    else:
        rows = [(each.verdict, each.path, each.other, each.why) for each in found.found]
        if rows:
            print_table(("verdict", "image", "in the other folder", "why"), rows, left=4)
        complete = sum(each.complete for each in found.found)
        n_images = plural(found.n_images, "image")
        typer.echo(f"{len(found.found):,} of {n_images} have a copy there, {complete:,} of them as large and whole")
        if found.not_looked_at:
            typer.echo(f"not looked at in {to_printable(str(folder))}: {to_printable('; '.join(found.not_looked_at))}")
        _print_failures(found.failures)
        if missing is not None:
            typer.echo(f"{plural(len(found.missing), 'path')} of the others: {to_printable(str(missing))}")
    if not found.found:
        raise typer.Exit(1)


def check_command(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="New images, or folders of them.")],
    in_: InOption = HERE,
    collection: CollectionOption = None,
    json: JsonOption = False,
) -> None:
    """Check which new images are in a collection already.

    They are not added. Exit code 1: none of them.
    """
    import nearsight as ns

    found = ns.check(images, in_, collection=collection)
    if json:
        print_json([each.as_dict() for each in found])
    else:
        print_table(
            ("verdict", "image", "in the collection", "why"),
            [(each.verdict or "not found", each.image, each.found or "", each.why) for each in found],
            left=4,
        )
        there = sum(each.found is not None for each in found)
        typer.echo(f"{there:,} of {plural(len(found), 'image')} have a copy there")
    if not any(each.found is not None for each in found):
        raise typer.Exit(1)


def _print_groups(found: Duplicates) -> None:
    """Print each group with the image to keep first, then what was found in all."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "verdict", "image", "size", "why"):
        table.add_column(column, justify="right" if column == "size" else "left")
    for number, group in enumerate(found.groups, 1):
        for row in _group_rows(number, group):
            table.add_row(*(Text(to_printable(cell), overflow="fold") for cell in row))
    if found.groups:
        Console(soft_wrap=False).print(table)
    others = sum(len(group.members) - 1 for group in found.groups)
    same = [each for group in found.groups for each in group.members if each.same_as_kept]
    megabytes = sum(each.bytes for each in same) / 1e6
    typer.echo(
        f"{plural(found.n_images, 'image')}, {plural(len(found.groups), 'group')} with {plural(others, 'other image')};"
        f" {len(same):,} are identical to the one to keep, or copies of it and no larger: {megabytes:,.1f} MB"
    )
    if found.n_decided:
        typer.echo(f"{plural(found.n_decided, 'group')} more, about which you decided: --decided shows them")
    _print_failures(found.failures)
    if found.left_out:
        typer.echo(f"not looked at: {found.left_out}", err=True)


def _group_rows(number: int, group: DuplicateGroup) -> list[tuple[str, str, str, str, str]]:
    rows = []
    for each in group.members:
        mark = f"{number} keep" if each.keep else str(number)
        why = "; ".join(filter(None, (group.keep_why if each.keep else "", each.why)))
        size = f"{each.width} x {each.height}, {each.bytes / 1e3:,.0f} kB"
        if each.decision:
            why = f"{why}; you decided: {each.decision}"
        rows.append((mark, each.verdict or "the first", each.path, size, why))
    return rows


def _print_failures(failures: Sequence[tuple[str, str, str]]) -> None:
    for image, other, reason in failures:
        typer.echo(f"not compared: {to_printable(image)} with {to_printable(other)}: {to_printable(reason)}", err=True)


def _write_groups(path: Path, found: Duplicates) -> None:
    names = (
        "path",
        "keep",
        "same_as_kept",
        "decision",
        "verdict",
        "why",
        "width",
        "height",
        "bytes",
        "format",
        "taken",
    )
    rows = [
        [number, *(getattr(each, name) for name in names)]
        for number, group in enumerate(found.groups, 1)
        for each in group.members
    ]
    _write_rows(path, ("group", *names), rows)


def _write_rows(path: Path, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    import csv

    with path.open("w", newline="", encoding="utf8", errors="surrogateescape") as file:
        csv.writer(file).writerows([heads, *rows])


GROUP = {"find": (duplicates_command, "nearsight duplicates ~/photos --csv copies.csv")}
COMMANDS = {
    "check": (check_command, "nearsight check new.jpg --in ~/photos"),
}
