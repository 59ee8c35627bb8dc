"""Dates as far as they are known, compared by truth.

"1993" is some second of that year. A comparison holds only if it holds whichever second that is: `taken >= 1993-05`
does not hold for an image of which only 1993 is known, and neither does `taken < 1993-05`.
"""

from __future__ import annotations

import re
from calendar import monthrange

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0
_SECOND = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d", re.ASCII)
"""Most dates that are stored, and none of which is impossible."""
_DIGITS_ONLY = str.maketrans("", "", "-T:")
_TIME = r"[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.\d*)?)?)?(?:Z|[+-]\d\d:?\d\d)?"
_DATE = re.compile(rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d)(?:{_TIME})?)?)?")


def date_interval(text: str) -> tuple[int, int] | None:
    """First and last second that a date may mean, as the digits of year to second; None where it is no date.

    >>> date_interval("1965-02")
    (19650201000000, 19650228235959)
    """
    if _SECOND.fullmatch(text):
        second = int(text.translate(_DIGITS_ONLY))
        return second, second
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    given = [int(part) for part in found.groups() if part is not None]
    if not given[0] or not 1 <= (given[1:2] or [1])[0] <= 12:
        return None
    days = monthrange(given[0], (given[1:2] or [12])[0])[1]
    first, last = (1, 1, 1, 0, 0, 0), (given[0], 12, days, 23, 59, 59)
    if any(not least <= part <= most for least, part, most in zip(first, given, last, strict=False)):
        return None
    return _digits([*given, *first[len(given) :]]), _digits([*given, *last[len(given) :]])


def _digits(parts: list[int]) -> int:
    number = parts[0]
    for part in parts[1:]:
        number = number * 100 + part
    return number


def compare_dates(taken: NDArray[np.int64], sign: str, first: int, last: int) -> NDArray[np.bool_]:
    """Whether intervals `(n, 2)` surely compare so with an interval; never where they are unknown."""
    start, end = taken.T
    held = {
        "<": end < first,
        "<=": end <= last,
        ">": start > last,
        ">=": start >= first,
        "=": (start >= first) & (end <= last),
        "!=": (end < first) | (start > last),
    }[sign]
    found: NDArray[np.bool_] = held & (start != UNKNOWN)
    return found
