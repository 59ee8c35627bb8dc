"""What an image's own file says of it in words: EXIF, XMP and IPTC. Nothing in here can make an image fail."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image as Pillow
from PIL import ImageFile, IptcImagePlugin

from nearsight.errors import ImageError
from nearsight.images.image_text import ImageText, build_image_text, split_tags
from nearsight.images.sidecars import xmp_file

DESCRIPTION, COMMENT, XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT = 0x10E, 0x9286, 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F
EXIF_TEXT_TAGS = (DESCRIPTION, COMMENT, XP_TITLE, XP_COMMENT, XP_KEYWORDS, XP_SUBJECT)
"""The entries of EXIF that hold words; the last four are Windows' own, in UTF-16."""

_MAX_XMP_BYTES = 1 << 20
_PLACEHOLDERS = {"ascii", "unicode", "jis", "image", "olympus digital camera", "sony dsc", "default", "untitled"}
"""What cameras write where a description should stand."""


def read_embedded_text(image: Pillow.Image, exif: Mapping[int, Any], *, big_endian: bool = False) -> ImageText:
    """The words of an opened image, whose EXIF entries are `exif`, written in this byte order."""
    captions, tags = _exif_text(exif, "utf-16-be" if big_endian else "utf-16-le")
    for source in (_read_xmp, _read_iptc):
        more = _read_or_empty(source, image)
        captions += more.caption.splitlines()
        tags += more.tags
    return build_image_text(
        "", (text for text in captions if text.strip().lower() not in _PLACEHOLDERS), tags
    ) or ImageText("")


def _read_or_empty(source: Callable[[Pillow.Image], ImageText], image: Pillow.Image) -> ImageText:
    try:
        return source(image)
    except MemoryError:
        raise
    except Exception:
        return ImageText("")


def _exif_text(exif: Mapping[int, Any], utf16: str) -> tuple[list[str], list[str]]:
    captions = [
        _decode_utf16(exif.get(XP_TITLE)),
        _embedded_text(exif.get(DESCRIPTION)),
        _decode_utf16(exif.get(XP_SUBJECT)),
    ]
    captions += [_decode_utf16(exif.get(XP_COMMENT)), _decode_comment(exif.get(COMMENT), utf16)]
    return captions, split_tags(_decode_utf16(exif.get(XP_KEYWORDS)))


def _embedded_text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf8", "replace")
    return value.split("\0")[0] if isinstance(value, str) else ""


def _decode_utf16(value: object) -> str:
    """Text in UTF-16, as bytes or as numbers."""
    if isinstance(value, tuple) and all(isinstance(each, int) and 0 <= each < 256 for each in value):
        value = bytes(value)
    return value.decode("utf-16-le", "replace").split("\0")[0] if isinstance(value, bytes) else ""


def _decode_comment(value: object, utf16: str) -> str:
    """The user's comment: eight bytes name its encoding; UTF-16 is in the byte order of the EXIF or of its own mark."""
    if not isinstance(value, bytes):
        return _embedded_text(value)
    if value.startswith(b"UNICODE\0"):
        marked = value[8:10] in (BOM_UTF16_LE, BOM_UTF16_BE)
        return value[8:].decode("utf-16" if marked else utf16, "replace").split("\0")[0]
    return _embedded_text(value[8:]) if value.startswith(b"ASCII\0\0\0") else ""


def _read_xmp(image: Pillow.Image) -> ImageText:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    data = packet.encode() if isinstance(packet, str) else bytes(packet)
    if not data or len(data) > _MAX_XMP_BYTES:
        return ImageText("")
    try:
        found = xmp_file.read_xmp(data)
    except ImageError:
        return ImageText("")
    return found[0] if found else ImageText("")


def _read_iptc(image: Pillow.Image) -> ImageText:
    """Title, headline, caption and keywords of the older IPTC records."""
    records = (IptcImagePlugin.getiptcinfo(image) if isinstance(image, ImageFile.ImageFile) else None) or {}
    captions = [_embedded_text(_first_item(records.get((2, number)))) for number in (5, 105, 120)]
    words = records.get((2, 25), [])
    tags = [_embedded_text(word) for word in (words if isinstance(words, list) else [words])]
    return build_image_text("", captions, tags) or ImageText("")


def _first_item(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value
