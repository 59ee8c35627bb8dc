"""Facts under the names that anybody would give them: keys of JSON objects, headings of CSV columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.sidecars.fact_values import (
    sidecar_degrees,
    sidecar_number,
    sidecar_place,
    sidecar_rating,
    sidecar_time,
)
from nearsight.wording import printable_text

_TIMES = (
    "taken",
    "datetaken",
    "datetimetaken",
    "phototaken",
    "datetimeoriginal",
    "captured",
    "capturedate",
    "dateshot",
)
_LATITUDES, _LONGITUDES = ("latitude", "lat", "gpslatitude"), ("longitude", "lon", "lng", "long", "gpslongitude")
_CREATORS = ("creator", "photographer", "byline")
_ALONE = ("camera", "lens", "iso", "rating", "city", "country")


def names_fact(key: str) -> bool:
    """Whether a key or a heading is the name of a fact."""
    return _plain_key(key) in (*_TIMES, *_LATITUDES, *_CREATORS, *_ALONE)


def _plain_key(key: str) -> str:
    return "".join(letter for letter in key.lower() if letter.isalnum())


def read_plain_facts(about: Mapping[str, Any]) -> Facts:
    """What an object or a row says besides words; when a file was made or uploaded is not when it was taken."""
    values = {_plain_key(key): each for key, each in about.items()}

    def first(names: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON holds anything
        return next((values[name] for name in names if values.get(name) not in (None, "")), None)

    def name(*names: str) -> str | None:
        value = first(names)
        return printable_text(value) or None if isinstance(value, str) else None

    iso = sidecar_number(values.get("iso"))
    return merge_facts(
        [
            sidecar_time(first(_TIMES), values.get("timezone")),
            sidecar_place(
                sidecar_degrees(first(_LATITUDES)),
                sidecar_degrees(first(_LONGITUDES)),
                sidecar_number(values.get("altitude")),
            ),
            Facts(
                camera=name("camera"),
                lens=name("lens"),
                iso=round(iso) if iso is not None and 1 <= iso <= 10_000_000 else None,
                rating=sidecar_rating(values.get("rating")),
                creator=name(*_CREATORS),
                city=name("city"),
                country=name("country"),
            ),
        ]
    )
