"""The JSON that Flickr writes for each photo of an account: `photo_1234.json`, of the file `storm_1234_o.jpg`.

::

    {"id": "1234", "name": "Storm", "description": "The mole of Genoa", "date_taken": "2012-07-21 10:11:12",
     "tags": [{"tag": "sea"}], "geo": [{"latitude": "44.4", "longitude": "8.93"}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import NO_FACTS
from nearsight.metadata.sidecars.claimed_text import ClaimedText, claim_text
from nearsight.metadata.sidecars.fact_values import sidecar_number, sidecar_place, sidecar_time

_OF_PHOTOS = {"date_taken", "date_imported", "photopage", "count_views", "count_faves", "geo"}
_ACCURACIES = {4: 7, 6: 4, 8: 4}
"""Characters of a date that is known only to the month, to the year, or about."""


def is_flickr_photo(value: Mapping[str, Any]) -> bool:
    """Whether an object is what Flickr says of one photo."""
    return str(value.get("id", "")).isdecimal() and "name" in value and not _OF_PHOTOS.isdisjoint(value)


def read_flickr(value: Mapping[str, Any]) -> ClaimedText | None:
    """What Flickr says of one photo, whose number is a part of its file's name; None where it says nothing."""
    captions = [text for key in ("name", "description") if isinstance(text := value.get(key), str)]
    words = value.get("tags")
    tags = [each.get("tag") if isinstance(each, dict) else each for each in words] if isinstance(words, list) else []
    return claim_text(
        captions,
        [tag for tag in tags if isinstance(tag, str)],
        merge_facts([_flickr_time(value), _flickr_place(value.get("geo"))]),
        identifier=str(value["id"]),
    )


def _flickr_time(value: Mapping[str, Any]) -> Facts:
    """When a photo was taken; Flickr writes the time of the upload where it does not know."""
    taken = value.get("date_taken")
    if not isinstance(taken, str) or taken == value.get("date_imported"):
        return NO_FACTS
    granularity = sidecar_number(value.get("date_taken_granularity"))
    return sidecar_time(taken[: _ACCURACIES.get(int(granularity or 0), len(taken))])


def _flickr_place(value: object) -> Facts:
    """A place in degrees, or in millionths of them."""
    place = value[0] if isinstance(value, list) and value else value
    if not isinstance(place, dict):
        return NO_FACTS
    latitude, longitude = (sidecar_number(place.get(key)) for key in ("latitude", "longitude"))
    if latitude is not None and longitude is not None and max(abs(latitude), abs(longitude)) > 180:
        latitude, longitude = latitude / 1e6, longitude / 1e6
    return sidecar_place(latitude, longitude)
