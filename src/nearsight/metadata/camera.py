"""Names of cameras and lenses, sensitivities and ratings, from the values that files hold."""

from __future__ import annotations

import re
from typing import Any

from nearsight.metadata.place import parse_number
from nearsight.wording import printable_text

_SCANNERS = re.compile(
    r"scan|perfection|expression \d|imacon|flextight|opticfilm|workcentre|officejet|deskjet|laserjet|bizhub|"
    r"imagerunner|\bmfp\b|\bmfc-|\bdcp-|xerox|microtek|plustek|reflecta|pacific image",
    re.IGNORECASE,
)
_FILM, _PRINT = 1, 2
"""Kinds of scanner among EXIF's sources of files."""
_NO_LENS = re.compile(
    r"[\W_]*|(?:unknown|none|n/?a|no lens|manual lens|not set|undefined)\b.*|[0.\s-]+mm\s*f?/?[0.\s]*", re.IGNORECASE
)


def camera_name(make: str, model: str) -> str | None:
    """Make and model as one name: "Canon" and "Canon EOS 5D" are "Canon EOS 5D"."""
    maker, name = printable_text(make), printable_text(model)
    makers, first = maker.lower().split(), name.lower().split()[:1]
    known = bool(makers and first) and (first[0] in makers or first[0].startswith(makers[0]))
    both = name if known else f"{maker} {name}".strip()
    return both[:200] or None


def lens_name(make: str, model: str) -> str | None:
    """Make and model of the lens as one name; None for what cameras write where they know of none."""
    name = printable_text(model).strip(" -")
    return None if _NO_LENS.fullmatch(name) else camera_name("" if _NO_LENS.fullmatch(make) else make, name)


def is_scanner(camera: str | None, software: str, file_source: float | None) -> bool:
    """Whether a scanner made the file: it knows when it scanned, not when the picture was taken."""
    return file_source in (_FILM, _PRINT) or bool(_SCANNERS.search(f"{camera or ''} {software}"))


def parse_iso(*values: Any) -> int | None:  # noqa: ANN401 - EXIF holds anything
    """The first sensitivity that is one; 65535 says that it is written elsewhere."""
    for value in values:
        first = value[0] if isinstance(value, tuple) and value else value
        number = parse_number(first.split(",")[0] if isinstance(first, str) else first)
        if number is not None and 1 <= number <= 10_000_000 and number != 65535:
            return round(number)
    return None


def parse_rating(stars: Any, percent: Any = None) -> int | None:  # noqa: ANN401 - EXIF holds anything
    """A rating of 1 to 5 stars, or -1 for rejected; 0 says that nobody has rated, and is none.

    Percentages are those of Windows: 1, 25, 50, 75 and 99.
    """
    number = parse_number(stars)
    if number is not None and (number == -1 or 0 < number <= 5):
        return max(1, round(number)) if number > 0 else -1
    share = parse_number(percent)
    return min(5, int((share + 12.5) // 25) + 1) if share is not None and 0 < share <= 100 else None
