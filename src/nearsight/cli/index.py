"""index, verify, repair, remove: making a collection and looking after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearsight.cli._options import Collection, Here, In, Json, LearntFiles, MaxDecoded, senses
from nearsight.cli._printing import print_json, shown
from nearsight.senses import DEFAULT_SENSES, NAMES

DECODER_SHARE = 2.5
"""A worker may hold this many times the decoded image."""

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.ingest.run import IngestSettings, IngestSummary, Watch


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(epilog="Example: nearsight index ~/photos --by copy,colour")(index)
    app.command(epilog='Example: nearsight learn ~/photos --recipe "sift | vlad" --out photos.npz')(learn)
    app.command(epilog="Example: nearsight verify --in ~/photos")(verify)
    app.command(epilog="Example: nearsight repair --in ~/photos")(repair)
    app.command(epilog="Example: nearsight remove private holiday/IMG_1.jpg --in ~/photos")(remove)


def index(
    folder: Annotated[Path, typer.Argument(help="The folder of images.")],
    by: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Senses, with commas: {NAMES}; `recipes` explains them. [default: {','.join(DEFAULT_SENSES)}]"
        ),
    ] = None,
    recipe: Annotated[list[str] | None, typer.Option(help='A recipe, such as "phash | flat"; may be repeated.')] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(help="A sense or recipe to take out, with its rows; may be repeated."),
    ] = None,
    collection: Collection = None,
    learnt: LearntFiles = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one a core.")] = 0,
    max_decoded: MaxDecoded = 256,
    json: Json = False,
) -> None:
    """Create the collection of a folder, or bring it up to date: only what changed costs work."""
    import nearsight as ns

    with _progress(quiet=json) as watch:
        photos = ns.index(
            folder,
            senses(by),
            recipe or (),
            drop=drop or (),
            collection=collection,
            trained=learnt or (),
            settings=_settings(workers, max_decoded),
            watch=watch,
        )
    assert photos.summary is not None
    if photos.dropped.recipes and not json:
        typer.echo(f"dropped {shown(', '.join(photos.dropped.recipes))}: {photos.dropped.bytes:,} bytes freed")
    _report(photos.summary, {**photos.info(), "dropped": vars(photos.dropped)}, json)


def learn(
    folder: Annotated[list[Path], typer.Argument(help="Folders of images.")],
    recipe: Annotated[list[str], typer.Option(help='A recipe that learns, such as "sift | vlad"; may be repeated.')],
    out: Annotated[Path, typer.Option(help="The file that is written.")],
    pairs: Annotated[
        str,
        typer.Option(
            metavar="FILE|folders",
            help="Images of the same thing, for recipes that learn from pairs: a CSV file of two columns, the paths "
            "of both below FOLDERS; or 'folders', where the images of each folder show one thing.",
        ),
    ] = "",
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one a core.")] = 0,
    json: Json = False,
) -> None:
    """Learn what recipes need, such as visual words, from some images, for collections of others (--learnt)."""
    import nearsight as ns

    with _progress(quiet=json) as watch:
        recipes = ns.train(folder, recipe, out, pairs=pairs, settings=_settings(workers, 256), watch=watch)
    if json:
        print_json({"recipes": recipes, "file": str(out), "bytes": out.stat().st_size})
        return
    for each in recipes:
        typer.echo(f"learnt: {shown(each)}")
    typer.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB; use it: nearsight index FOLDER --recipe ... --learnt {out}")


def verify(in_: In = Here, collection: Collection = None, json: Json = False) -> None:
    """Read everything that is stored and compare it with its checksums."""
    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    problems = photos.verify()
    if json:
        found = [vars(problem) for problem in problems]
        print_json({"clean": not problems, "problems": found, "unusable": _unusable(photos)})
    else:
        _warn(_unusable(photos))
    for problem in [] if json else problems:
        typer.echo(f"{problem.where}: {problem.what}")
    if problems:
        if not json:
            typer.echo(f"{len(problems)} problems; mend them: nearsight repair", err=True)
        raise typer.Exit(3)
    if not json:
        typer.echo("clean")


def repair(
    in_: In = Here,
    collection: Collection = None,
    folder: Annotated[
        Path | None, typer.Option(help="The folder of the images, where the collection does not know it any more.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 is one a core.")] = 0,
    json: Json = False,
) -> None:
    """Drop what is damaged, keep what is sound, describe the rest again from the images."""
    from nearsight.api.collection import Collection as Opened
    from nearsight.api.indexing import repair
    from nearsight.storage.location import locate

    with _progress(quiet=json) as watch:
        problems, summary = repair(
            in_, collection=collection, root=folder, settings=_settings(workers, 256), watch=watch
        )
    for problem in [] if json else problems:
        typer.echo(f"dropped: {problem.where}: {problem.what}")
    info = Opened(locate(in_, collection)).info()
    _report(summary, {**info, "dropped": [vars(problem) for problem in problems]}, json)


def remove(
    paths: Annotated[list[str], typer.Argument(help="Images or subfolders, relative to the indexed folder.")],
    in_: In = Here,
    collection: Collection = None,
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again with the next index.")] = False,
    json: Json = False,
) -> None:
    """Take images out of the collection; their files stay, and later runs of index leave them out."""
    import nearsight as ns

    photos = ns.open(in_, collection=collection)
    count = photos.restore(paths) if undo else photos.remove(paths)
    if json:
        print_json({"restored" if undo else "removed": count})
    else:
        what = "may come back with the next index" if undo else "taken out; the files are untouched"
        typer.echo(f"{count} images {what}")
    if not count:
        raise typer.Exit(1)


def _settings(workers: int, max_decoded: int) -> IngestSettings:
    from dataclasses import replace

    from nearsight.ingest.run import IngestSettings

    made = IngestSettings()
    decoded = max_decoded << 20
    memory = max(made.worker_limits.memory, int(DECODER_SHARE * decoded))
    made = replace(
        made,
        limits=replace(made.limits, decoded=decoded),
        worker_limits=replace(made.worker_limits, memory=memory),
    )
    return replace(made, workers=workers) if workers else made


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Watch]:
    """A bar with rate and time left on a terminal, nothing elsewhere."""
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
        task = bar.add_task("looking", total=None, rate="")

        def watch(progress: IngestProgress) -> None:
            speed = bar.tasks[task].speed
            rate = f"{speed:.0f} images/s" if speed and progress.total else ""
            bar.update(
                task, description=progress.step, completed=progress.done, total=progress.total or None, rate=rate
            )

        yield watch


def _report(summary: IngestSummary, info: dict[str, Any], json: bool) -> None:
    counts = {name: getattr(summary, name) for name in _COUNTS}
    if json:
        print_json({**counts, "seconds": round(summary.seconds, 3), **info})
        return
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"
    rate = summary.added + summary.changed + summary.completed
    speed = f", {rate / summary.seconds:.0f} images/s" if rate and summary.seconds else ""
    typer.echo(f"{said} in {summary.seconds:.1f} s{speed}")
    for reason, count in sorted(info["skipped"].items(), key=lambda item: -item[1]):
        typer.echo(f"  skipped {count:>6}  {reason}")
    usable = [name for name in info["recipes"] if name not in info["unusable"]]
    searchable = ", ".join(usable) or "words alone"
    typer.echo(f"{info['images']} images in {shown(info['collection'])}, searchable by {searchable}")
    _warn(info["unusable"])
    if info["skipped"]:
        typer.echo("which files were skipped, and why: nearsight export --skipped")


def _unusable(photos: ns.Collection) -> dict[str, str]:
    """The recipes that cannot be used; none where damage hides them, which `verify` tells by itself."""
    from nearsight.errors import CollectionError

    with suppress(CollectionError):
        return photos.unusable
    return {}


def _warn(unusable: dict[str, str]) -> None:
    """A line for each recipe that cannot be used."""
    for name, why in unusable.items():
        typer.echo(f"not used: {shown(name)}: {shown(why)}", err=True)


_COUNTS = ("added", "changed", "moved", "removed", "completed", "unchanged")
