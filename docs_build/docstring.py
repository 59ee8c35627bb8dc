"""Documentation strings, in numpydoc's sections, as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Sequence

_HEADING = re.compile(r"^(\w[\w ]*)\n-{3,}\n", re.M)
_WHOLE = re.compile(r"(`+[^`]*`+|https?://[^\s,;]*[^\s,;.)])")
_MARKS = re.compile(r"([*<\[\]|_])")
_DOI = re.compile(r"doi:(10\.[^\s,;]*[^\s,;.])")


def sections(of: object) -> dict[str, str]:
    """The sections of something's documentation by their headings; what stands before the first is called ""."""
    parts = _HEADING.split(inspect.getdoc(of) or "")
    return {
        "": parts[0].strip(),
        **{name: text.strip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True)},
    }


def described(text: str) -> tuple[str, str]:
    """The first line, and the rest."""
    first, _, rest = text.partition("\n")
    return first.strip(), rest.strip()


def items(text: str) -> list[tuple[str, str]]:
    """Names and what is said of them: `name : text` with its continuation, or the text indented below the name."""
    found: list[tuple[str, str]] = []
    for line in text.split("\n"):
        if line[:1].strip():
            name, _, said = line.partition(" : ")
            found.append((name.strip(), said.strip()))
        elif line.strip() and found:
            name, said = found[-1]
            found[-1] = (name, f"{said} {line.strip()}".strip())
    return found


def escaped(text: str) -> str:
    """Plain text as Markdown that shows just this, with code left as code, and addresses and DOIs as links."""
    parts = _WHOLE.split(text)
    parts[::2] = [_DOI.sub(r"[doi:\1](https://doi.org/\1)", _MARKS.sub(r"\\\1", part)) for part in parts[::2]]
    parts[1::2] = [f"<{part}>" if part.startswith("http") else part for part in parts[1::2]]
    return "".join(parts)


def prose(text: str) -> str:
    """Paragraphs, numbered steps and literal blocks as Markdown."""
    return "\n\n".join(_block(block) for block in re.split(r"\n\s*\n", text) if block.strip())


def _block(block: str) -> str:
    if all(line.startswith("    ") for line in block.split("\n")):
        return "```text\n" + inspect.cleandoc(block) + "\n```"
    return escaped(block)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("\n", " ") for cell in line) + " |" for line in lines)


def listed(text: str) -> str:
    """Names in code with what is said of each, as a list."""
    return "\n".join(f"- `{name}`{': ' if said else ''}{escaped(said)}" for name, said in items(text))


def example(text: str) -> str:
    """An interactive example as code."""
    return f"```pycon\n{inspect.cleandoc(text)}\n```"


PRINTED: dict[str, Callable[[str], str]] = {
    "Parameters": listed,
    "Returns": prose,
    "Raises": listed,
    "References": prose,
    "Notes": prose,
    "Examples": example,
}


def printed(found: dict[str, str], level: int, leave: Iterable[str] = ()) -> str:
    """Every section below headings of this level, in their own order, without those in `leave`."""
    names = [name for name in found if name and name not in leave]
    return "\n\n".join(f"{'#' * level} {name}\n\n{PRINTED.get(name, prose)(found[name])}" for name in names)
