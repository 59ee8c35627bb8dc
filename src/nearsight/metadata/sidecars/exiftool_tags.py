r"""The tags of one image as exiftool writes them, in JSON or as a row of CSV, and as osxphotos does in its sidecars.

::

    {"SourceFile": "2012/a.jpg", "Title": "Storm", "Keywords": ["sea", "mole"], "GPSLatitude": "44 deg 24' 0.00\" N"}
    {"SourceFile": "a.jpg", "EXIF:DateTimeOriginal": "2012:07:21 10:11:12", "EXIF:OffsetTimeOriginal": "+02:00"}
    SourceFile,Description,Subject,Rating
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nearsight.metadata.camera import is_scanner
from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import ImageText, split_hierarchy
from nearsight.metadata.machine_text import build_human_text
from nearsight.metadata.sidecars.fact_values import (
    sidecar_degrees,
    sidecar_number,
    sidecar_place,
    sidecar_rating,
    sidecar_time,
)
from nearsight.wording import printable_text

SOURCE_FILE = "sourcefile"

_CAPTIONS = (
    "title",
    "objectname",
    "xptitle",
    "headline",
    "description",
    "imagedescription",
    "captionabstract",
    "caption",
    "xpsubject",
    "xpcomment",
    "usercomment",
    "comment",
)
_TAGS = (
    "keywords",
    "subject",
    "hierarchicalsubject",
    "tagslist",
    "lastkeywordxmp",
    "xpkeywords",
    "personinimage",
    "persons",
    "people",
    "regionname",
    "regionpersondisplayname",
)
_TIMES = (
    ("datetimeoriginal", "offsettimeoriginal"),
    ("subsecdatetimeoriginal", "offsettimeoriginal"),
    ("datecreated", "timecreated"),
    ("datetimecreated", ""),
)
_LANGUAGE = re.compile(r"-[a-z]{2}(?:-[A-Za-z]{2,4})?$")
_UNKNOWN_PERSON = "_UNKNOWN_"


class ExiftoolTags:
    """Tags by their names, whatever group they are of; the names are compared by their letters and digits."""

    def __init__(self, tags: Mapping[str, Any]) -> None:
        self._values: dict[str, list[tuple[str, Any]]] = {}
        for key, value in tags.items():
            group, name = _split_tag_name(key)
            if name and value not in (None, "", "-", []):
                self._values.setdefault(name, []).append((group, value))

    def first(self, name: str, group: str = "") -> Any:  # noqa: ANN401 - JSON holds anything
        """The first value of a tag; of a group where one is named."""
        return next((value for own, value in self._values.get(name, ()) if own.startswith(group)), None)

    def texts(self, names: Iterable[str], *, split: bool = False) -> Iterator[str]:
        """The texts of tags in the order of their names; with `split`, also the items of lists that were joined."""
        for name in names:
            for _, value in self._values.get(name, ()):
                yield from _split_list(value) if split and isinstance(value, str) else _tag_texts(value)

    def text(self, *names: str) -> str | None:
        """The first text of tags, as a name."""
        return next(filter(None, (printable_text(text) for text in self.texts(names))), None)


def read_exiftool_tags(tags: Mapping[str, Any], name: str = "") -> ImageText | None:
    """What exiftool's tags say of the image that they name, or of the one called `name`."""
    known = ExiftoolTags(tags)
    source = known.first(SOURCE_FILE)
    words = [word for text in known.texts(_TAGS, split=True) for word in split_hierarchy(text)]
    facts = exiftool_facts(known)
    found = build_human_text(
        known.texts(_CAPTIONS),
        (word.strip() for word in words if word.strip() != _UNKNOWN_PERSON),
        facts,
        filter(None, (known.text("make"), known.text("model", "cameramodelname"), facts.camera)),
        name or (source if isinstance(source, str) else ""),
    )
    return found if found.caption or found.tags or found.facts else None


def exiftool_facts(tags: ExiftoolTags) -> Facts:
    """When, where, with what and by whom the image was taken, and its rating."""
    about = Facts(
        camera=_exiftool_camera(tags.text("make") or "", tags.text("model", "cameramodelname") or ""),
        lens=tags.text("lensmodel", "lensid", "lens"),
        iso=_exiftool_iso(tags.first("iso")),
        rating=sidecar_rating(tags.first("rating")),
        creator="; ".join(dict.fromkeys(tags.texts(("creator",)))) or tags.text("artist", "byline", "author"),
        city=tags.text("city", "locationcreatedcity", "locationshowncity"),
        country=tags.text("country", "countryprimarylocationname", "locationcreatedcountryname"),
    )
    return merge_facts([about, _exiftool_time(tags), _exiftool_place(tags)])


