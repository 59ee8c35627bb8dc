"""How well are altered copies found and accepted? Writes the table of docs/copies.md.

    python -m benchmarks.copies FOLDER [FOLDER ...] [--alone FOLDER ...] --out docs/copies.md

1. The images of the folders are indexed by `copy`. Altered copies of some are queries: the rank of the original, and
   whether it was accepted with the right verdict.
2. Each image of the folders `--alone` is a query in the collection of its folder. Other images that are called a copy
   of some kind are listed for inspection.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import nearsight as ns
from benchmarks.machine import machine, table
from nearsight.evaluation.attacks import ATTACKS, right_verdicts
from nearsight.evaluation.measures import average_precision
from nearsight.images.decode import open_image
from nearsight.rerankers.verify import Verify
from nearsight.search.results import Results

BY_HAND = "\n<!-- written by hand from here on -->\n"
FORMATS = {".jpg", ".jpeg", ".png", ".webp"}
REFUSED = ("same scene", "same surroundings", "same template", "not a copy", "too plain to judge")
Pair = tuple[str, str, str, str, str]
"""A folder, two images of it, and the verdict with its sentence."""


@dataclass(frozen=True)
class Outcome:
    """One query: the attack, the 0-based rank of the original or None, its verdict if it is alike, and other copies."""

    attack: str
    rank: int | None
    verdict: str
    others: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether the original has a verdict that is right for the attack."""
        return self.verdict in right_verdicts(self.attack)


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
    verdict = next((hit.verdict for hit in results if hit.alike and hit.path == name), "")
    others = tuple(hit.path for hit in results if hit.alike and hit.path != name)
    return Outcome(attack, rank, verdict, others)


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
        accepted, right = (np.mean(shares) for shares in ([bool(e.verdict) for e in mine], [e.right for e in mine]))
        ap = np.mean([average_precision([] if each.rank is None else [each.rank], 1) for each in mine])
        others = sum(bool(each.others) for each in mine)
        label = f"**{kind}**" if ATTACKS[kind].light else kind
        rows.append(
            [label, *(f"{100 * share:.1f}" for share in (first, accepted, right, ap)), f"{others} / {len(mine)}"]
        )
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--queries", type=int, default=120, help="images that are altered")
    parser.add_argument("--alone", nargs="*", default=[], type=Path, help="folders whose images have no copies")
    parser.add_argument("--out", type=Path, help="where the table is written")
    parser.add_argument("--pairs", type=Path, help="where accepted pairs of different images are listed (JSON)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as box:
        text, pairs = measure_section(Path(box), given.folders, given.queries, given.alone)
    if given.pairs:
        given.pairs.write_text(json.dumps(pairs, indent=1))
    if given.out:
        remarks = given.out.read_text().partition(BY_HAND)[2] if given.out.exists() else "\n"
        given.out.write_text(text + BY_HAND + remarks)
    print(text)


def search_alone(box: Path, folder: Path) -> tuple[list[str], list[Pair]]:
    """A line of the table, and the pairs of different images that were called a copy of some kind."""
    found, counts, own = list[Pair](), Counter[str](), 0
    with ns.index(folder, by=["copy"], collection=box / f"alone-{folder.name}") as photos:
        names = [os.fsdecode(each.path) for each in photos.images()]
        for name in names:
            for hit in photos.search(folder / name, k=20):
                own += hit.path == name and hit.verdict == "identical file"
                if hit.path != name:
                    counts[hit.verdict] += 1
                    found += [(folder.name, name, hit.path, hit.verdict, hit.why)] if hit.alike else []
    questions = len({name for _, name, *_ in found})
    refused = [f"{counts[each]:,}" for each in REFUSED]
    return [folder.name, f"{len(names):,}", f"{own:,}", str(questions), str(len(found)), *refused], found


def measure_section(box: Path, folders: list[Path], queries: int, alone: list[Path]) -> tuple[str, list[Pair]]:
    """The page's text, and whatever was accepted that is another image."""
    folder, home = box / "images", box / "home"
    folder.mkdir()
    names = copy_images(folders, folder)
    asked = np.random.default_rng(2026).permutation(sorted(names)).tolist()[:queries]
    photos = ns.index(folder, by=["copy"], collection=home)
    total = len(photos)
    kinds = list(ATTACKS)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        outcomes = [each for made in pool.map(partial(search_attacks, home, folder, kinds), asked) for each in made]
    lines, pairs = zip(*(search_alone(box, each) for each in alone), strict=True) if alone else ((), ())
    light = [each for each in outcomes if ATTACKS[each.attack].light]
    rows = report(outcomes, kinds)
    questions = sum(int(line[1].replace(",", "")) for line in lines)
    text = TEXT.format(
        alarms=Verify().alarms,
        tolerated=Verify().alarms * questions,
        questions=questions,
        accepted=sum(int(line[3]) for line in lines),
        machine=machine(),
        total=total,
        queries=len(asked),
        folders=", ".join(folder.name for folder in folders),
        table=table(
            ["alteration", "rank 1, %", "accepted, %", "right verdict, %", "mAP, %", "queries with another accepted"],
            rows,
        ),
        everything=", ".join(
            f"{name} {100 * np.mean(shares):.1f} %"
            for name, shares in (
                ("rank 1", [each.rank == 0 for each in outcomes]),
                ("accepted", [bool(each.verdict) for each in outcomes]),
                ("with the right verdict", [each.right for each in outcomes]),
            )
        ),
        light=f"{100 * np.mean([each.rank == 0 for each in light]):.1f}",
        believed=f"{100 * np.mean([each.right for each in light]):.1f}",
        alone=table(
            ["folder", "questions", "itself: identical file", "another accepted", "pairs", *REFUSED], list(lines)
        ),
    )
    return text, [each for found in pairs for each in found]


TEXT = """# How well altered copies are found

`python -m benchmarks.copies FOLDER ...` indexes images by `copy`, searches with altered copies of some of them and with
images that have no copy, and writes this page. *Rank 1*: the original is the first hit. *Accepted*: the original is
alike: a copy of some kind. *Right verdict*: of the kind that the alteration makes, such as *part* for a crop. *mAP*:
trapezoidal average precision. *Another accepted*: some other image was called a copy too. The light alterations are in
bold.

Measured on {machine}. Images: {folders}; {total} indexed, {queries} of them
altered in every way.

{table}

All together: {everything}. Light alterations together: rank 1 {light} %, right verdict {believed} %.

**Images without a copy.** Each image of these folders is a query in the collection of its folder; 20 hits are judged,
of which one is the image itself. The last columns count the verdicts of all other hits.

{alone}

`verify` tolerates {alarms} false alarms a query: {tolerated:.1f} in these {questions:,} questions. Another image was
accepted in {accepted}, true copies that the folders hold among them.
"""


if __name__ == "__main__":
    main()
