"""Paths as they are typed on any system, in the form in which they are compared."""

from __future__ import annotations

import re

from nearsight.words.fold import fold_case

_DRIVE = re.compile(r"[A-Za-z]:(?=/)")


def fold_path(path: str) -> str:
    """A stored path as it is compared: case and normal form folded, and one kind of slash."""
    return fold_case(path).replace("\\", "/")


def fold_typed_path(text: str) -> str:
    r"""A typed path as it is compared: also without ./ and slashes before and behind, and without a drive.

    >>> fold_typed_path(".\\Moscow\\old\\"), fold_typed_path("/moscow//old")
    ('moscow/old', 'moscow/old')
    """
    plain = re.sub("/+", "/", _DRIVE.sub("", fold_path(text), count=1))
    while plain.startswith("./"):
        plain = plain[2:]
    return "" if plain == "." else plain.strip("/")


def unescape_path(text: str) -> str:
    r"""The inside of a quoted path, in which a backslash is a separator unless a quote follows it.

    >>> unescape_path("moscow\\old"), unescape_path("d\\'s.png")
    ('moscow\\old', "d's.png")
    """
    return re.sub(r"\\([\"'])", r"\1", text)
