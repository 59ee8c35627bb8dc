"""How much slower indexing is than decoding alone: `nearsight index --by copy,colour` against the same workers.

    python -m benchmarks.indexing [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

1. Large JPEGs (8 and 12 Mpx) and small ones (0.1 Mpx) are made, or those of the folder taken.
2. In turns, three times: indexing; decoding alone by the same workers on the same files; a plain loop of Pillow.
3. The same three over as many small images as there are workers: what starting takes, which is subtracted.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nearsight as ns
from benchmarks import alone, images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import Times, best_times
from nearsight.ingest.run import IngestSettings

SENSES = ("copy", "colour")
WORKERS = IngestSettings().workers
ROUNDS = 3
SETS = (
    ("8 Mpx", (3264, 2448), 60, 3),
    ("12 Mpx", (4000, 3000), 60, 3),
    ("0.1 Mpx", (360, 270), 2000, 1),
)
"""Name, width and height, distinct files, names of each file."""
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Set:
    """Files of one kind."""

    name: str
    folder: Path
    count: int

    @property
    def megabytes(self) -> float:
        """The mean size of a file."""
        return sum(path.stat().st_size for path in self.folder.rglob("*.jpg")) / self.count / 1e6


def by_nearsight(folder: Path, box: Path) -> int:
    """Index a folder into a new collection; how many images."""
    with ns.index(folder, by=SENSES, collection=box / f"home-{next(_NUMBERS)}") as photos:
        return len(photos)


def ways(folder: Path, box: Path) -> dict[str, Callable[[], int]]:
    """Indexing, and what it is compared with."""
    return {"indexing": partial(by_nearsight, folder, box), **alone.ways(folder, SENSES, WORKERS)}


def generate_sets(box: Path, options: Options) -> list[Set]:
    """Large and small images; the large ones under three names each, which makes three images of one file."""
    photos, sets = images.photographs(), []
    for name, size, count, names in SETS:
        source, folder, distinct = box / f"source {name}", box / name, options.of(count, 4)
        images.write_enlarged(source, photos, distinct, size)
        sets.append(Set(name, folder, images.link_files(source, folder, options.of(names, 1))))
    return sets


def copy_folder(box: Path, folder: Path) -> Set:
    """The JPEGs of a folder, copied so that nothing is written beside them."""
    target, count = box / "given", 0
    target.mkdir()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in (".jpg", ".jpeg") and path.is_file():
            (target / f"{count:06d}.jpg").write_bytes(path.read_bytes())
            count += 1
    return Set(folder.name, target, count)


def comparison_row(each: Set, box: Path, start: Mapping[str, Times], rounds: int) -> list[str]:
    """The row of one set: rates without the start, their ratios, that of the processors' time, that with the start."""
    calls = ways(each.folder, box)
    for name, call in calls.items():
        assert call() == each.count, f"{name} did not read all of {each.name}"
    whole = best_times(calls, rounds)
    wall = {name: max(whole[name].wall - start[name].wall, 1e-3) for name in whole}
    work = {name: max(whole[name].cpu - start[name].cpu, 1e-3) for name in whole}
    rates = [f"{each.count / seconds:.1f}" for seconds in wall.values()]
    own, alone, pillow = (wall[name] for name in ("indexing", "decoding alone", "Pillow"))
    ratios = [f"**{alone / own:.2f}**", f"{work['decoding alone'] / work['indexing']:.2f}"]
    ratios += [f"{whole['decoding alone'].wall / whole['indexing'].wall:.2f}", f"{pillow / own:.2f}"]
    return [each.name, str(each.count), f"{each.megabytes:.2f}", *rates, *ratios]


def measure_section(options: Options) -> str:
    """The section's text."""
    rounds = options.of(ROUNDS, 1)
    with tempfile.TemporaryDirectory() as made:
        box = Path(made)
        sets = [copy_folder(box, options.folder)] if options.folder else generate_sets(box, options)
        few = box / "few"
        images.write_enlarged(few, images.photographs(), WORKERS, SETS[-1][1])
        start = best_times(ways(few, box), rounds)
        rows = [comparison_row(each, box, start, rounds) for each in sets]
    starts = ", ".join(f"{name} {took.wall:.2f} s" for name, took in start.items())
    return TEXT.format(
        machine=machine(),
        workers=WORKERS,
        senses=",".join(SENSES),
        rounds=rounds,
        starts=starts,
        table=table(HEAD, rows),
    )


HEAD = [
    "images",
    "files",
    "MB a file",
    "indexing, images/s",
    "decoding alone, images/s",
    "Pillow, images/s",
    "indexing / decoding alone",
    "the same of CPU time",
    "with the start",
    "indexing / Pillow",
]
TEXT = """## Indexing against decoding alone

Measured on {machine}; {workers} worker processes of one thread each, files in the page cache, best of {rounds} rounds
in alternation.

*Indexing* is `nearsight index --by {senses}` into a new collection: walk, read, hash, decode, describe, thumbnail,
segments synced to the disk, catalogue. *Decoding alone* is the same worker processes on the same files, which read,
decode at the same fraction, average down to the working sides, and discard the pixels. *Pillow* is a plain pool of
processes that decode with Pillow's draft mode at that fraction and do nothing else. The startup time is subtracted from
all three ({starts}: the same over one small image a worker); *with the start* is the ratio that includes it. *CPU time*
is that of all processes together, which depends less on other load of the machine. The bar is 0.8 on images of 8 Mpx
and more.

{table}
"""

if __name__ == "__main__":
    main("indexing", __doc__, measure_section)
