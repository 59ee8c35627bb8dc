"""Kills, power losses, refusing disks, flipped bits, hostile files: runs the long versions and writes the figures.

    python -m benchmarks.reliability --out docs/reliability.md

1. pytest runs `tests/faults` and `tests/images/test_hostile.py`, quick and long tests alike; each test that measures
   something appends a line to a file of figures.
2. The lines of one kind are put together: counts are summed, times and sizes are the largest.
3. The table is written above the part of the page that is written by hand.

It takes about half an hour; some parts need root (a small disk, a read-only one) and strace, and are left out without.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, table

BY_HAND = "\n<!-- written by hand from here on -->\n"
SUITES = ("tests/faults", "tests/images/test_hostile.py")
LARGEST = {"images", "kinds_of_files", "operations", "readers", "ingests"}
"""Counts of which the largest is told, not the sum."""


@dataclass(frozen=True)
class Row:
    """One line of the table: the name of its figures, what was done and what was found, with the figures in braces."""

    name: str
    done: str
    found: str


ROWS = (
    Row(
        "random kills",
        "killed {kills} times at random moments while {images:,} images were indexed",
        "{lost} acknowledged images lost, {twice} twice; every row as if undisturbed; reopened in {slowest:.2f} s",
    ),
    Row(
        "kills at system calls: ingest",
        "killed at each of {killed} system calls of an ingest that write, name or sync",
        "{violations} violations",
    ),
    Row("kills at system calls: remove", "the same, {killed} calls, of a removal", "{violations} violations"),
    Row("kills at system calls: compaction", "the same, {killed} calls, of a compaction", "{violations} violations"),
    Row(
        "power loss",
        "power lost {sequences:,} times: writes and names that were not synced dropped, reordered, torn",
        "always a committed state, none older than what was acknowledged",
    ),
    Row(
        "refused calls of our own",
        "{failed} calls of our own made to fail: EIO, ENOSPC, EINTR, short writes, at every call",
        "{not_told} without its one line of reason; the old state answers",
    ),
    Row(
        "refused system calls",
        "{calls} calls refused by the kernel, SQLite's too",
        "{runs_that_failed} runs ended with exit code 3, the others were not harmed; {not_told} without a reason",
    ),
    Row(
        "flips in the segment list",
        "a bit flipped in each of {flips} bytes of the list of segments",
        "{detected} detected, {without_effect} without effect, {wrong} wrong answers",
    ),
    Row(
        "flips anywhere",
        "{flips:,} bits flipped in catalogue, segments and indexes",
        "{detected:,} detected, {without_effect:,} without effect, {wrong} wrong answers",
    ),
    Row(
        "wrong files",
        "{cases} files truncated, longer, missing, extra, swapped, zeroed or of another collection",
        "{detected} detected, {without_effect} without effect, {wrong} wrong answers",
    ),
    Row("repairs", "{cases} of them repaired", "{not_as_before} answered otherwise than before"),
    Row("repair of one bad block", "one bad block among {images:,} images", "{decoded} images read again"),
    Row("repair of a bad index", "each of {caches} index files harmed in three ways", "{decoded} images read again"),
    Row(
        "races of two writers",
        "two writers at once, {races} times",
        "one wins; the other knows who, in {slowest_loser:.2f} s",
    ),
    Row(
        "readers beside a writer",
        "{readers} readers beside {commits} commits",
        "{answers:,} answers, {mixed} of them of more than one state",
    ),
    Row("read-only folder", "searched on a read-only disk", "{writes_refused} kinds of writes refused clearly"),
    Row("newer format", "opened with a newer format", "refused {refused} ways, {bytes_changed} bytes changed"),
    Row(
        "hostile files, twice",
        "{files:,} damaged and hostile image files, twice",
        "{ok:,} read, {with_a_reason:,} skipped with a reason, {verdicts_that_differ} verdicts differ; "
        "at most {slowest:.1f} s and {peak_mib:.0f} MiB",
    ),
    Row(
        "generated bombs and lies",
        "{files} generated bombs",
        "the expected reasons; {slowest:.1f} s, {peak_mib:.0f} MiB",
    ),
    Row(
        "what is no image file",
        "{names} odd names; {kinds} links, FIFOs, devices and files that vanish",
        "names come out as they went in; {skipped_with_a_reason} skipped with a reason",
    ),
)


def measure_section(suites: Iterable[str], figures: Path) -> int:
    """Run the tests of the suites, long ones too; the exit code of pytest."""
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", "-p", "no:cacheprovider", *suites]
    return subprocess.run(command, env=os.environ | {"NEARSIGHT_FIGURES": str(figures)}, check=False).returncode


def merge_figures(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The figures by name: counts summed, times and sizes the largest."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        mine = found.setdefault(line["bar"], {"seconds_in_all": 0.0})
        mine["seconds_in_all"] += line["seconds"]
        for name, value in line.items():
            if isinstance(value, float) or name in LARGEST:
                mine[name] = max(mine.get(name, value), value)
            elif isinstance(value, int):
                mine[name] = mine.get(name, 0) + value
    return found


def cells(figures: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The rows of the table; what was not run here is said to be so."""
    rows = []
    for row in ROWS:
        numbers = figures.get(row.name)
        if numbers is None:
            rows.append([row.name, "not run on this machine", ""])
            continue
        rows.append([row.done.format(**numbers), row.found.format(**numbers), f"{numbers['seconds_in_all']:.0f} s"])
    return rows


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the page is written")
    parser.add_argument("--figures", type=Path, help="figures of an earlier run, instead of a new one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as box:
        path = given.figures or Path(box) / "figures"
        if given.figures is None and (code := measure_section(SUITES, path)):
            sys.exit(code)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    text = TEXT.format(
        machine=machine(), table=table(["what was done", "what was found", "time"], cells(merge_figures(lines)))
    )
    if given.out:
        remarks = given.out.read_text().partition(BY_HAND)[2] if given.out.exists() else "\n"
        given.out.write_text(text + BY_HAND + remarks)
    print(text)


TEXT = """# Guarantees, and the tests that show them

An image search engine reads files of unknown origin, runs for hours, and is killed in the middle. Its guarantees, in
order of priority:

1. A file can never crash the program, make it hang, or be dropped without a recorded reason.
2. What was reported as indexed is found again after any kill, crash or full disk; nothing is indexed twice.
3. A damaged collection is detected, never used for an answer, and repaired from its intact parts and from the images.

Each line below is a test of the repository. `python -m benchmarks.reliability --out docs/reliability.md` runs the
long versions and writes this table; short versions run with every change. Measured on {machine}.

{table}
"""


if __name__ == "__main__":
    main()
