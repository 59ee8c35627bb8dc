"""How well are altered copies found and accepted? Writes the table of docs/copies.md.

    python -m benchmarks.copies FOLDER [FOLDER ...] --out docs/copies.md

1. The images of the folders are collected; some are held out, the others indexed by `copy`.
2. Altered copies of some of the indexed ones are queries: the rank of the original, and whether it was accepted.
3. The images that were held out have no copy: whatever is accepted for them is listed for inspection.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import nearsight as ns
from benchmarks.machine import machine, table
from nearsight.evaluation.attacks import ATTACKS
from nearsight.evaluation.measures import average_precision
from nearsight.images.decode import open_image
from nearsight.search.results import Results

BY_HAND = "\n<!-- written by hand from here on -->\n"
FORMATS = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True)
class Outcome:
    """One query: the attack, the 0-based rank of the original or None, whether it and others were accepted."""

    attack: str
    rank: int | None
    accepted: bool
    others: tuple[str, ...]


def copy_images(folders: Iterable[Path], target: Path) -> list[str]:
    """Copy the images of the folders into one; their names."""
    names = []
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in FORMATS:
                name = f"{folder.name}-{path.parent.name}-{path.name}"
                shutil.copy(path, target / name)
                names.append(name)
    return names


def outcome(results: Results, name: str, attack: str) -> Outcome:
    """What one search gave."""
    rank = next((hit.rank - 1 for hit in results if hit.path == name), None)
    accepted = any(hit.alike and hit.path == name for hit in results)
    others = tuple(hit.path for hit in results if hit.alike and hit.path != name)
    return Outcome(attack, rank, accepted, others)


def search_attacks(home: Path, folder: Path, kinds: list[str], name: str) -> list[Outcome]:
    """Search with every alteration of one image."""
    image = open_image(folder / name).render(1024)
    made = []
    with ns.open(collection=home) as photos:
        for kind in kinds:
            results = photos.search(ATTACKS[kind](image), by="copy", k=20)
            made.append(outcome(results, name, kind))
    return made


def report(outcomes: list[Outcome], kinds: list[str]) -> list[list[str]]:
    """A row for each kind: rank 1, accepted and correct, mean average precision, queries with another accepted."""
    rows = []
    for kind in kinds:
        mine = [each for each in outcomes if each.attack == kind]
        first = np.mean([each.rank == 0 for each in mine])
        accepted = np.mean([each.accepted for each in mine])
        ap = np.mean([average_precision([] if each.rank is None else [each.rank], 1) for each in mine])
        others = sum(bool(each.others) for each in mine)
        label = f"**{kind}**" if ATTACKS[kind].light else kind
        rows.append(
            [label, f"{100 * first:.1f}", f"{100 * accepted:.1f}", f"{100 * ap:.1f}", f"{others} / {len(mine)}"]
        )
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, default=120, help="images that are altered")
    parser.add_argument("--held-out", type=int, default=200, help="images that are queries and not indexed")
    parser.add_argument("--out", type=Path, help="where the table is written")
    parser.add_argument("--pairs", type=Path, help="where accepted pairs of different images are listed (JSON)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as box:
        text, pairs = measure_section(Path(box), given.folders, given.queries, given.held_out)
    if given.pairs:
        given.pairs.write_text(json.dumps(pairs, indent=1))
    if given.out:
        remarks = given.out.read_text().partition(BY_HAND)[2] if given.out.exists() else "\n"
        given.out.write_text(text + BY_HAND + remarks)
    print(text)


def measure_section(box: Path, folders: list[Path], queries: int, held_out: int) -> tuple[str, dict[str, list[str]]]:
    """The page's text, and whatever was accepted that is another image."""
    folder, aside = box / "images", box / "aside"
    folder.mkdir()
    aside.mkdir()
    names = copy_images(folders, folder)
    shuffled = np.random.default_rng(2026).permutation(sorted(names)).tolist()
    out, asked = shuffled[:held_out], shuffled[held_out : held_out + queries]
    for name in out:
        shutil.move(folder / name, aside / name)
    home = box / "home"
    photos = ns.index(folder, by=["copy"], collection=home)
    total = len(photos)
    own = [photos.search(folder / name, k=1)[0].path == name for name in shuffled[held_out:]]
    kinds = list(ATTACKS)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = [each for made in pool.map(partial(search_attacks, home, folder, kinds), asked) for each in made]
    strangers = [outcome(photos.search(aside / name, k=20), name, "none") for name in out]
    pairs = {name: list(each.others) for name, each in zip(out, strangers, strict=True) if each.others}
    light = [each for each in outcomes if ATTACKS[each.attack].light]
    rows = report(outcomes, kinds)
    text = TEXT.format(
        machine=machine(),
        total=total,
        own=sum(own),
        queries=len(asked),
        folders=", ".join(folder.name for folder in folders),
        table=table(
            ["alteration", "rank 1, %", "accepted and correct, %", "mAP, %", "queries with another accepted"], rows
        ),
        light=f"{100 * np.mean([each.rank == 0 for each in light]):.1f}",
        believed=f"{100 * np.mean([each.accepted for each in light]):.1f}",
        held=len(out),
        alarms=len(pairs),
        alarm_pairs=sum(map(len, pairs.values())),
    )
    return text, pairs


TEXT = """# How well altered copies are found

`python -m benchmarks.copies FOLDER ...` indexes images by `copy`, searches with altered copies of some of them and with
images that were left out, and writes this page. *Rank 1*: the original is the first hit. *Accepted and correct*: the
original was found and called a copy. *mAP*: trapezoidal average precision. *Another accepted*: some other image was
called a copy too. The light alterations are in bold.

Measured on {machine}. Images: {folders}; {total} indexed, {queries} of them
altered in every way.

{table}

Light alterations together: rank 1 {light} %, accepted and correct {believed} %. Unaltered images that are their own
first hit: {own} of {total}.

**Images without a copy.** {held} images were left out of the collection and used as queries: for {alarms} of them some
image was called a copy ({alarm_pairs} pairs in all).
"""


if __name__ == "__main__":
    main()
