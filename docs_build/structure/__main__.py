"""Print the figures: `python -m docs_build.structure [--src FOLDER] [--list] [--json]`. Exit code 1: over a limit."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import docs_build.structure
from docs_build.structure.figure import Entry, Figure
from docs_build.structure.figures import figures

SRC = Path(__file__).resolve().parents[2] / "src"
FEW = 10


def main(arguments: list[str] | None = None) -> int:
    """Print the figures of a folder; 1 where one is over its limit, 2 where there is nothing to count."""
    parser = argparse.ArgumentParser(
        prog="python -m docs_build.structure",
        description=docs_build.structure.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--src", type=Path, default=SRC, help="the folder that the package lies in")
    parser.add_argument("--list", action="store_true", help="list all that was counted, each with its file and line")
    parser.add_argument("--json", action="store_true", help="print JSON, with all that was counted")
    given = parser.parse_args(arguments)
    try:
        found = figures(given.src)
    except ValueError as problem:
        parser.error(str(problem))
    sys.stdout.write(_json(found) if given.json else text(found, whole=given.list))
    return int(not all(each.holds for each in found))


def text(found: list[Figure], *, whole: bool) -> str:
    """The figures one below the other, each with its offenders: all of them, or the first few on a line."""
    return "".join(f"{_head(each)}\n{_all(each) if whole else _few(each)}" for each in found)


def _head(figure: Figure) -> str:
    kind = (
        "" if figure.limit is None else f"  (at most {figure.limit:g}{figure.unit}{'' if figure.holds else ': OVER'})"
    )
    return f"{figure.name}: {_number(figure.value)}{figure.unit}{kind}"


def _number(value: float) -> str:
    return f"{value:.1f}" if value % 1 else f"{value:.0f}"


def _all(figure: Figure) -> str:
    return "".join(f"    {_line(each)}\n" for each in figure.entries)


def _line(entry: Entry) -> str:
    return f"{entry.name}  {'  '.join(entry.places)}".rstrip()


def _few(figure: Figure) -> str:
    names = [each.name for each in figure.entries[:FEW]]
    beside = len(figure.entries) - len(names)
    return f"    {', '.join(names)}{f' and {beside} more' if beside else ''}\n" if names else ""


def _json(found: list[Figure]) -> str:
    rows = {figure.name: {**asdict(figure), "holds": figure.holds} for figure in found}
    for row in rows.values():
        del row["name"]
    return json.dumps(rows, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
