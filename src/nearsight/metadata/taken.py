"""When an image was taken, as EXIF, XMP and IPTC write it: as much as is known, and nothing that cannot be."""

from __future__ import annotations

import re
from datetime import datetime

from nearsight.metadata.facts import Facts

EARLIEST_YEAR, LATEST_YEAR = 1826, 2100
"""The years in which a photograph can have been taken."""

_TIME = re.compile(
    r"(\d{4})(?!\d)(?:[:/.-](\d\d?|\s*)(?:[:/.-](\d\d?|\s*)(?!\d))?)?"
    r"(?:(?:T|\s+)(\d\d?):(\d\d)(?::(\d\d))?(?:[.,]\d+)?\s*(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)", re.ASCII)
_IPTC_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)([+-]\d{4})?", re.ASCII)
_UNSET_CLOCKS = {"1904-01-01T00:00:00", "1970-01-01T00:00:00", "1980-01-01T00:00:00"}
"""The zero of clocks that nobody has set."""


def parse_taken(text: str, source: str, zone: str = "") -> Facts:
    """A date with as much of its time as is there; no facts where it is none, or cannot be.

    Parameters
    ----------
    text : "2012:07:21 10:11:12", "2012-07-21T10:11:12+02:00", "1993:07:00", "1993-07" or "1993"
    source : what said so
    zone : the time zone where it is written apart
    """
    match = _TIME.match(text.strip())
    if not match:
        return Facts()
    *numbers, own_zone = match.groups()
    return _taken_facts(
        [int((number or "").strip() or 0) for number in numbers], match[4] is not None, source, own_zone or zone
    )


def parse_iptc_taken(date: str, time: str) -> Facts:
    """A date and a time of IPTC: "20120721" and "101112+0200"; months and days that are not known are 00."""
    date = date.strip().replace("-", "").replace(":", "")
    if not (len(date) in (4, 6, 8) and date.isascii() and date.isdigit()):
        return Facts()
    clock = _IPTC_TIME.match(time.strip().replace(":", ""))
    hour, minute, second = map(int, clock.groups()[:3]) if clock else (0, 0, 0)
    parts = [int(date[:4]), int(date[4:6] or 0), int(date[6:8] or 0), hour, minute, second]
    return _taken_facts(parts, clock is not None, "IPTC", (clock[4] if clock else None) or "")


def _taken_facts(parts: list[int], timed: bool, source: str, zone: str) -> Facts:
    taken = format_taken(parts, timed=timed)
    if taken is None or taken in _UNSET_CLOCKS:
        return Facts()
    return Facts(taken=taken, taken_from=source, time_zone=parse_time_zone(zone) if "T" in taken else None)


def format_taken(parts: list[int], *, timed: bool) -> str | None:
    """Year, month, day, hour, minute and second as one text, up to the first that is not known.

    None where there is no such day; a time that there is not, such as 24:00:00, leaves the day.
    """
    year, month, day, hour, minute, second = parts
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    try:
        date = datetime(year, month or 1, day or 1)
    except ValueError:
        return None
    if not (month and day):
        return f"{date:%Y-%m}" if month else f"{date:%Y}"
    try:
        return datetime(year, month, day, hour, minute, second).isoformat() if timed else f"{date:%Y-%m-%d}"
    except ValueError:
        return f"{date:%Y-%m-%d}"


def parse_time_zone(text: str) -> str | None:
    """A time zone as "+02:00"; None for what is none."""
    text = text.strip()
    if text == "Z":
        return "+00:00"
    match = _ZONE.fullmatch(text)
    if not match or int(match[2]) * 60 + int(match[3]) > 14 * 60 or int(match[3]) > 59:
        return None
    return f"{match[1]}{match[2]}:{match[3]}"
