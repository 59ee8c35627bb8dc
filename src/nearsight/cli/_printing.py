"""What every command prints with."""

from __future__ import annotations

import json
from typing import Any

import typer


def print_json(value: Any) -> None:  # noqa: ANN401
    """Print a value as JSON; names that are not text come out as escapes that read back to the same name."""
    typer.echo(json.dumps(value, indent=2, default=str))


def shown_lines(text: str) -> str:
    """As `shown`, line by line."""
    return "\n".join(map(shown, text.split("\n")))


def shown(text: str) -> str:
    """Text that is safe on a terminal: control codes, reversals and broken characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
