"""What of a folder is not in its collection: left out by rules, and skipped for reasons, with what to do about it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import typer

from nearsight.errors import Reason, plain_detail
from nearsight.wording import plural, to_printable

if TYPE_CHECKING:
    from nearsight.storage.records import SkipRecord

MAX_RULES = 20
"""Rules that are listed; --json has all."""


def print_left_out(info: dict[str, Any]) -> None:
    """Print what rules left out: `left out: 3 folders @eaDir, 1 file Thumbs.db, 7 files by --exclude *.png`."""
    rows = sorted(info["left_out"], key=lambda row: -row["folders"] - row["files"])
    if not rows:
        return
    listed = [part for row in rows[:MAX_RULES] for part in _left_out_parts(row)]
    more = [f"and by {plural(len(rows) - MAX_RULES, 'more rule')}"] if len(rows) > MAX_RULES else []
    typer.echo(f"left out: {', '.join([*listed, *more])}")
    if not info["images"]:
        typer.echo("no image is left: bring files back with nearsight index --include GLOB")


def _left_out_parts(row: dict[str, Any]) -> Iterator[str]:
    joint = " " if row["source"].startswith("--") else ": "
    rule = f"by {row['source']}{joint}{row['pattern']}" if row["source"] else row["pattern"]
    for number, noun in ((row["folders"], "folder"), (row["files"], "file")):
        if number:
            yield f"{plural(number, noun)} {to_printable(rule)}"


def print_rules(info: dict[str, Any]) -> None:
    """Print the rules that a collection remembers."""
    rules = info["rules"]
    words = [word for option in ("exclude", "include") for glob in rules[option] for word in (f"--{option}", glob)]
    words += ["--follow-links"] * rules["follow_links"]
    if words:
        typer.echo(f"  indexed with {to_printable(shlex.join(words))}; nearsight index --reset-rules forgets that")


def print_skipped(info: dict[str, Any], skips: Iterable[SkipRecord]) -> None:
    """Print the number of skipped files by reason, the most first, an example of each, and what to do about it."""
    if not info["skipped"]:
        return
    examples: dict[Reason, SkipRecord] = {}
    for skip in skips:
        examples.setdefault(skip.reason, skip)
    typer.echo(f"skipped {plural(sum(info['skipped'].values()), 'file')}:")
    for value, count in sorted(info["skipped"].items(), key=lambda item: -item[1]):
        if (example := examples.get(Reason(value))) is not None:
            lead = f"  {count:>6}  " + ("such as " if count > 1 else "")
            typer.echo(to_printable(f"{lead}{skipped_file_line(example)}"))
    typer.echo(f"list all of them: nearsight export --skipped --in {shlex.quote(to_printable(info['folder']))}")


def skipped_file_line(skip: SkipRecord) -> str:
    """Return what is wrong with a skipped file, and what to do: one line that begins with its name."""
    detail = plain_detail(skip.detail)
    said = f"{os.fsdecode(skip.path)}: {skip.reason.sentence}"
    return f"{said} ({detail}); {skip.reason.advice}" if detail else f"{said}; {skip.reason.advice}"
