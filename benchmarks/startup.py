"""How long the command line takes to start.

    python -m benchmarks.startup [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

Fresh processes, in turns with `python -c pass`, which is what Python itself takes; wall time, median of ten.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

import nearsight as ns
from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import time_in_turns
from nearsight.types import Image

ROUNDS = 10
SMALL, LARGE = 20, 10_000
BAR = 0.3


def run(*arguments: str) -> None:
    """Run Python with these arguments to its end; RuntimeError where it fails. 1 is the answer "nothing like it"."""
    done = subprocess.run([sys.executable, *arguments], check=False, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode not in (0, 1) or done.stderr:
        raise RuntimeError(f"{' '.join(arguments[:3])} failed: {done.stderr.decode(errors='replace')[-500:]}")


def index_crops(folder: Path, photos: list[Image], count: int) -> list[str]:
    """Make a collection; the arguments of a search in it with one of its own images."""
    images.write_crops(folder, photos, count, 96)
    ns.index(folder, by=["copy", "colour"]).close()
    return ["-m", "nearsight", "search", str(next(folder.rglob("*.jpg"))), "--in", str(folder)]


def commands(box: Path, options: Options) -> dict[str, Sequence[str]]:
    """What is measured: a name, and Python's arguments."""
    photos = images.photographs(options.folder)
    small, large = options.of(SMALL, 5), options.of(LARGE, 50)
    return {
        "`python -c pass`": ["-c", "pass"],
        "`import nearsight`": ["-c", "import nearsight"],
        "`nearsight --help`": ["-m", "nearsight", "--help"],
        f"`nearsight search`, {small} images": index_crops(box / "small", photos, small),
        f"`nearsight search`, {large:,} images": index_crops(box / "large", photos, large),
    }


def measure_section(options: Options) -> str:
    """The section's text."""
    with tempfile.TemporaryDirectory() as box:
        calls = {name: partial(run, *arguments) for name, arguments in commands(Path(box), options).items()}
        time_in_turns(calls, 1)
        found = time_in_turns(calls, options.of(ROUNDS, 1))
    taken = {name: [each.wall for each in several] for name, several in found.items()}
    medians = {name: float(np.median(each)) for name, each in taken.items()}
    base = next(iter(medians.values()))
    rows = [
        [name, f"{median:.3f}", f"{median - base:.3f}", f"{min(taken[name]):.3f}", f"{max(taken[name]):.3f}"]
        for name, median in medians.items()
    ]
    return TEXT.format(machine=machine(), rounds=len(taken[next(iter(taken))]), bar=BAR, table=table(HEAD, rows))


HEAD = ["command", "median, s", "above Python itself, s", "shortest, s", "longest, s"]
TEXT = """## Starting

Measured on {machine}; {rounds} fresh processes of each in alternation, files in the page cache, the number of threads
left to the libraries. The bar for `nearsight --help` is {bar} s.

{table}
"""

if __name__ == "__main__":
    main("startup", __doc__, measure_section)
