"""What every command prints with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import typer

from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.ingest.run import IngestSummary, Watch


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Watch]:
    """Show a bar with rate and time left on a terminal, nothing elsewhere."""
    from nearsight.ingest.run import IngestProgress

    if quiet or not sys.stderr.isatty():
        yield lambda progress: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rate = TextColumn("{task.fields[rate]}")
    with Bar(*columns, rate, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("scanning", total=None, rate="")

        def watch(progress: IngestProgress) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:.0f} images/s" if speed and progress.total else ""
            total = progress.total or None
            bar.update(task, description=progress.step, completed=progress.done, total=total, rate=rate)

        yield watch


LONGEST = 40
"""Characters of a recipe's name that stand on one line beside a wide table."""

COUNTS = ("added", "changed", "moved", "removed", "completed", "unchanged")
"""The counts of an ingest, in the order in which they are printed."""


REMEDIES = {
    "needs-heif-extra": "to read HEIC and HEIF images: pip install pi-heif, then the same command again",
    "decodes-too-large": "to read larger images: the same command with --max-decoded N, in MiB",
}
"""What to do about skipped files, by reason."""


def print_json(value: Any) -> None:  # noqa: ANN401
    """Print a value as JSON; names that are not text come out as escapes that read back to the same name."""
    typer.echo(json.dumps(value, indent=2, default=str))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print a table whose first `left` columns are text, the others numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for at, head in enumerate(heads):
        table.add_column(to_printable(head), justify="left" if at < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(to_printable(cell), overflow="fold") for cell in row))
    Console(soft_wrap=False).print(table)


def split_columns(heads: Sequence[str], first: int) -> Iterator[list[str]]:
    """Split the heads of columns into parts as wide as the terminal, beside a first column of `first` characters."""
    from rich.console import Console

    wide, part = Console().width - min(first, LONGEST), list[str]()
    for head in heads:
        if part and sum(len(each) + 2 for each in [*part, head]) > wide:
            yield part
            part = []
        part.append(head)
    yield part


def print_summary(summary: IngestSummary, info: dict[str, Any], json: bool) -> None:
    """Print what an ingest did, and what the collection now holds."""
    counts = {name: getattr(summary, name) for name in COUNTS}
    if json:
        of_run = {"seconds": round(summary.seconds, 3), "migrated_from": summary.migrated_from}
        print_json({**counts, **of_run, **info})
        return
    if summary.migrated_from is not None:
        typer.echo(f"the collection was made by an older nearsight: its format {summary.migrated_from} was updated")
    done = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"
    encoded = summary.added + summary.changed + summary.completed
    speed = f", {encoded / summary.seconds:.0f} images/s" if encoded and summary.seconds else ""
    typer.echo(f"{done} in {summary.seconds:.1f} s{speed}")
    for reason, count in sorted(info["skipped"].items(), key=lambda item: -item[1]):
        typer.echo(f"  skipped {count:>6}  {reason}")
    usable = [name for name in info["recipes"] if name not in info["unusable"]]
    searchable = ", ".join(usable) or "text only"
    typer.echo(f"{plural(info['images'], 'image')} in {to_printable(info['collection'])}, searchable by {searchable}")
    warn_unusable(info["unusable"])
    for reason, remedy in REMEDIES.items():
        if reason in info["skipped"]:
            typer.echo(remedy)
    if info["skipped"]:
        typer.echo("list the skipped files with their reasons: nearsight export --skipped")


def find_unusable(photos: ns.Collection) -> dict[str, str]:
    """Return the recipes that cannot be used; none where damage hides them, which `verify` reports itself."""
    from nearsight.errors import CollectionError

    with suppress(CollectionError):
        return photos.unusable
    return {}


def warn_unusable(unusable: dict[str, str]) -> None:
    """Print a line for each recipe that cannot be used, on standard error."""
    for name, why in unusable.items():
        typer.echo(f"not used: {to_printable(name)}: {to_printable(why)}", err=True)
