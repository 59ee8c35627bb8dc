"""Captions and tags of one image, from a sidecar or from its own file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nearsight.metadata.facts import Facts
from nearsight.wording import printable_text

NO_FACTS = Facts()

MAX_CAPTION_LENGTH = 4000
MAX_TAG_LENGTH = 200
MAX_TAG_COUNT = 500
"""Characters of a caption and of a tag, and how many tags, that are kept of one image."""

NAME_KEYS = ("file", "path", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "image")
CAPTION_KEYS = (
    "caption",
    "captions",
    "title",
    "headline",
    "description",
    "text",
    "alt",
    "sentence",
    "sentences",
    "raw",
)
TAG_KEYS = (
    "tags",
    "tag",
    "keywords",
    "keyword",
    "labels",
    "label",
    "subject",
    "subjects",
    "category",
    "class",
    "people",
)
"""Keys of JSON objects and headings of CSV columns, in lower case, for an image's name and for words about it."""


@dataclass(frozen=True)
class ImageText:
    """What is said of one image: the one of this `name`, or where it is empty the one that lies beside the sidecar."""

    name: str
    caption: str = ""
    tags: tuple[str, ...] = ()
    facts: Facts = NO_FACTS


def build_image_text(
    name: str, captions: Iterable[str], tags: Iterable[str], facts: Facts = NO_FACTS
) -> ImageText | None:
    """Words in order, each caption and tag once, and facts; None where there are none of them."""
    sentences = dict.fromkeys(filter(None, (printable_text(text, MAX_CAPTION_LENGTH) for text in captions)))
    words = dict.fromkeys(filter(None, (printable_text(text, MAX_TAG_LENGTH) for text in tags)))
    if not sentences and not words and not facts:
        return None
    return ImageText(name, "\n".join(sentences)[:MAX_CAPTION_LENGTH], tuple(words)[:MAX_TAG_COUNT], facts)


def split_tags(text: str) -> list[str]:
    """Tags that stand in one text, between semicolons, bars or commas, whichever comes first in this order."""
    for mark in (";", "|", ","):
        if mark in text:
            return [part.strip() for part in text.split(mark)]
    return [text.strip()]


def split_hierarchy(text: str) -> list[str]:
    """The words of a tag within tags: "animals|dog" and "animals/dog" are animals and dog."""
    return [part for part in re.split(r"[|/\\]", text) if part.strip()]
