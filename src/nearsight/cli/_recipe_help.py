"""The help of the methods that a recipe can name."""

from __future__ import annotations

import inspect
import re
import shutil
import textwrap
from typing import Any

import typer

from nearsight.registry import (
    method_kind,
    method_parameters,
    method_references,
    method_summary,
    methods,
    require_method,
    unusable_plugins,
)
from nearsight.senses import SENSES
from nearsight.types import Descriptor, LocalDescriptor, Method
from nearsight.wording import to_printable

_HEADINGS = {
    "descriptors": "Descriptors: compute a vector of an image",
    "hashes": "Hashes: compute a short string of bits or bytes, to find copies",
    "features": "Local features: detect points and describe them",
    "encoders": "Encoders: aggregate local features, or shorten vectors",
    "vocabularies": "Vocabularies: assign descriptors to visual words",
    "kernels": "Kernels: similarity of two images by their visual words",
    "metrics": "Metrics: distance of two vectors",
    "indexes": "Indexes: find the nearest vectors",
    "rerankers": "Re-rankers: improve the order of the hits",
}
SHORTEST = 28
"""Characters that a shortened summary has at least; a sentence with no clause so long is wrapped."""


def output_size(cls: type[Method]) -> str:
    """Return the size of what a descriptor or local features compute by default; empty for other methods."""
    if not issubclass(cls, Descriptor | LocalDescriptor):
        return ""
    method = cls()
    row = f"{method.size} {method.dtype}"
    return f"{method.n} x {row}" if isinstance(method, LocalDescriptor) else row


def method_row(name: str) -> dict[str, Any]:
    """Return a method, or a sense, as a row of `recipes --json`."""
    if name in SENSES:
        return {"name": name, "kind": "sense", "summary": SENSES[name].description, "recipe": SENSES[name].recipe}
    cls = require_method(name)
    return {
        "name": name,
        "kind": method_kind(cls),
        "summary": method_summary(cls),
        "parameters": [{"name": n, "type": t, "default": d} for n, t, d in method_parameters(cls)],
        "output": output_size(cls),
        "source": method_references(cls),
    }


def format_help(name: str) -> str:
    """Return the help of a sense or a method."""
    if name in SENSES:
        sense = SENSES[name]
        return f"{sense.name}: {sense.description}\nrecipe: {sense.recipe}"
    cls = require_method(name)
    parameters = method_parameters(cls)
    usage = ", ".join(f"{each}={default}" for each, _, default in parameters)
    types = "\n".join(f"    {each}: {kind}, {default} by default" for each, kind, default in parameters)
    lines = [
        f"{name}({usage})",
        types,
        f"output: {output_size(cls)}" if output_size(cls) else "",
        inspect.getdoc(cls) or "",
    ]
    return "\n\n".join(line for line in lines if line)


def warn_unusable_plugins(name: str | None = None) -> None:
    """Print the methods of other packages that cannot be used and why, or those of one name, on standard error."""
    for line in unusable_plugins():
        if name is None or line.startswith(f"{name} of "):
            typer.echo(f"not used: {to_printable(line)}", err=True)


def list_all() -> None:
    """Print the senses, then the methods by kind, one line each as far as a line holds them."""
    width = shutil.get_terminal_size().columns
    _print_recipes("Senses: similarity modes (--by)", {each.name: each.description for each in SENSES.values()}, width)
    for package, heading in _HEADINGS.items():
        _print_recipes(heading, {name: method_summary(cls) for name, cls in methods(package).items()}, width)
    typer.echo("Parameters, output and source of one: nearsight recipes NAME")


def _print_recipes(heading: str, entries: dict[str, str], width: int) -> None:
    typer.echo(heading)
    column = max(map(len, entries), default=0) + 4
    for name, summary in entries.items():
        lines = textwrap.wrap(_shorten(summary, width - column), max(width - column, SHORTEST), break_long_words=False)
        for at, line in enumerate(lines):
            typer.echo(f"{'' if at else '  ' + name:<{column}}{to_printable(line)}")
    typer.echo()


def _shorten(summary: str, width: int) -> str:
    """Return a sentence that fits, up to the end of one of its clauses; all of it where no clause is long enough."""
    if len(summary) <= width:
        return summary
    ends = [found.start() for found in re.finditer(r"[:;] | \(", summary) if SHORTEST <= found.start() < width]
    return f"{summary[: ends[-1]]}." if ends else summary
