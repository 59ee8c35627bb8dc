"""demo: a search for altered copies of real photographs. Nothing is downloaded.

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

from nearsight.cli._options import OUTPUT, JsonOption
from nearsight.cli._printing import print_json, print_table
from nearsight.wording import plural

if TYPE_CHECKING:
    import nearsight as ns
    from nearsight.cli._report import PageAnswer
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
NEGATIVES = {"skimage.data": ("clock_motion.png", "grass.png", "gravel.png", "moon.png", "page.png")}
"""Photographs that serve as queries only: nothing like them is in the folder."""
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
    """One kind of alteration: number of queries, of originals ranked first, and of those accepted as copies."""

    asked: int = 0
    first: int = 0
    accepted: int = 0


def demo_command(
    folder: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where the images and the page are written.", rich_help_panel=OUTPUT)
    ] = Path("nearsight-demo"),
    json: JsonOption = False,
    serve: Annotated[bool, typer.Option("--serve", help="Serve them in the browser instead.")] = False,
) -> None:
    """Index sample photographs and search with altered copies.

    Nothing is downloaded.
    """
    import nearsight as ns
    from nearsight.cli._report import write_page

    start = time.monotonic()
    images, queries = folder / "images", folder / "queries"
    originals = _write_demo_originals(PHOTOGRAPHS, images)
    negatives = _write_demo_originals(NEGATIVES, folder / "strangers")
    copies = _write_demo_copies(originals, queries)

    def say(text: str) -> None:
        if not json:
            typer.echo(text)

    say(f"{len(originals)} photographs in {images}; {len(copies)} altered copies of them in {queries}")
    photos = ns.index(images, by=["copy", "colour"])
    say(f"indexed in {photos.summary.seconds if photos.summary else 0:.1f} s")
    if serve:
        _serve_demo(photos, say)
        return
    say("searching with every copy")
    tallies, answers = _search_demo_copies(photos, copies)
    alarms, more = _search_demo_negatives(photos, negatives)
    page = folder / "result.html"
    intro = f"Some of {len(copies)} queries with altered copies of {len(originals)} photographs."
    write_page(page, "nearsight demo: altered copies and their originals", answers + more, intro)
    seconds = time.monotonic() - start
    if json:
        table = {name: vars(tally) for name, tally in tallies.items()}
        print_json({"kinds": table, "strangers": len(negatives), "false": alarms, "page": str(page)})
        return
    _print_demo_tallies(tallies)
    say(f"{len(negatives)} photographs that are not in the folder: {plural(alarms, 'false positive')}")
    say(f"{seconds:.0f} s in total; page: {page.resolve()}")
    say(f"try it yourself: nearsight search {copies[0][2]} --in {images}")


def _serve_demo(photos: ns.Collection, say: Callable[[str], None]) -> None:
    from nearsight.cli.serve import serve_collections
    from nearsight.server.settings import ServerSettings

    say("search on the page with any of the altered copies")
    serve_collections([photos.index_dir], ServerSettings(), open_=False)


def _write_demo_originals(photographs: Mapping[str, tuple[str, ...]], folder: Path) -> list[Path]:
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


def _write_demo_copies(originals: Iterable[Path], folder: Path) -> list[tuple[str, Path, Path]]:
    """Write each alteration of each original; return kind, original and copy of each."""
    from PIL import Image as PillowImage

    from nearsight.evaluation.attacks import ATTACKS as EVERY
    from nearsight.images.decode import open_image

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


def _search_demo_copies(
    photos: ns.Collection, copies: list[tuple[str, Path, Path]]
) -> tuple[dict[str, Tally], list[PageAnswer]]:
    from nearsight.cli._report import PageAnswer

    tallies: dict[str, Tally] = {}
    answers: list[PageAnswer] = []
    for kind, original, copy in copies:
        results = photos.search(copy, k=5)
        tally = tallies.setdefault(kind, Tally())
        tally.asked += 1
        tally.first += _is_first_demo_hit(results, original)
        tally.accepted += _is_first_demo_hit(results, original) and bool(results[0].alike)
        wanted = kind in SHOWN and sum(answer.lead == _demo_page_lead(kind) for answer in answers) < 2
        if wanted:
            answers.append(PageAnswer.of(photos, copy, results, title=copy.name, lead=_demo_page_lead(kind)))
    return tallies, answers


def _search_demo_negatives(photos: ns.Collection, queries: list[Path]) -> tuple[int, list[PageAnswer]]:
    from nearsight.cli._report import PageAnswer

    alarms, answers = 0, []
    for query in queries:
        results = photos.search(query, k=5)
        alarms += sum(bool(hit.alike) for hit in results)
        answers.append(PageAnswer.of(photos, query, results, title=query.name, lead="not in the folder"))
    return alarms, answers[:1]


def _is_first_demo_hit(results: Results, original: Path) -> bool:
    return bool(len(results)) and results[0].path == original.name


def _demo_page_lead(kind: str) -> str:
    return f"altered copy: {kind}"


def _print_demo_tallies(tallies: dict[str, Tally]) -> None:
    rows = [[kind, str(each.asked), str(each.first), str(each.accepted)] for kind, each in tallies.items()]
    print_table(["alteration", "queries", "original first", "accepted as copy"], rows)


COMMANDS = {"demo": (demo_command, "nearsight demo --folder /tmp/images")}
