"""When, where and with what an image was taken, by its own file. Nothing in here can make an image fail."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image as Pillow

from nearsight.images import embedded_text
from nearsight.images.facts import Facts
from nearsight.images.pillow import printable_pillow_text

_MAKE, _MODEL, _CHANGED, _EXIF, _GPS = 0x10F, 0x110, 0x132, 0x8769, 0x8825
_TAKEN, _DIGITIZED = 0x9003, 0x9004
_TIME = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)")


@dataclass(frozen=True)
class Metadata:
    """What the camera and its owner wrote.

    `taken` is local time, "YYYY-MM-DDTHH:MM:SS"; degrees are positive north and east; captions are a line each.
    """

    taken: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    caption: str = ""
    tags: tuple[str, ...] = ()

    @property
    def facts(self) -> Facts:
        """What it says besides words."""
        return Facts(
            taken=self.taken,
            taken_from="EXIF" if self.taken else "",
            latitude=self.latitude,
            longitude=self.longitude,
            place_from="EXIF" if self.latitude is not None else "",
            camera=self.camera,
        )


def read_metadata(image: Pillow.Image) -> Metadata:
    """The metadata of an opened image."""
    main = _metadata_directory(image)
    details, place = _metadata_directory(image, _EXIF), _metadata_directory(image, _GPS)
    latitude, longitude = _gps_metadata(place)
    times = (details.get(_TAKEN), details.get(_DIGITIZED), main.get(_CHANGED))
    taken = next((time for time in map(_parse_time, times) if time), None)
    big_endian = image.getexif().endian == ">" if main or details else False
    words = embedded_text.read_embedded_text(image, {**details, **main}, big_endian=big_endian)
    camera = _camera_name(main.get(_MAKE), main.get(_MODEL))
    return Metadata(taken, camera, latitude, longitude, words.caption, words.tags)


def _metadata_directory(image: Pillow.Image, tag: int | None = None) -> Mapping[int, Any]:
    try:
        exif = image.getexif()
        entries = exif if tag is None else exif.get_ifd(tag)
        return {key: value for key in _TAGS if (value := _metadata_entry(entries, key)) is not None}
    except MemoryError:
        raise
    except Exception:
        return {}


_TAGS = (_MAKE, _MODEL, _CHANGED, _TAKEN, _DIGITIZED, *embedded_text.EXIF_TEXT_TAGS, 1, 2, 3, 4)


def _metadata_entry(entries: Mapping[int, Any], key: int) -> Any:  # noqa: ANN401 - EXIF holds anything
    try:
        return entries.get(key)
    except MemoryError:
        raise
    except Exception:
        return None


def _metadata_string(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return printable_pillow_text(value.split("\0")[0]) if isinstance(value, str) else ""


def _parse_time(value: object) -> str | None:
    match = _TIME.match(_metadata_string(value))
    if not match:
        return None
    try:
        return datetime(*map(int, match.groups())).isoformat()  # type: ignore[arg-type]
    except ValueError:
        return None


def _camera_name(make: object, model: object) -> str | None:
    """Make and model as one name: "Canon" and "Canon EOS 5D" are "Canon EOS 5D"."""
    maker, name = _metadata_string(make), _metadata_string(model)
    makers, first = maker.lower().split(), name.lower().split()[:1]
    known = bool(makers and first) and (first[0] in makers or first[0].startswith(makers[0]))
    both = name if known else f"{maker} {name}".strip()
    return both[:200] or None


def _gps_metadata(gps: Mapping[int, Any]) -> tuple[float | None, float | None]:
    latitude = _parse_degrees(gps.get(2), gps.get(1), b"NS", 90)
    longitude = _parse_degrees(gps.get(4), gps.get(3), b"EW", 180)
    return (None, None) if latitude is None or longitude is None else (latitude, longitude)


def _parse_degrees(parts: object, reference: object, references: bytes, limit: float) -> float | None:
    """Degrees, minutes and seconds as signed degrees; a missing or impossible number is none at all."""
    letter = _metadata_string(reference)[:1].upper().encode("ascii", "replace")
    if not letter or letter not in references:
        return None
    numbers = [_metadata_number(part) for part in (parts if isinstance(parts, tuple) else (parts,))][:3]
    if not numbers or numbers[0] is None:
        return None
    degrees = sum(((number or 0.0) / float(60**power) for power, number in enumerate(numbers)), 0.0)
    if not 0 <= degrees <= limit:
        return None
    return -degrees if letter == references[1:] else degrees


def _metadata_number(value: Any) -> float | None:  # noqa: ANN401 - EXIF holds anything
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None
