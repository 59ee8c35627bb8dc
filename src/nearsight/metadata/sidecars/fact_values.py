"""Times, time stamps, places and ratings as sidecars write them; nothing where a value cannot be."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from nearsight.metadata.facts import Facts
from nearsight.metadata.image_text import NO_FACTS

SIDECAR = "sidecar"
"""What facts of a sidecar are said to be from."""

MAX_VALUE_LENGTH = 200
"""Characters of a value that may be a number."""

_FIRST_YEAR, _LAST_YEAR = 1826, 2100
_TIME = re.compile(
    r"(\d{4})(?:[:/.-](\d\d?)(?:[:/.-](\d\d?))?)?"
    r"(?:[T\s]+(\d\d?):(\d\d)(?::(\d\d))?(?:[.,]\d+)?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
_ZONE = re.compile(r"([+-])(\d\d):?([0-5]\d)", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SPOKEN_TIME = re.compile(
    r"(?:[A-Za-z]+,? )?([A-Za-z]{3})[a-z]* (\d\d?),\s*(\d{4}),? (\d\d?):(\d\d)(?::(\d\d))? ?([AP]M)? (?:GMT|UTC)"
)
_PLAIN_NUMBER = re.compile(r"\s*[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*", re.ASCII)
_DEGREES = re.compile(
    r"([+-]?\d+(?:\.\d+)?)\s*(?:deg|°|º|,|d)?\s*(?:(\d+(?:\.\d+)?)\s*(?:['\u2032\u2019,m])?\s*)?"
    r"(?:(\d+(?:\.\d+)?)\s*(?:\"|\u2033|\u201d|''|s)?\s*)?([NSEW])?[a-z]*",
    re.ASCII | re.IGNORECASE,
)


def sidecar_time(text: object, zone: object = "") -> Facts:
    """When an image was taken: "2012:07:21 10:11:12", "2012-07-21T10:11:12.5+02:00", "1993:07:00 00:00:00", "1993".

    Parameters
    ----------
    zone : the time zone where it is written apart
    """
    match = _TIME.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return NO_FACTS
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    date = _time_as_known(year, month, day, None if match[4] is None else (hour, minute, second))
    if date is None:
        return NO_FACTS
    return Facts(taken=date, taken_from=SIDECAR, time_zone=_time_zone(match[7] or zone) if "T" in date else None)


def _time_as_known(year: int, month: int, day: int, clock: tuple[int, int, int] | None) -> str | None:
    """The parts that are known as one text; a month or day that is 0 is not known."""
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        date = datetime(year, month or 1, day or 1, *(clock or ()))
    except ValueError:
        return None
    if not (month and day):
        return f"{date:%Y-%m}" if month else f"{date:%Y}"
    return f"{date:%Y-%m-%d}" if clock is None else f"{date:%Y-%m-%dT%H:%M:%S}"


def _time_zone(text: object) -> str | None:
    text = text.strip().upper() if isinstance(text, str) else ""
    if text in ("Z", "UTC", "GMT"):
        return "+00:00"
    match = _ZONE.fullmatch(text)
    return f"{match[1]}{match[2]}:{match[3]}" if match and int(match[2]) <= 14 else None


def stamp_time(seconds: object) -> Facts:
    """When an image was taken, by seconds since 1970 in UTC; 0 is what programs write that do not know."""
    number = sidecar_number(seconds)
    if not number or abs(number) > 1e11:
        return NO_FACTS
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=math.floor(number))
    return sidecar_time(f"{date:%Y-%m-%dT%H:%M:%S}Z") if date.year >= _FIRST_YEAR else NO_FACTS


def spoken_time(text: str) -> Facts:
    """When an image was taken, by words: "Sunday March 4,2018 10:28 AM GMT"."""
    match = _SPOKEN_TIME.fullmatch(" ".join(text.split()))
    if match is None or match[1].lower() not in _MONTHS:
        return NO_FACTS
    hour = int(match[4])
    if match[7]:
        hour = hour % 12 + 12 * (match[7] == "PM")
    month = _MONTHS.index(match[1].lower()) + 1
    return sidecar_time(f"{match[3]}-{month}-{match[2]} {hour}:{match[5]}:{match[6] or '00'}Z")


def sidecar_place(latitude: float | None, longitude: float | None, altitude: float | None = None) -> Facts:
    """Where an image was taken; none where a number is missing, impossible, or both are 0."""
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return NO_FACTS
    if abs(latitude) > 90 or abs(longitude) > 180:
        return NO_FACTS
    known = altitude is not None and -11_000 <= altitude <= 100_000
    return Facts(latitude=latitude, longitude=longitude, altitude=altitude if known else None, place_from=SIDECAR)


def sidecar_degrees(value: object, reference: object = "") -> float | None:
    r"""Degrees, positive north and east: 48.858, "48.858", "48 deg 51' 30.00\" N", "48,51.5N".

    Parameters
    ----------
    reference : "N", "South" and so on, where it is written apart; a number without any is signed
    """
    if isinstance(value, str) and len(value) > MAX_VALUE_LENGTH:
        return None
    if isinstance(value, str) and not _PLAIN_NUMBER.fullmatch(value):
        match = _DEGREES.fullmatch(value.strip())
        if match is None:
            return None
        parts = [float(part) for part in match.groups()[:3] if part]
        number = sum(abs(part) / float(60**power) for power, part in enumerate(parts))
        negative, letter = match[1].startswith("-"), match[4] or ""
    else:
        plain = sidecar_number(value)
        if plain is None:
            return None
        number, negative, letter = abs(plain), plain < 0, ""
    letter = (letter or (reference if isinstance(reference, str) else "")).strip()[:1].upper()
    return -number if letter in ("S", "W") or (negative and letter not in ("N", "E")) else number


def sidecar_number(value: Any) -> float | None:  # noqa: ANN401 - sidecars hold anything
    """A finite number, also as text or behind one ("35.2 m Above Sea Level"); None for anything else."""
    if isinstance(value, str):
        value = value[:MAX_VALUE_LENGTH]
        match = re.match(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:/(\d+))?(?!\d)", value)
        if match is None:
            return None
        below = float(match[2] or 1)
        value = float(match[1]) / below if below else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None


def sidecar_rating(value: object) -> int | None:
    """A rating of 1 to 5 stars, or -1 for rejected; 0 says that nobody has rated."""
    number = sidecar_number(value)
    if number is None or number != int(number):
        return None
    return int(number) if number == -1 or 1 <= number <= 5 else None
