"""Where an image was taken, as EXIF and XMP write it: degrees that can be, both or none; 0, 0 is none."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from nearsight.metadata.facts import Facts
from nearsight.metadata.text_encoding import decode_text

_DEGREES = re.compile(
    r"\s*(\d+(?:\.\d*)?)(?:[,\s]+(\d+(?:\.\d*)?))?(?:[,\s]+(\d+(?:\.\d*)?))?\s*([NSEWnsew])\s*", re.ASCII
)
_LOWEST, _HIGHEST = -11_000.0, 100_000.0
"""Metres: the deepest sea, the edge of space."""


def exif_place(gps: Mapping[int, Any]) -> Facts:
    """The place in the entries of EXIF's GPS directory."""
    latitude = _exif_degrees(gps.get(2), gps.get(1), "NS", 90)
    longitude = _exif_degrees(gps.get(4), gps.get(3), "EW", 180)
    below = _first_number(gps.get(5)) in (1, 3)
    return place_facts(latitude, longitude, _signed(parse_number(gps.get(6)), below=below), "EXIF")


def xmp_place(texts: Mapping[str, str], source: str) -> Facts:
    """The place in properties of XMP.

    Parameters
    ----------
    texts : "Latitude" and "Longitude" such as "48,51.5N", "2,21,7E" or "48.9"; "LatitudeRef" and "LongitudeRef", in
        which some programs write the letter apart; "Altitude" such as "1234/10", "AltitudeRef" "1" where it is below
        the sea
    source : what said so
    """
    height = _signed(parse_number(texts.get("Altitude")), below=texts.get("AltitudeRef", "").strip() == "1")
    latitude = _xmp_degrees(texts.get("Latitude", ""), texts.get("LatitudeRef", ""), "NS", 90)
    longitude = _xmp_degrees(texts.get("Longitude", ""), texts.get("LongitudeRef", ""), "EW", 180)
    return place_facts(latitude, longitude, height, source)


def place_facts(latitude: float | None, longitude: float | None, altitude: float | None, source: str) -> Facts:
    """A place by what this source says; no facts where a number is missing, impossible, or both are 0."""
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return Facts()
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return Facts()
    if altitude is not None and not _LOWEST <= altitude <= _HIGHEST:
        altitude = None
    return Facts(latitude=latitude, longitude=longitude, altitude=altitude, place_from=source)


def parse_number(value: Any) -> float | None:  # noqa: ANN401 - EXIF holds anything
    """A finite number, also as a text and as a fraction "1234/10"; None for anything else."""
    try:
        if isinstance(value, str) and "/" in value:
            above, below = value.split("/", 1)
            return parse_number(float(above) / float(below))
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _first_number(value: object) -> float | None:
    if isinstance(value, bytes):
        return float(value[0]) if value else None
    return parse_number(value[0] if isinstance(value, tuple) and value else value)


def _signed(number: float | None, *, below: bool) -> float | None:
    return None if number is None else (-abs(number) if below else number) + 0.0


def _exif_degrees(parts: object, reference: object, letters: str, limit: float) -> float | None:
    """Degrees, minutes and seconds as signed degrees; a missing or impossible number is none at all."""
    if isinstance(reference, bytes):
        reference = decode_text(reference)
    letter = reference.strip()[:1].upper() if isinstance(reference, str) else ""
    numbers = [parse_number(part) for part in (parts if isinstance(parts, tuple) else (parts,))][:3]
    if not letter or letter not in letters or not numbers or numbers[0] is None:
        return None
    degrees = sum(((number or 0.0) / float(60**power) for power, number in enumerate(numbers)), 0.0)
    if not 0 <= degrees <= limit:
        return None
    return -degrees if letter == letters[1] else degrees


def _xmp_degrees(text: str, reference: str, letters: str, limit: float) -> float | None:
    """Degrees with minutes and seconds and a letter, or a signed number."""
    if match := _DEGREES.fullmatch(text):
        parts = tuple(float(part) for part in match.groups()[:3] if part)
        return _exif_degrees(parts, match[4], letters, limit)
    number = parse_number(text) if "/" not in text else None
    if number is not None and reference.strip():
        return _exif_degrees(abs(number), reference, letters, limit)
    return number if number is not None and abs(number) <= limit else None
