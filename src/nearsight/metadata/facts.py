"""What one source says of an image besides words: when, where and with what it was taken, by whom, how it is rated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Facts:
    """What one source says of an image; None, or an empty text, where it says nothing.

    Attributes
    ----------
    taken : local time, as far as the source knows it: "1993", "1965-07", "2012-05-31" or "2012-05-31T14:30:00"
    taken_from : what said so: "EXIF", "XMP", "IPTC", "sidecar" or "file name"
    time_zone : "+02:00"
    latitude, longitude : degrees, positive north and east; both or none
    altitude : metres above the sea
    place_from : what said so: "EXIF", "XMP" or "sidecar"
    camera, lens : their names
    iso : the sensitivity
    rating : 1 to 5 stars; -1 is rejected; 0, with which programs say that nobody has rated, is None
    creator, city, country : names
    data : text that a program wrote for itself, which is no caption
    """

    taken: str | None = None
    taken_from: str = ""
    time_zone: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    place_from: str = ""
    camera: str | None = None
    lens: str | None = None
    iso: int | None = None
    rating: int | None = None
    creator: str | None = None
    city: str | None = None
    country: str | None = None
    data: str = ""

    def __bool__(self) -> bool:
        return self != Facts()


_TOGETHER = (("taken", "taken_from", "time_zone"), ("latitude", "longitude", "altitude", "place_from"))
"""What is taken from one source or not at all."""
_ALONE = tuple(each.name for each in fields(Facts) if not any(each.name in group for group in _TOGETHER))


def merge_facts(sources: Iterable[Facts]) -> Facts:
    """What several sources say together: of each fact, the first that says it."""
    merged = Facts()
    for source in sources:
        new = {name: getattr(source, name) for name in _ALONE if getattr(merged, name) in (None, "")}
        for group in _TOGETHER:
            if getattr(merged, group[0]) is None:
                new |= {name: getattr(source, name) for name in group}
        merged = replace(merged, **new)
    return merged
