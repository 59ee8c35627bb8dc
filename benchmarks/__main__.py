"""Run the benchmarks and write their sections of the documentation; remarks by hand around them are kept.

python -m benchmarks [NAME ...] [--folder FOLDER] [--out PAGE]    the full run: some 30 minutes on 2 cores
python -m benchmarks --quick                                      a few images each, only printed unless --out
python -m benchmarks quality --folder COREL1K                     docs/evaluation.md: how well each descriptor finds
python -m benchmarks kinds --folder IMAGES                      docs/evaluation.md: which kinds of queries each finds
python -m benchmarks objects --folder DATA                        docs/evaluation.md: the same things and places
python -m benchmarks samples --folder DATA                        docs/evaluation.md: what that was learnt from
python -m benchmarks agreement --folder DATA                      docs/evaluation.md: how many matches prove a thing
python -m benchmarks deep --folder DATA                           docs/evaluation.md: what a network sees
python -m benchmarks altered --folder DATA                        docs/evaluation.md: by kind of alteration, fused too
python -m benchmarks ranking --folder COREL1K                     docs/evaluation.md: refiners of rows, fusions, marks
python -m benchmarks judged_sets                                  docs/copies.md: images that only resemble each other
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.page import PAGE, parser

NAMES = (
    "indexing",
    "memory",
    "descriptors",
    "features",
    "vocabularies",
    "postings",
    "search",
    "words",
    "layout",
    "startup",
    "networks",
)
JUDGED = ("quality", "kinds", "objects", "samples", "agreement", "deep", "ranking", "altered", "judged_sets")


def page_of(name: str) -> Path:
    """The page that holds the section of a benchmark."""
    if name == "judged_sets":
        return PAGE.with_name("copies.md")
    return PAGE.with_name("evaluation.md") if name in JUDGED else PAGE


"""These need real images, and are run where they are named."""


def main(arguments: list[str] | None = None) -> None:
    """Run each in a process of its own, one after another."""
    made = parser(__doc__)
    made.add_argument("names", nargs="*", metavar="NAME", help=f"which; all by default: {', '.join(NAMES)}")
    given = made.parse_args(arguments)
    every = (*NAMES, *JUDGED)
    unknown = sorted(set(given.names) - set(every))
    if unknown:
        made.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(every)}")
    options = [*(["--quick"] if given.quick else []), *(["--folder", str(given.folder)] if given.folder else [])]
    for name in [name for name in every if name in (given.names or NAMES)]:
        out = given.out or (None if given.quick else page_of(name))
        target = ["--out", str(out)] if out else []
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options, *target], check=True)


if __name__ == "__main__":
    main()
