"""The figures of the page on senses: one query asked in every sense, and an image that is like nothing here."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as PillowImage

import nearsight as ns
from docs_build import asked, gallery, verdicts
from docs_build.gallery import Shown
from nearsight.search.results import Hit, Results
from nearsight.senses import SENSES

QUERY, STRANGER = "coffee, cropped", "moon"
HELD_BACK = (QUERY, STRANGER)
WORDS = "china"
WHERE = "height > 400 and name like '%turned%'"
HITS = 4
DRAWN = tuple(name for name in SENSES if name not in ("category", "meaning"))
"""The senses that need no model: figures are made on machines that have none."""
JUDGED = (*verdicts.PAIRS, "the same thing", "not verified")


@cache
def made() -> dict[str, str]:
    """Each figure by the name that the page asks for it by."""
    with TemporaryDirectory() as place:
        folder = Path(place, "images")
        _lay_out(folder)
        with ns.index(folder, by=DRAWN) as photos:
            figures = {
                sense: _asked(photos.search(gallery.gallery()[QUERY], by=sense, k=HITS), QUERY) for sense in DRAWN
            }
            figures["stranger"] = _asked(photos.search(gallery.gallery()[STRANGER], k=HITS), STRANGER)
            figures |= _without_a_image(photos, Path(place, "drawing.png"))
        return figures | {
            "verdicts": verdicts.figure(),
            "printed": _printed(Path(place), "found.png"),
            "printed-stranger": _printed(Path(place), "moon.png"),
        }


def _lay_out(folder: Path) -> None:
    """The gallery as a folder of files, and beside it the images to ask with."""
    folder.mkdir()
    for name, image in gallery.gallery().items():
        if name not in HELD_BACK:
            PillowImage.fromarray(image).save(folder / f"{name}.png")
    PillowImage.fromarray(gallery.gallery()[QUERY]).save(folder.parent / "found.png")
    PillowImage.fromarray(gallery.gallery()[STRANGER]).save(folder.parent / "moon.png")


def _without_a_image(photos: ns.Collection, sheet: Path) -> dict[str, str]:
    """Colours, a drawing, words and a filter ask."""
    PillowImage.fromarray(asked.drawing()).save(sheet)
    return {
        "colours": _asked(photos.search(colours=asked.COLOURS, k=HITS), "two colours"),
        "sketch": _asked(photos.search(sketch=sheet, k=HITS), "a drawing"),
        "words": gallery.figure([gallery.row(None, [_shown(hit) for hit in photos.search(words=WORDS, k=HITS)], "")]),
        "filter": gallery.figure([gallery.row(None, [_shown(hit) for hit in photos.search(where=WHERE, k=HITS)], "")]),
    }


def _asked(results: Results, query: str) -> str:
    """A query with what was found: scores, and verdicts by `copy` and `object`; for others this is too small."""
    found = [_shown(hit) for hit in results]
    return gallery.figure([gallery.row(Shown(query, ("the query",)), found, "")])


def _shown(hit: Hit) -> Shown:
    name, score = Path(hit.path).stem, f"{hit.score:.2f}"
    if hit.verdict in JUDGED:
        return Shown(name, (hit.verdict, score, name), hit.alike)
    return Shown(name, (name, score))


def _printed(place: Path, query: str) -> str:
    """What the command prints."""
    command = ["nearsight", "search", query, "--in", "images", "-k", "3"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", *command],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "COLUMNS": "86",
            "PYTHONPATH": os.pathsep.join(os.path.abspath(each) for each in sys.path if each),
        },
    )
    lines = "\n".join(line.rstrip() for line in done.stdout.strip("\n").split("\n"))
    return f"```text\n$ {' '.join(command)}\n{lines}\n```"
