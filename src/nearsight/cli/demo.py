"""demo: altered copies of real photographs, and what the search makes of them. Nothing is downloaded.

The photographs are those that come inside scikit-image and scikit-learn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nearsight.cli._options import Json
from nearsight.cli._printing import print_json
from nearsight.images.decode import open_image

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.cli._report import Answer
    from nearsight.search.results import Results

PHOTOGRAPHS = {
    "skimage.data": (
        "astronaut.png",
        "brick.png",
        "camera.png",
        "chelsea.png",
        "coffee.png",
        "coins.png",
        "hubble_deep_field.jpg",
        "ihc.png",
        "motorcycle_left.png",
        "retina.jpg",
        "rocket.jpg",
    ),
    "sklearn.datasets.images": ("china.jpg", "flower.jpg"),
}
STRANGERS = {"skimage.data": ("clock_motion.png", "grass.png", "gravel.png", "moon.png", "page.png")}
"""Photographs that are only asked with: nothing like them is in the folder."""
ATTACKS = (
    "jpeg20",
    "half",
    "crop10",
    "bright+20",
    "bright-20",
    "crop50",
    "text",
    "border",
    "rotate15",
    "mirror",
    "grey",
    "blur",
)
SHOWN = ("crop50", "mirror", "text")


@dataclass
class Tally:
    """One kind of alteration: how many were asked with, found first, and accepted as copies."""

    asked: int = 0
    first: int = 0
    accepted: int = 0


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command(epilog="Example: nearsight demo --folder /tmp/images")(demo)


def demo(
    folder: Annotated[Path, typer.Option(help="Where the images and the page are written.")] = Path("nearsight-demo"),
    json: Json = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve them in the browser instead.")] = False,
) -> None:
    """Index real photographs, ask with altered copies of them, and show what was found. No download."""
    import nearsight as ns
    from nearsight.cli._report import write

    start = time.monotonic()
    images, queries = folder / "images", folder / "queries"
    originals = _lay_out(PHOTOGRAPHS, images)
    strangers = _lay_out(STRANGERS, folder / "strangers")
    copies = _altered(originals, queries)

    def say(text: str) -> None:
        if not json:
            typer.echo(text)

    say(f"{len(originals)} photographs in {images}; {len(copies)} altered copies of them in {queries}")
    photos = ns.index(images, by=["copy", "colour"])
    say(f"indexed in {photos.summary.seconds if photos.summary else 0:.1f} s")
    if serve:
        _serve(photos, say)
        return
    say("asking with every copy")
    tallies, answers = _ask_copies(photos, copies)
    alarms, more = _ask_strangers(photos, strangers)
    page = folder / "result.html"
    intro = f"{len(copies)} altered copies of {len(originals)} photographs were asked with; a few of the answers."
    write(page, "nearsight demo: altered copies and their originals", answers + more, intro)
    seconds = time.monotonic() - start
    if json:
        table = {name: vars(tally) for name, tally in tallies.items()}
        print_json({"kinds": table, "strangers": len(strangers), "false": alarms, "page": str(page)})
        return
    _print(tallies)
    say(f"{len(strangers)} photographs that are not in the folder: {alarms} wrongly taken for copies")
    say(f"{seconds:.0f} s in all. The page: {page.resolve()}")
    say(f"try it yourself: nearsight search {copies[0][2]} --in {images}")


def _serve(photos: ns.Collection, say: Callable[[str], None]) -> None:
    from nearsight.cli.serve import run
    from nearsight.server.settings import ServerSettings

    say("ask on the page with any of the altered copies")
    run([photos.home], ServerSettings(), open_=False)


def _lay_out(photographs: Mapping[str, tuple[str, ...]], folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for package, names in photographs.items():
        for name in names:
            data = files(package).joinpath(name).read_bytes()
            path = folder / name
            if not path.exists() or path.read_bytes() != data:
                path.write_bytes(data)
            made.append(path)
    return made


def _altered(originals: Iterable[Path], folder: Path) -> list[tuple[str, Path, Path]]:
    """Write each alteration of each original; kind, original, copy."""
    from PIL import Image as PillowImage

    from nearsight.evaluation.attacks import ATTACKS as EVERY

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for original in originals:
        image = open_image(original).render(1024)
        for kind in ATTACKS:
            copy = folder / f"{original.stem}-{kind}.jpg"
            if not copy.exists():
                PillowImage.fromarray(EVERY[kind](image)).save(copy, quality=90)
            made.append((kind, original, copy))
    return made


def _ask_copies(photos: ns.Collection, copies: list[tuple[str, Path, Path]]) -> tuple[dict[str, Tally], list[Answer]]:
    from nearsight.cli._report import Answer

    tallies: dict[str, Tally] = {}
    answers: list[Answer] = []
    for kind, original, copy in copies:
        results = photos.search(copy, k=5)
        tally = tallies.setdefault(kind, Tally())
        tally.asked += 1
        tally.first += _is_first(results, original)
        tally.accepted += _is_first(results, original) and bool(results[0].alike)
        wanted = kind in SHOWN and sum(answer.lead == _lead(kind) for answer in answers) < 2
        if wanted:
            answers.append(Answer.of(photos, copy, results, title=copy.name, lead=_lead(kind)))
    return tallies, answers


def _ask_strangers(photos: ns.Collection, strangers: list[Path]) -> tuple[int, list[Answer]]:
    from nearsight.cli._report import Answer

    alarms, answers = 0, []
    for stranger in strangers:
        results = photos.search(stranger, k=5)
        alarms += sum(bool(hit.alike) for hit in results)
        answers.append(Answer.of(photos, stranger, results, title=stranger.name, lead="not in the folder"))
    return alarms, answers[:1]


def _is_first(results: Results, original: Path) -> bool:
    return bool(len(results)) and results[0].path == original.name


def _lead(kind: str) -> str:
    return f"altered copy: {kind}"


def _print(tallies: dict[str, Tally]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("alteration", "asked", "original first", "accepted as copy"):
        table.add_column(column, justify="left" if column == "alteration" else "right")
    for kind, tally in tallies.items():
        table.add_row(kind, str(tally.asked), str(tally.first), str(tally.accepted))
    Console().print(table)
