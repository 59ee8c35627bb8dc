"""Text beside an image: `IMG_1.txt`, `IMG_1.jpg.txt`. A caption, or tags with commas, if it is written for people."""

from __future__ import annotations

import re

from nearsight.errors import ImageError, Reason
from nearsight.metadata.image_text import ImageText, build_image_text
from nearsight.metadata.sidecars.table_text import decode_table

MAX_TEXT_BYTES = 1 << 16
"""Bytes of a text that may be a caption; longer ones are documents."""

_OF_FOLDERS = (
    "readme read_me liesmich lisezmoi leeme leggimi notes note license licence copying changelog changes todo install "
    "authors credits news requirements robots index contents list files filelist manifest checksums md5sums sha1sums "
    "sha256sums info log output errors settings config"
)
NOT_ABOUT_IMAGES = frozenset(_OF_FOLDERS.split())
"""Names of texts that tell of a folder, in lower case."""

_LEAST_TAGS, _MAX_TAG_WORDS, _MAX_TAG_LENGTH = 3, 4, 60
_PROMPT_END = re.compile(r"^\s*(?:negative prompt:|steps:\s*\d+,)", re.IGNORECASE | re.MULTILINE)
_MACHINE = re.compile(r"\s*(?:<[!?a-zA-Z]|[{\[]\s*[\"'{\[]|%PDF|#!|//|/\*|\\documentclass)")


def read_text_file(data: bytes) -> list[ImageText]:
    """What a text says of the image beside it.

    Raises
    ------
    ImageError
        where it is no text for people, or too long to be a caption
    """
    if len(data) > MAX_TEXT_BYTES:
        raise ImageError(Reason.NOT_AN_IMAGE, "a text too long to be a caption")
    text = _PROMPT_END.split(decode_table(data))[0]
    if not _is_for_people(text):
        raise ImageError(Reason.NOT_AN_IMAGE, "a text that is not written for people")
    tags = _caption_tags(text)
    found = build_image_text("", [] if tags else text.splitlines(), tags)
    return [] if found is None else [found]


def _is_for_people(text: str) -> bool:
    """Whether most of a text is letters, and nothing shows that a program wrote it for another."""
    if _MACHINE.match(text) or "\0" in text:
        return False
    visible = [letter for letter in text if not letter.isspace()]
    letters = sum(letter.isalpha() or ord(letter) > 0x2FF for letter in visible)
    strange = sum(not letter.isprintable() for letter in visible)
    return 2 * letters > len(visible) and strange * 20 <= len(visible)


def _caption_tags(text: str) -> list[str]:
    """The tags of a list with commas: three or more, each of few words, and no sentence among them."""
    parts = [part.strip() for part in text.strip().strip(",").split(",")]
    if len(parts) < _LEAST_TAGS or "\n" in text.strip() or text.strip()[-1:] in ".!?":
        return []
    short = all(part and len(part) <= _MAX_TAG_LENGTH and len(part.split()) <= _MAX_TAG_WORDS for part in parts)
    return parts if short and not any(re.search(r"[.!?]\s", part) for part in parts) else []
