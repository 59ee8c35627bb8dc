"""The progress bar of commands that take long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nearsight.ingest.run import Watch


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
