"""Which images that only resemble each other are called copies, and which true copies are not: docs/copies.md.

    python -m benchmarks.judged_sets [--quick] [--out docs/copies.md]

Each drawn set is indexed by `copy`. Every image of it is a query, then some altered copies of it are. The verdicts were
never adjusted to these sets. All wrong acceptances and missed copies are printed one by one as well.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

import nearsight as ns
from benchmarks.drawn import bursts, icons, office, pages, products, radiographs
from benchmarks.drawn import frames as picture_frames
from benchmarks.drawn.alterations import ALTERATIONS
from benchmarks.drawn.canvas import generator
from benchmarks.judged_answers import (
    ITSELF,
    Answer,
    Question,
    bullets,
    copy_cells,
    missed_lines,
    print_each,
    set_row,
    wrong_lines,
)
from benchmarks.machine import machine, table
from benchmarks.page import Options, main

SETS: dict[str, tuple[Callable[[int], bytes], int]] = {
    "icons": (icons.draw, 20),
    "products, rendered": (products.draw_render, 16),
    "products, photographed": (products.draw_photograph, 16),
    "picture frames": (picture_frames.draw, 16),
    "book pages": (pages.draw, 14),
    "bursts from a tripod": (bursts.draw_tripod, 15),
    "bursts from the hand": (bursts.draw_hand_held, 15),
    "radiographs": (radiographs.draw, 14),
    "slides": (office.draw_slide, 14),
    "tickets": (office.draw_ticket, 14),
    "charts": (office.draw_chart, 14),
}
"""Each set with how many images it has."""
ALTERED = 3
"""Images of each set that are altered in every way."""


def draw_set(kind: str, count: int, folder: Path) -> list[str]:
    """Draw the first images of a set into a folder; their names."""
    draw, names = SETS[kind][0], []
    for number in range(count):
        data = draw(number)
        names.append(f"{number:02}.{'png' if b'PNG' in data[:4] else 'jpg'}")
        (folder / names[-1]).write_bytes(data)
    return names


def ask_set(kind: str, count: int, altered: int) -> list[Question]:
    """Index a set, and ask with each image and with the copies of some."""
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        folder = Path(place, "images")
        folder.mkdir()
        names = draw_set(kind, count, folder)
        chosen = {names[at] for at in np.linspace(0, count - 1, altered).round().astype(int)}
        with ns.index(folder, by=["copy"], collection=Path(place, "home")) as images:
            return [
                Question(kind, name, alteration, _answers(images, query, count))
                for name in names
                for alteration, query in _queries(kind, folder / name, altered=name in chosen)
            ]


def _queries(kind: str, path: Path, *, altered: bool) -> Iterable[tuple[str, bytes]]:
    """The image itself, and its copies."""
    yield ITSELF, path.read_bytes()
    if altered:
        with Pillow.open(path) as image:
            shown = image if image.mode == "RGBA" else image.convert("RGB")
            for at, (name, alteration) in enumerate(ALTERATIONS.items()):
                yield name, alteration.alter(shown, generator(kind + path.stem, at))


def _answers(images: ns.Collection, query: bytes, k: int) -> tuple[Answer, ...]:
    hits = images.search(query, by="copy", k=k)
    return tuple(Answer(hit.path, hit.rank, hit.verdict, bool(hit.alike), hit.why) for hit in hits)


def report(asked: list[Question]) -> str:
    """The section's text."""
    own, copies = ([e for e in asked if (e.alteration == ITSELF) == whole] for whole in (True, False))
    by_set = [set_row(kind, [each for each in asked if each.kind == kind]) for kind in SETS]
    rows = [row for row in by_set if row[1] != "0"]
    ways = [[name, *copy_cells([each for each in copies if each.alteration == name])] for name in ALTERATIONS]
    failing = [f"{row[0]} ({row[4]})" for row in rows if row[4] != "0"]
    return TEXT.format(
        machine=machine(),
        sets=len(rows),
        questions=len(own),
        itself=sum(each.right for each in own),
        wrong=sum(len(each.wrong) for each in own),
        pairs=sum(len(each.answers) - 1 for each in own),
        failing=", ".join(failing) or "none",
        copies=len(copies),
        first=sum(each.own.rank == 1 for each in copies),
        alike=sum(each.own.alike for each in copies),
        right=sum(each.right for each in copies),
        others=sum(bool(each.wrong) for each in copies),
        by_set=table(HEAD, rows),
        by_way=table(["alteration", *HEAD[5:]], ways),
        accepted=bullets(wrong_lines(asked)),
        missed=bullets(missed_lines(asked)),
    )


def measure_section(options: Options) -> str:
    """The section's text; what it counts is printed one by one."""
    kinds = list(SETS)[: options.of(len(SETS), 2)]
    counts = [options.of(SETS[kind][1], 4) for kind in kinds]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        asked = list[Question]()
        for questions in pool.map(partial(ask_set, altered=options.of(ALTERED, 1)), kinds, counts):
            print_each(questions)
            asked += questions
    return report(asked)


HEAD = [
    "set",
    "images",
    "itself",
    "questions with another alike",
    "wrong alike",
    "copies",
    "found first",
    "alike",
    "right verdict",
    "copies with another alike",
]

TEXT = """
## Sets that nothing was tuned on

Measured on {machine}. `python -m benchmarks.judged_sets` draws {sets} sets of images that resemble each other and are
no copies of each other, and indexes each by `copy`. *Itself*: images that were found as *identical file*. *Wrong
alike*: other images of the set that were called a copy of some kind, in both directions. Then some images of each set
are altered, and searched with: *found first*, *alike* and *right verdict* count originals.

{by_set}

Of {questions} images, {itself} were found as themselves. Of {pairs} answers about other images, {wrong} were wrong:
{failing}. Of {copies} copies, {first} were found first, {alike} were called alike, and {right} were called what they
are; to {others} of them some other image was alike too.

{by_way}

**Wrong acceptances**, by set, query and verdict. *Itself*: an unaltered image of the set was the query; *a copy*: an
altered one. The first pair of each kind is shown with its sentence.

{accepted}

**Copies without the right verdict**, by set, alteration and verdict, with the first original and its sentence.

{missed}
"""

if __name__ == "__main__":
    main("judged_sets", __doc__, measure_section)
