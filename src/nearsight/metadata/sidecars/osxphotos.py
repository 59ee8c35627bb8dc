"""What `osxphotos query --json` and `dump --json` print: the photos of a library of Apple Photos.

::

    [{"uuid": "7B1E...", "filename": "7B1E....heic", "original_filename": "IMG_1.HEIC", "path": "/Users/ann/...",
      "title": "Storm", "keywords": ["sea"], "persons": ["Ann", "_UNKNOWN_"], "date": "2012-07-21T10:11:12+02:00"}]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.sidecars.claimed_text import ClaimedText, claim_text
from nearsight.metadata.sidecars.fact_values import sidecar_number, sidecar_place, sidecar_rating, sidecar_time
from nearsight.metadata.sidecars.media_names import fold_name
from nearsight.metadata.sidecars.takeout import FAVOURITE_TAG

_UNKNOWN_PERSON = "_UNKNOWN_"


def is_osxphotos(value: object) -> bool:
    """Whether an object is what osxphotos says of one photo."""
    return isinstance(value, dict) and {"uuid", "original_filename"} <= value.keys()


def read_osxphotos(photos: list[Any]) -> Iterator[ClaimedText]:
    """What a list says of each photo, which is called as it was when it was imported; two of a name are in doubt."""
    known = [photo for photo in photos if is_osxphotos(photo)]
    counts = Counter(fold_name(_photo_text(photo, "original_filename")) for photo in known)
    for photo in known:
        name = _photo_text(photo, "original_filename") or _photo_text(photo, "filename")
        alike = counts[fold_name(name)]
        doubt = f"{alike} photos of this list are called {name}" if alike > 1 else ""
        found = claim_text(
            [_photo_text(photo, "title"), _photo_text(photo, "description")],
            [*_photo_words(photo, "keywords"), *_photo_words(photo, "persons"), *_favourite(photo)],
            _photo_facts(photo),
            name=name,
            doubt=doubt,
        )
        if found is not None:
            yield found


def _photo_facts(photo: Mapping[str, Any]) -> Facts:
    latitude, longitude = (sidecar_number(photo.get(key)) for key in ("latitude", "longitude"))
    place = photo.get("place")
    address = place.get("address") if isinstance(place, dict) else None
    named = address if isinstance(address, dict) else {}
    return merge_facts(
        [
            sidecar_time(photo.get("date")),
            sidecar_place(latitude, longitude),
            Facts(
                rating=sidecar_rating(photo.get("rating")),
                city=_photo_text(named, "city") or None,
                country=_photo_text(named, "country") or None,
            ),
        ]
    )


def _favourite(photo: Mapping[str, Any]) -> list[str]:
    return [FAVOURITE_TAG] if photo.get("favorite") is True else []


def _photo_text(photo: Mapping[str, Any], key: str) -> str:
    value = photo.get(key)
    return value if isinstance(value, str) else ""


def _photo_words(photo: Mapping[str, Any], key: str) -> list[str]:
    value = photo.get(key)
    words = value if isinstance(value, list) else []
    return [word for word in words if isinstance(word, str) and word != _UNKNOWN_PERSON]
