"""What a picture's own file says of it in words: EXIF, XMP and IPTC. Nothing in here can make a picture fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFile, IptcImagePlugin

from nearsight.errors import PictureError
from nearsight.images.sidecars import xmp_file
from nearsight.images.sidecars.entry import Said, said, split_tags

DESCRIPTION, COMMENT, XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT = 0x10E, 0x9286, 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
TAGS = (DESCRIPTION, COMMENT, XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT)
"""The entries of EXIF that hold words; the last four are Windows' own, in UTF-16."""

_MOST = 1 << 20
_MACHINES = {"ascii", "unicode", "jis", "image", "olympus digital camera", "sony dsc", "default", "untitled"}
"""What cameras write where a description should stand."""


def read(image: Pillow.Image, exif: Mapping[int, Any]) -> Said:
    """The words of an opened picture, whose EXIF entries are `exif`."""
    captions, tags = _exif(exif)
    for source in (_xmp, _iptc):
        more = _or_nothing(source, image)
        captions += more.caption.splitlines()
        tags += more.tags
    return said("", (text for text in captions if text.strip().lower() not in _MACHINES), tags) or Said("")


def _or_nothing(source: Callable[[Pillow.Image], Said], image: Pillow.Image) -> Said:
    try:
        return source(image)
    except MemoryError:
        raise
    except Exception:
        return Said("")


def _exif(exif: Mapping[int, Any]) -> tuple[list[str], list[str]]:
    captions = [_wide(exif.get(XP_TITLE)), _text(exif.get(DESCRIPTION)), _wide(exif.get(XP_SUBJECT))]
    captions += [_wide(exif.get(XP_COMMENT)), _comment(exif.get(COMMENT))]
    return captions, split_tags(_wide(exif.get(XP_KEYWORDS)))


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf8", "replace")
    return value.split("\0")[0] if isinstance(value, str) else ""


def _wide(value: object) -> str:
    """Text in UTF-16, as bytes or as numbers."""
    if isinstance(value, tuple) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        value = bytes(value)
    return value.decode("utf-16-le", "replace").split("\0")[0] if isinstance(value, bytes) else ""


def _comment(value: object) -> str:
    """The user's comment: eight bytes say how the rest is written."""
    if not isinstance(value, bytes):
        return _text(value)
    if value.startswith(b"UNICODE\0"):
        return value[8:].decode("utf-16", "replace").split("\0")[0]
    return _text(value[8:]) if value.startswith(b"ASCII\0\0\0") else ""


def _xmp(image: Pillow.Image) -> Said:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = packet.encode() if isinstance(packet, str) else bytes(packet)
    if not data or len(data) > _MOST:
        return Said("")
    try:
        found = xmp_file.read(data)
    except PictureError:
        return Said("")
    return found[0] if found else Said("")


def _iptc(image: Pillow.Image) -> Said:
    """Title, headline, caption and keywords of the older IPTC records."""
    records = (IptcImagePlugin.getiptcinfo(image) if isinstance(image, ImageFile.ImageFile) else None) or {}
    captions = [_text(_first(records.get((2, number)))) for number in (5, 105, 120)]
    words = records.get((2, 25), [])
    tags = [_text(word) for word in (words if isinstance(words, list) else [words])]
    return said("", captions, tags) or Said("")


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value
