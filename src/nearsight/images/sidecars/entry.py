"""What a sidecar says of one picture, in a form that every format is brought into."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from nearsight.images.pillow import printable

CAPTION = 4000
TAG = 200
TAGS = 500
"""Characters of a caption and of a tag, and how many tags, that are kept of one picture."""

NAMES = ("file", "path", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img", "picture")
CAPTIONS = ("caption", "captions", "title", "headline", "description", "text", "alt", "sentence", "sentences", "raw")
TAGGED = ("tags", "tag", "keywords", "keyword", "labels", "label", "subject", "subjects", "category", "class", "people")
"""Keys of JSON objects and headings of CSV columns, in lower case, for a picture's name and for words about it."""


@dataclass(frozen=True)
class Said:
    """Words about one picture: the one of this `name`, or where it is empty the one that lies beside the sidecar."""

    name: str
    caption: str = ""
    tags: tuple[str, ...] = ()


def said(name: str, captions: Iterable[str], tags: Iterable[str]) -> Said | None:
    """Words in order, each caption and tag once; None where there are none."""
    sentences = dict.fromkeys(filter(None, (printable(text, CAPTION) for text in captions)))
    words = dict.fromkeys(filter(None, (printable(text, TAG) for text in tags)))
    if not sentences and not words:
        return None
    return Said(name, "\n".join(sentences)[:CAPTION], tuple(words)[:TAGS])


def split_tags(text: str) -> list[str]:
    """Tags that stand in one text, between semicolons, bars or commas, whichever comes first in this order."""
    for mark in (";", "|", ","):
        if mark in text:
            return [part.strip() for part in text.split(mark)]
    return [text.strip()]


def hierarchy(text: str) -> list[str]:
    """The words of a tag within tags: "animals|dog" and "animals/dog" are animals and dog."""
    return [part for part in re.split(r"[|/\\]", text) if part.strip()]
