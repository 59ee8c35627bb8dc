"""How much memory an ingest takes, and a search, as the collection grows.

    python -m benchmarks.memory [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

1. Small distinct JPEGs are made, parts of the bundled photographs or of those of the folder.
2. For each number of images, `nearsight index` runs in a fresh process; its memory and that of its workers is
   sampled twenty times a second.
3. A fresh process opens each collection and searches it by copy and by colour.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main

COUNTS = (1_000, 10_000, 25_000, 50_000)
QUICK = (25, 50, 100, 200)
SIDE = 96
PAUSE = 0.05
MIB = 1 << 20
SEARCH = """
import sys, pathlib, nearsight as ns
home, *names = sys.argv[1:]
with ns.open(collection=home) as photos:
    for name in names:
        for sense in ("copy", "colour"):
            assert len(photos.search(pathlib.Path(name), by=sense, k=20))
"""
"""What the searching process runs."""


@dataclass
class Peaks:
    """The most that was seen, in bytes.

    `parent` as the kernel itself counts its highest, mapped files included; `parent_own` without memory that is
    mapped from files or shared (RSS - shared); `workers` of all child processes together, `worker` of one of them,
    both without what is shared.
    """

    parent: int = 0
    parent_own: int = 0
    workers: int = 0
    worker: int = 0
    samples: int = 0

    def update(self, process: psutil.Process) -> None:
        """Look at a process and its children once."""
        with suppress(psutil.NoSuchProcess):
            self.parent = max(self.parent, _highest(process.pid))
            self.parent_own = max(self.parent_own, _own(process))
            self.samples += 1
            children = [own for own in map(_own, process.children(recursive=True)) if own]
            self.workers = max(self.workers, sum(children))
            self.worker = max([self.worker, *children])

    def to_mib(self, *names: str) -> list[str]:
        """Some of them in MiB."""
        return [f"{getattr(self, name) / MIB:.0f}" for name in names]


def _highest(pid: int) -> int:
    """The peak of the resident memory that the kernel kept, in bytes; 0 once the process has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _own(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        held = process.memory_info()
        return int(held.rss - held.shared)
    return 0


def run_and_watch(command: Sequence[str]) -> Peaks:
    """Run a command to its end and watch it; RuntimeError with what it said where it fails."""
    peaks = Peaks()
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as process:
            looked_at = psutil.Process(process.pid)
            while process.poll() is None:
                peaks.update(looked_at)
                time.sleep(PAUSE)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command[:4])} failed: {said.read().decode(errors='replace')[-500:]}")
    return peaks


@contextmanager
def collections(counts: Sequence[int], folder: Path | None) -> Iterator[list[tuple[int, Path, Path]]]:
    """For each number, a folder of so many images and the place of its collection."""
    with tempfile.TemporaryDirectory() as made:
        box = Path(made)
        images.write_crops(box / "all", images.photographs(folder), max(counts), SIDE)
        laid_out = []
        for count in counts:
            images.link_files(box / "all", box / str(count), most=count)
            laid_out.append((count, box / str(count), box / f"home-{count}"))
        yield laid_out


def measure_ingest(folder: Path, home: Path) -> tuple[Peaks, float]:
    """Index a folder in a fresh process; its peaks and seconds."""
    start = time.perf_counter()
    command = ["-m", "nearsight", "index", str(folder), "--by", "copy,colour", "--collection", str(home)]
    peaks = run_and_watch([sys.executable, *command])
    return peaks, time.perf_counter() - start


def measure_search(folder: Path, home: Path) -> Peaks:
    """Open and search in a fresh process, with every hundredth image up to ten."""
    asked = sorted(map(str, folder.rglob("*.jpg")))[::100][:10]
    return run_and_watch([sys.executable, "-c", SEARCH, str(home), *asked])


def measure_section(options: Options) -> str:
    """The section's text."""
    counts = QUICK if options.quick else COUNTS
    ingests, searches = [], []
    with collections(counts, options.folder) as laid_out:
        for count, folder, home in laid_out:
            ingests.append((count, *measure_ingest(folder, home)))
            searches.append((count, measure_search(folder, home), segment_size(home)))
    rows = [[f"{count:,}", f"{taken:.0f}", *each.to_mib(*PARTS)] for count, each, taken in ingests]
    asked = [[f"{count:,}", size, *each.to_mib(*PARTS[:2])] for count, each, size in searches]
    growths = [growth_row(counts[few], ingests[few][1], counts[-1], ingests[-1][1]) for few in (1, 2)]
    return TEXT.format(machine=machine(), ingest=table(HEAD, [*rows, *growths]), search=table(SEARCH_HEAD, asked))


def growth_row(few: int, before: Peaks, many: int, after: Peaks) -> list[str]:
    """How many times as much memory so many images take; for the workers, whose number varies, of one only."""
    growths = [f"{getattr(after, part) / max(1, getattr(before, part)):.2f}" for part in PARTS]
    growths[PARTS.index("workers")] = ""
    return [f"{many:,} / {few:,}", "", *growths]


def segment_size(home: Path) -> str:
    """The segments' size in MiB."""
    return f"{sum(path.stat().st_size for path in home.rglob('*.seg')) / MIB:.0f}"


PARTS = ("parent", "parent_own", "workers", "worker")
HEAD = ["images", "seconds", "parent, peak", "parent, own", "workers together, own", "one worker, own"]
SEARCH_HEAD = ["images", "segments on the disk", "peak", "own"]
TEXT = """## Memory as the collection grows

Measured on {machine}; JPEGs of at most 96 pixels, all different; MiB. Each line is a fresh process, sampled 20 times a
second. *Peak* is the highest resident memory as the kernel counts it (VmHWM): it includes the pages of mapped files,
which the kernel reclaims when it needs them. *Own* is the highest sampled value without shared and file-mapped memory
(RSS - shared). The own memory of a worker includes what it inherited from the process from which it was forked. The sum
over the workers is higher where a worker that was being replaced was sampled together with its replacement.

`nearsight index --by copy,colour` into a new collection; the bar is a growth of at most 1.1 from 10,000 to 50,000.
From 20,000 images on, the index of `copy` is trained on a sample of at most 12,800 vectors, in a process of its own
that ends afterwards.

{ingest}

Opening the collection and searching it by copy and by colour with ten images; the vectors are mapped from files:

{search}
"""

if __name__ == "__main__":
    main("memory", __doc__, measure_section)
