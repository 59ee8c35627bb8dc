"""What nearsight's own export holds that nobody said: labels of models, and dates from names of files.

Written into the folder that it describes, it would come back as words and facts of a sidecar.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_HEADINGS = {"taken_from", "sha256"}
"""By which an export of nearsight is known, in lower case."""
_LABELS = "labels"
_SOURCES = ("EXIF", "XMP", "IPTC", "sidecar")
_SAID_BY = {"taken_from": ("taken", "time_zone"), "place_from": ("latitude", "longitude", "altitude")}


def is_own_export(keys: Collection[str]) -> bool:
    """Whether headings or keys, in lower case, are those of nearsight's export."""
    return all(heading in keys for heading in _HEADINGS)


def said_words(keys: Collection[str], names: Collection[str]) -> list[str]:
    """Those of `names` that are among the headings or keys of a table and that somebody has said."""
    return [name for name in names if name in keys and not (name == _LABELS and is_own_export(keys))]


def drop_unsaid(about: Mapping[str, Any]) -> dict[str, Any]:
    """An object or a row, of keys in lower case, without what no source has said where nearsight exported it."""
    if not is_own_export(about):
        return dict(about)
    unsaid = {key for source, keys in _SAID_BY.items() if about.get(source) not in _SOURCES for key in keys}
    return {key: value for key, value in about.items() if key != _LABELS and key not in unsaid}