def _split_tag_name(key: str) -> tuple[str, str]:
    """A group, such as "exif" or "xmp-dc", and the name of a tag: "EXIF:Date/Time Original" is datetimeoriginal."""
    groups, _, name = key.strip().lstrip("\ufeff").rpartition(":")
    plain = re.sub(r"[^a-z0-9]", "", _LANGUAGE.sub("", name).lower())
    return groups.strip("[] ").lower(), plain


def _tag_texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _tag_texts(each)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _split_list(text: str) -> list[str]:
    """The items of a list that was joined; exiftool joins with ", "."""
    mark = next((mark for mark in (";", ", ") if mark in text), None)
    return [text] if mark is None else text.split(mark)


def _exiftool_camera(make: str, model: str) -> str | None:
    first = make.lower().split()[:1]
    return (model if first and model.lower().startswith(first[0]) else f"{make} {model}".strip()) or None


def _exiftool_iso(value: object) -> int | None:
    number = sidecar_number(value)
    return round(number) if number is not None and 1 <= number <= 10_000_000 and number != 65535 else None


def _exiftool_time(tags: ExiftoolTags) -> Facts:
    """The time of the picture; that of the file's digital form counts only where a camera made it, in its EXIF."""
    by_scanner = _is_by_scanner(tags)
    scanned = {sidecar_time(each).taken for each in tags.texts(("createdate", "datetimedigitized"))}
    for name, zone in _TIMES:
        value, apart = tags.first(name), tags.first(zone) if zone else ""
        if zone == "timecreated" and isinstance(value, str) and isinstance(apart, str) and len(value.strip()) <= 10:
            value, apart = f"{value} {apart}", ""
        found = sidecar_time(value, apart)
        is_of_scan = by_scanner and "original" in name and "T" in (found.taken or "") and found.taken in scanned
        if found and not is_of_scan:
            return found
    if by_scanner or not tags.first("model"):
        return Facts()
    return sidecar_time(tags.first("createdate", "exif"), tags.first("offsettimedigitized")) or Facts()


def _is_by_scanner(tags: ExiftoolTags) -> bool:
    source = tags.first("filesource")
    is_named = isinstance(source, str) and "scanner" in source.lower()
    camera = f"{tags.text('make') or ''} {tags.text('model', 'cameramodelname') or ''}"
    return is_named or is_scanner(camera, tags.text("software") or "", sidecar_number(source))


def _exiftool_place(tags: ExiftoolTags) -> Facts:
    """The place: by exiftool's own sum of the tags, by XMP, by EXIF with its letters, or by one text of both."""
    height = sidecar_number(tags.first("gpsaltitude", "composite") or tags.first("gpsaltitude"))
    below = tags.first("gpsaltituderef")
    if height is not None and (below in (1, "1") or "below" in f"{below} {tags.first('gpsaltitude')}".lower()):
        height = -abs(height)
    for group in ("composite", "xmp", ""):
        latitude, longitude = (_exiftool_degrees(tags, name, group) for name in ("gpslatitude", "gpslongitude"))
        if found := sidecar_place(latitude, longitude, height):
            return found
    position = tags.first("gpsposition") or tags.first("gpscoordinates")
    parts = re.split(r",\s+|\s+(?=[+-]?\d+(?:\.\d+)?$)", position.strip()) if isinstance(position, str) else []
    if len(parts) < 2:
        return Facts()
    return sidecar_place(sidecar_degrees(parts[0]), sidecar_degrees(parts[1]), height)


def _exiftool_degrees(tags: ExiftoolTags, name: str, group: str) -> float | None:
    """Degrees of a group of tags; EXIF's own have their sign in a tag of their own, and are none without it."""
    value = tags.first(name, group)
    if group:
        return sidecar_degrees(value)
    reference = tags.first(f"{name}ref")
    own_sign = isinstance(value, str) and value.strip()[-1:].upper() in "NSEW"
    if tags.first(name, "exif") is not None and not reference and not own_sign:
        return None
    return sidecar_degrees(value, reference)
