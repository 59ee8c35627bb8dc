"""The JSON that Google Takeout writes for each photo.

::

    {"title": "IMG_1.jpg", "description": "On the beach", "people": [{"name": "Ann"}],
     "photoTakenTime": {"timestamp": "1564650000"}, "geoData": {"latitude": 44.4, "longitude": 8.93, "altitude": 0.0}}

`title` is the file name that the photo had. `creationTime` is when it was uploaded, and says nothing of the photo.
"""

from __future__ import annotations

import html
import os
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from nearsight.errors import ImageError, Reason
from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.sidecars.claimed_text import ClaimedText, claim_text
from nearsight.metadata.sidecars.fact_values import sidecar_number, sidecar_place, stamp_time
from nearsight.metadata.sidecars.media_names import is_media_name

FAVOURITE_TAG = "favorite"
"""The tag of a photo that was marked as a favourite: this is no rating, which counts stars."""

MAX_TITLE_LENGTH = 1000
"""Characters of a title, which is a file name."""

_OF_PHOTOS = {"photoTakenTime", "photoLastModifiedTime", "googlePhotosOrigin", "geoDataExif", "imageViews"}
_OF_ALBUMS = {"albumData", "access", "sharedAlbumComments", "printSubscriptions", "userGeneratedMemoryTitles"}
_ALBUM_NAMES = re.compile(
    r"(?:metadata|metadaten|m[ée]tadonn[ée]es|metadatos|metadados|metadati|metadane|metagegevens|метаданные|メタデータ|"
    r"元数据|中繼資料|메타데이터)(?:\(\d+\))?\.json",
    re.IGNORECASE,
)
_OTHER_NAMES = re.compile(
    r"(?:print-subscriptions|shared_album_comments|user-generated-memory-titles)(?:\(\d+\))?\.json", re.IGNORECASE
)


def is_takeout_photo(value: Mapping[str, Any]) -> bool:
    """Whether an object is what Takeout says of one photo: its title is a file name, or other keys show it."""
    title = value.get("title")
    return isinstance(title, str) and (is_media_name(title) or not _OF_PHOTOS.isdisjoint(value))


def refuse_album(name: bytes, value: object) -> None:
    """Raise ImageError for what Takeout writes about an album, a purchase or a comment, which is of no one image."""
    if not isinstance(value, dict) or not _OF_PHOTOS.isdisjoint(value):
        return
    own = unicodedata.normalize("NFC", os.fsdecode(os.path.basename(name)))
    about_album = _ALBUM_NAMES.fullmatch(own) and not {"title", "description", "date"}.isdisjoint(value)
    if about_album or _OTHER_NAMES.fullmatch(own) or not _OF_ALBUMS.isdisjoint(value):
        raise ImageError(Reason.NOT_AN_IMAGE, "about an album, not about one image")


def read_takeout(value: Mapping[str, Any]) -> ClaimedText | None:
    """What Takeout says of one photo; None where it says nothing."""
    title, description = (_takeout_text(value.get(key)) for key in ("title", "description"))
    people = [each.get("name") for each in _takeout_objects(value.get("people"))]
    tags = [name for name in people if isinstance(name, str)]
    tags += [FAVOURITE_TAG] if value.get("favorited") is True else []
    return claim_text([description], tags, takeout_facts(value), original=title[:MAX_TITLE_LENGTH])


def takeout_facts(value: Mapping[str, Any]) -> Facts:
    """When and where a photo was taken: in UTC, for no time zone is there; its owner's place before that of EXIF."""
    taken = value.get("photoTakenTime")
    stamp = taken.get("timestamp") if isinstance(taken, dict) else taken
    places = (_takeout_place(value.get(key)) for key in ("geoData", "geoDataExif"))
    return merge_facts([stamp_time(stamp), *places])


def _takeout_place(value: object) -> Facts:
    if not isinstance(value, dict):
        return Facts()
    latitude, longitude, altitude = (sidecar_number(value.get(key)) for key in ("latitude", "longitude", "altitude"))
    return sidecar_place(latitude, longitude, altitude or None)


def _takeout_text(value: object) -> str:
    """Text, whose marks older exports wrote as HTML does."""
    if not isinstance(value, str):
        return ""
    return html.unescape(value) if re.search(r"&(?:#\d+|#x[0-9a-f]+|amp|quot|lt|gt|apos);", value) else value


def _takeout_objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
