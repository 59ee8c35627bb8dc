"""JSON: one object beside its image, a list or a mapping that names images, JSON lines, or COCO's annotations.

What exiftool, osxphotos, Google, Flickr, Instagram and Facebook write is known by its keys, and read by modules of its
own. Anything else:

::

    dog.jpg.json        {"title": "Rex", "description": "on the beach", "people": [{"name": "Ann"}]}
    captions.json       [{"file": "dog.jpg", "captions": ["A dog runs.", "Rex at the sea"], "tags": ["dog", "sea"]}]
    captions.json       {"dog.jpg": "A dog runs.", "cat.jpg": {"caption": "A cat.", "tags": "cat, sofa"}}
    metadata.jsonl      {"file_name": "dog.jpg", "text": "A dog runs."}
    instances.json      {"images": [{"id": 1, "file_name": ...}], "annotations": [{"image_id": 1, "caption": ...}]}
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nearsight.errors import ImageError, Reason
from nearsight.metadata.image_text import CAPTION_KEYS, NAME_KEYS, TAG_KEYS, ImageText, build_image_text, split_tags
from nearsight.metadata.sidecars.exiftool_tags import read_exiftool_tags
from nearsight.metadata.sidecars.flickr import is_flickr_photo, read_flickr
from nearsight.metadata.sidecars.osxphotos import is_osxphotos, read_osxphotos
from nearsight.metadata.sidecars.own_export import drop_unsaid
from nearsight.metadata.sidecars.plain_facts import read_plain_facts
from nearsight.metadata.sidecars.social_export import read_social_export
from nearsight.metadata.sidecars.takeout import is_takeout_photo, read_takeout, refuse_album


def read_json(data: bytes, name: bytes = b"") -> list[ImageText]:
    """What a JSON file of this name says. Raises ImageError where it is no JSON, or is about an album."""
    try:
        value = json.loads(data.decode(json.detect_encoding(data)).removeprefix("\ufeff"))
        refuse_album(name, value)
        return list(_json_sidecar_document(value))
    except (ValueError, RecursionError) as problem:
        raise ImageError(Reason.CORRUPT, f"not JSON: {problem}"[:200]) from None


def read_json_lines(data: bytes) -> list[ImageText]:
    """What a file of one JSON object a line says. Raises ImageError where a line is no JSON."""
    found: list[ImageText] = []
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        try:
            found += _parse_item(json.loads(line)) if line.strip() else ()
        except (ValueError, RecursionError) as problem:
            raise ImageError(Reason.CORRUPT, f"line {number} is not JSON: {problem}"[:200]) from None
    return found


def _json_sidecar_document(value: Any) -> Iterator[ImageText]:  # noqa: ANN401 - JSON holds anything
    if isinstance(value, list):
        yield from _parse_list(value)
    elif isinstance(value, dict) and isinstance(value.get("images"), list):
        yield from _parse_coco(value)
    elif isinstance(value, dict):
        read = next((read for is_of, read in _KNOWN if is_of(value)), None)
        yield from _parse_plain(value) if read is None else filter(None, [read(value)])


def _parse_list(values: list[Any]) -> Iterator[ImageText]:
    """Objects that each name their image."""
    if any(map(is_osxphotos, values)):
        yield from read_osxphotos(values)
        return
    found = [text for each in values for text in _parse_item(each)]
    yield from found or read_social_export(values)


def _parse_item(value: Any) -> Iterator[ImageText]:  # noqa: ANN401 - JSON holds anything
    """One object of a list: it must name its image."""
    if not isinstance(value, dict):
        return
    if _is_of_exiftool(value):
        yield from filter(None, [read_exiftool_tags(value)])
    elif (name := _json_image_name(value)) and (found := _parse_object(value, name)):
        yield found


def _parse_plain(value: Mapping[str, Any]) -> Iterator[ImageText]:
    """One object about an image, the archive of an account, or a mapping from names to words."""
    if found := list(read_social_export(value)):
        yield from found
        return
    if _json_image_name(value) or _parse_object(value, ""):
        yield from filter(None, [_parse_object(value, _json_image_name(value))])
        return
    for name, about in value.items():
        words = about if isinstance(about, dict) else {"captions": about}
        yield from filter(None, [_parse_object(words, str(name))])


def _is_of_exiftool(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("SourceFile"), str) and bool(value["SourceFile"])


def _is_takeout(value: Mapping[str, Any]) -> bool:
    return is_takeout_photo(value) and not _json_image_name(value)


_KNOWN: tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Mapping[str, Any]], ImageText | None]], ...] = (
    (_is_takeout, read_takeout),
    (is_flickr_photo, read_flickr),
    (is_osxphotos, lambda value: next(read_osxphotos([value]), None)),
    (_is_of_exiftool, read_exiftool_tags),
)
"""Programs that write one object for one image: how theirs is known, and how it is read."""


def _parse_coco(value: Mapping[str, Any]) -> Iterator[ImageText]:
    """Images with their sentences inside, or annotations that point at images by their id."""
    categories = {_hashable_id(each.get("id")): each.get("name") for each in _json_objects(value.get("categories"))}
    categories.pop(None, None)
    captions: dict[Any, list[str]] = defaultdict(list)
    tags: dict[Any, list[str]] = defaultdict(list)
    for each in _json_objects(value.get("annotations")):
        if (image_id := _hashable_id(each.get("image_id"))) is not None:
            captions[image_id] += _json_texts(each.get("caption"))
            tags[image_id] += _json_texts(categories.get(_hashable_id(each.get("category_id"))))
    for each in _json_objects(value["images"]):
        key, about = _hashable_id(each.get("id")), _lowercase_keys(each)
        more = [text for name in CAPTION_KEYS for text in _json_texts(about.get(name))]
        words = [text for name in TAG_KEYS for text in _json_tags(about.get(name))]
        if name := _json_image_name(each):
            yield from filter(None, [build_image_text(name, [*more, *captions[key]], [*words, *tags[key]])])


def _parse_object(value: Mapping[str, Any], name: str) -> ImageText | None:
    about = drop_unsaid(_lowercase_keys(value))
    captions = [text for key in CAPTION_KEYS for text in _json_texts(about.get(key))]
    tags = [text for key in TAG_KEYS for text in _json_tags(about.get(key))]
    return build_image_text(name, captions, tags, read_plain_facts(about))


def _lowercase_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): each for key, each in value.items()}


def _json_image_name(value: Mapping[str, Any]) -> str:
    about = _lowercase_keys(value)
    return next((each for key in NAME_KEYS if isinstance(each := about.get(key), str) and each), "")


def _json_texts(value: Any) -> list[str]:  # noqa: ANN401 - JSON holds anything
    """Text, a list of texts, or objects that hold a text, one level deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [each for key in ("raw", "caption", "text", "name", "value") if isinstance(each := value.get(key), str)]
    return (
        [text for each in value if not isinstance(each, list) for text in _json_texts(each)] if _is_list(value) else []
    )


def _json_tags(value: Any) -> list[str]:  # noqa: ANN401 - JSON holds anything
    return split_tags(value) if isinstance(value, str) else _json_texts(value)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _json_objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _hashable_id(value: object) -> object:
    """An id that can be looked up; None for a list, an object or no id, which belong to nothing."""
    return value if isinstance(value, str | int | float) else None
