"""The texts of a PNG: its keywords, and the profiles that some programs write as texts of hexadecimal digits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from PIL import Image as Pillow
from PIL import PngImagePlugin

from nearsight.metadata.facts import Facts
from nearsight.metadata.image_text import ImageText, split_tags
from nearsight.metadata.machine_text import MAX_DATA_LENGTH, build_human_text, creator_name, join_data
from nearsight.metadata.text_encoding import decode_text
from nearsight.wording import printable_text

_CAPTIONS = ("title", "headline", "caption", "description", "image description", "subject", "comment", "comments")
_TAGS = ("keywords", "keyword", "tags")
_CREATORS = ("author", "artist", "creator")
_PROGRAMS = ("software", "make", "model", "source", "creationtool")
_DATA = ("parameters", "prompt", "workflow", "sd-metadata", "dream", "invokeai_metadata", "mxfile", "generation_data")
"""Keywords, in lower case; the last ones are of programs that write for themselves."""
_PROFILE = re.compile(r"\s*\w+\s+(\d+)\s+([0-9a-fA-F\s]+)")
_MAX_PROFILE, _MAX_TEXTS = 1 << 22, 1 << 24
"""Bytes of a profile, and letters of all texts together, that are read."""


def png_texts(image: Pillow.Image) -> Mapping[str, str]:
    """The texts of a decoded PNG by their keywords, in its first frame; none of another kind of image."""
    if not isinstance(image, PngImagePlugin.PngImageFile):
        return {}
    found: dict[str, str] = {}
    left = _MAX_TEXTS
    for keyword, text in image.info.items():
        if isinstance(text, str) and len(text) <= left:
            found[str(keyword)] = _chunk_text(text)
            left -= len(text)
    return found


def _chunk_text(text: str | PngImagePlugin.iTXt) -> str:
    """International text is what it is; of other text the bytes are taken back, which Pillow takes for Latin-1."""
    return str(text) if isinstance(text, PngImagePlugin.iTXt) else decode_text(text.encode("latin-1", "replace"))


def read_png_text(texts: Mapping[str, str]) -> ImageText:
    """What the texts of a PNG say of their image."""
    found = {keyword.strip().lower(): text for keyword, text in texts.items()}
    names = [found[key] for key in _PROGRAMS if key in found]
    creator = next((found[key] for key in _CREATORS if key in found), "")
    tags = [tag for key in _TAGS for tag in split_tags(found.get(key, ""))]
    data = join_data(printable_text(found.get(key, ""), MAX_DATA_LENGTH) for key in _DATA)
    facts = Facts(creator=creator_name(creator, names), data=data)
    return build_human_text((found[key] for key in _CAPTIONS if key in found), tags, facts, names)


def png_profile(texts: Mapping[str, str], kinds: Iterable[str]) -> bytes:
    """The first profile of these kinds ("exif", "iptc", "xmp", "APP1") among the texts; empty where there is none."""
    for kind in kinds:
        text = texts.get(f"Raw profile type {kind}", "")
        match = _PROFILE.fullmatch(text) if len(text) <= 2 * _MAX_PROFILE else None
        if match:
            digits = re.sub(r"\s+", "", match[2])
            return bytes.fromhex(digits[: len(digits) // 2 * 2])[: int(match[1][:9])]
    return b""
