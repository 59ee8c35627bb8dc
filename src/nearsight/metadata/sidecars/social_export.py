"""What Instagram and Facebook say of the images in the archive of an account.

::

    [{"title": "Two days in Genoa", "creation_timestamp": 1577836800,
      "media": [{"uri": "media/posts/201912/1_n.jpg", "title": "", "creation_timestamp": 1577836800}]}]
    {"name": "Genoa", "photos": [{"uri": "photos/1_n.jpg", "description": "The mole", "media_metadata": {...}}]}

`creation_timestamp` is when an image was uploaded, and says nothing of when it was taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nearsight.metadata.facts import Facts, merge_facts
from nearsight.metadata.image_text import ImageText, build_image_text
from nearsight.metadata.sidecars.fact_values import sidecar_number, sidecar_place, stamp_time
from nearsight.metadata.sidecars.media_names import is_image_name

_DEEPEST = 12
_OF_POSTS = {"creation_timestamp", "taken_at", "timestamp", "media_metadata"}


def read_social_export(value: object) -> Iterator[ImageText]:
    """What an archive says of each image; a post's own words are of all its images."""
    for media, post in _find_media(value, "", _DEEPEST):
        captions = [_repair_text(media.get(key)) for key in ("title", "caption", "description")]
        found = build_image_text(_media_path(media), [*captions, post], (), _media_facts(media))
        if found is not None:
            yield found


def _find_media(value: object, post: str, depth: int) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Objects of images with the words of the post that they are in."""
    if not depth:
        return
    if isinstance(value, list):
        for each in value:
            yield from _find_media(each, post, depth - 1)
    elif isinstance(value, dict):
        if _media_path(value):
            yield value, post
            return
        own = _repair_text(value.get("title")) if "media" in value else _post_words(value)
        words = own or post
        for each in value.values():
            yield from _find_media(each, words, depth - 1)


def _post_words(value: Mapping[str, Any]) -> str:
    """The words of a post of Facebook, which stand beside its attachments."""
    data = value.get("data") if "attachments" in value else None
    posts = [each.get("post") for each in data if isinstance(each, dict)] if isinstance(data, list) else []
    return next((_repair_text(text) for text in posts if isinstance(text, str)), "")


def _media_path(value: Mapping[str, Any]) -> str:
    """The path of the image that an object is about; empty where it is about none."""
    for key in ("uri", "path"):
        path = value.get(key)
        if isinstance(path, str) and is_image_name(path) and "://" not in path and not _OF_POSTS.isdisjoint(value):
            return path
    return ""


def _media_facts(media: Mapping[str, Any]) -> Facts:
    """What the archive kept of the image's EXIF."""
    about = media.get("media_metadata")
    photo = about.get("photo_metadata") if isinstance(about, dict) else None
    entries = photo.get("exif_data") if isinstance(photo, dict) else None
    found = [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    places = (sidecar_place(*(sidecar_number(each.get(key)) for key in ("latitude", "longitude"))) for each in found)
    return merge_facts([*(stamp_time(each.get("taken_timestamp")) for each in found), *places])


def _repair_text(value: object) -> str:
    """Text whose bytes of UTF-8 were written as if each were a letter."""
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
