"""The page of all benchmarks: sections that are measured, between markers, and remarks by hand around them."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Options:
    """`quick` measures a few images, to see that all works; `folder` holds real images to measure with."""

    quick: bool = False
    folder: Path | None = None

    def of(self, full: int, quick: int) -> int:
        """A number of the full run, or of the quick one."""
        return quick if self.quick else full


def markers(name: str) -> tuple[str, str]:
    """The lines that a section stands between."""
    return f"<!-- {name}: written by python -m benchmarks {name} -->", f"<!-- end of {name} -->"


def replace_section(page: str, name: str, text: str) -> str:
    """The page with this text as the section of that name; everything else stays as it is.

    Raises
    ------
    ValueError
        where a section begins but does not end
    """
    begin, end = markers(name)
    section = f"{begin}\n\n{text.strip()}\n\n{end}"
    before, found, after = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{section}\n"
    _, ended, rest = after.partition(end)
    if not ended:
        raise ValueError(f'the section {name} has no end: put the line "{end}" below it')
    return before + section + rest


BLOCK = re.compile(r"[|>#<]|```|~~~|([-+*:]|[-=]{2,}|[*_]{3,}|\d+[.)])(?=\s|\Z)")
"""What Markdown takes for a table, a heading, a list, a quotation, a rule or code where a line begins with it."""

_GLUE = "\0"
_WHOLE_WORDS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}


def wrap_paragraphs(text: str) -> str:
    """The text with its paragraphs in lines of at most 120 characters; headings, lists and tables stay as they are."""
    return "\n\n".join(part if BLOCK.match(part) else _paragraph(part) for part in text.strip().split("\n\n"))


def _paragraph(text: str) -> str:
    """The paragraph in lines, none of which begins as a block does: such a word stays behind the word before it."""
    glued = re.sub(rf"\s+(?={BLOCK.pattern})", _GLUE, text)
    return textwrap.fill(glued, 120, **_WHOLE_WORDS).replace(_GLUE, " ")


def write_section(path: Path, name: str, text: str) -> None:
    """Write one section of a page; the page is made where there is none."""
    page = path.read_text("utf8") if path.exists() else "# Benchmarks\n"
    path.write_text(replace_section(page, name, text), "utf8")


def parser(about: str | None) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="measure a few images, to see that all works")
    made.add_argument("--folder", type=Path, help="real images to measure with; otherwise they are generated")
    made.add_argument("--out", type=Path, help="the page whose section is written; otherwise it is only printed")
    return made


def main(name: str, about: str | None, measure: Callable[[Options], str], arguments: list[str] | None = None) -> None:
    """Measure, print, and write the section where a page is named."""
    given = parser(about).parse_args(arguments)
    text = wrap_paragraphs(measure(Options(given.quick, given.folder)))
    print(text)
    if given.out:
        write_section(given.out, name, text)
