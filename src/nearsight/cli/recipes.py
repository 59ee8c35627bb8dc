"""Every method that a recipe can name, for reading."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from nearsight.cli._printing import shown
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

_HEADINGS = {
    "descriptors": "descriptors: turn images into vectors",
    "hashes": "hashes: turn images into short strings of bits or bytes",
    "features": "local features: find points and describe what is around them",
    "encoders": "encoders: make rows or visual words of local features, and shorter rows of rows",
    "vocabularies": "vocabularies: which visual word a descriptor is",
    "kernels": "kernels: how alike the visual words of two images are",
    "metrics": "metrics: what near means",
    "indexes": "indexes: find the nearest rows",
    "rerankers": "refiners: turn hits into better hits",
}


def output(cls: type[Method]) -> str:
    """What a descriptor or local features give with their default parameters; empty for the others."""
    if not issubclass(cls, Descriptor | LocalDescriptor):
        return ""
    made = cls()
    row = f"{made.size} {made.dtype}"
    return f"{made.n} x {row}" if isinstance(made, LocalDescriptor) else row


def method_row(name: str) -> dict[str, Any]:
    """What is known of a method."""
    cls = require_method(name)
    return {
        "name": name,
        "kind": method_kind(cls),
        "summary": method_summary(cls),
        "parameters": [{"name": n, "type": t, "default": d} for n, t, d in method_parameters(cls)],
        "output": output(cls),
        "source": method_references(cls),
    }


def help_of(name: str) -> str:
    """The help of a sense or a method."""
    if name in SENSES:
        sense = SENSES[name]
        return f"{sense.name}: {sense.line}\nrecipe: {sense.recipe}"
    cls = require_method(name)
    usage = ", ".join(f"{each}={default}" for each, _, default in method_parameters(cls))
    types = "\n".join(f"    {each}: {wanted}, {default} by default" for each, wanted, default in method_parameters(cls))
    lines = [f"{name}({usage})", types, f"output: {output(cls)}" if output(cls) else "", inspect.getdoc(cls) or ""]
    return "\n\n".join(line for line in lines if line)


def say_left_out(name: str | None = None) -> None:
    """Name the methods of other packages that are not used, or those of one name, and why; on standard error."""
    for line in unusable_plugins():
        if name is None or line.startswith(f"{name} of "):
            typer.echo(f"left out: {shown(line)}", err=True)


def all_methods() -> None:
    """Print the senses, then the methods by kind, each with its parameters, its output and its source."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    console.print(Text("senses: what alike means (--by)", style="bold"))
    for sense in SENSES.values():
        console.print(Text(f"  {sense.name:<10} {sense.line}\n             {sense.recipe}"))
    for package, heading in _HEADINGS.items():
        table = Table(box=None, pad_edge=True, header_style="dim", title=None)
        for column in ("name", "parameters", "output", "what it is", "source"):
            table.add_column(column, overflow="fold")
        for name, cls in methods(package).items():
            given = ", ".join(f"{each}={default}" for each, _, default in method_parameters(cls))
            table.add_row(
                *(Text(cell) for cell in (name, given, output(cls), method_summary(cls), method_references(cls)))
            )
        console.print(Text(f"\n{heading}", style="bold"))
        console.print(table)
