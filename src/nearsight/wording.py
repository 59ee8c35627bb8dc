"""Wording of messages: counts with their nouns, and text that is safe to print."""

from __future__ import annotations


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun: `1 image`, `2 images`; `nouns` where the plural has no plain s."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def to_printable(text: str) -> str:
    """Return text that is safe on a terminal: control codes, reversals and broken characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def to_printable_lines(text: str) -> str:
    """As `to_printable`, line by line."""
    return "\n".join(map(to_printable, text.split("\n")))


def printable_text(text: str, limit: int = 200) -> str:
    """Text without control, direction and other invisible characters, at most `limit` long."""
    text = text[: limit * 8]
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:limit]
