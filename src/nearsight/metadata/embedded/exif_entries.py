"""The entries of an image's EXIF that are read, with the bytes of their texts. No broken entry hides the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from PIL import Image as Pillow

from nearsight.metadata.embedded.png_text import png_profile
from nearsight.metadata.text_encoding import decode_text, decode_user_comment, decode_xp_text

DESCRIPTION, MAKE, MODEL, SOFTWARE, ARTIST, HOST, RATING, RATING_PERCENT = (
    *(0x10E, 0x10F, 0x110, 0x131, 0x13B, 0x13C),
    *(0x4746, 0x4749),
)
ISO, TAKEN, DIGITIZED, ZONE_TAKEN, ZONE_DIGITIZED, COMMENT, SOURCE, LENS_MAKE, LENS_MODEL = (
    *(0x8827, 0x9003, 0x9004, 0x9011, 0x9012),
    *(0x9286, 0xA300, 0xA433, 0xA434),
)
OTHER_ISOS = (0x8832, 0x8833, 0x8831)
XP_TITLE, XP_COMMENT, XP_AUTHOR, XP_KEYWORDS, XP_SUBJECT = range(0x9C9B, 0x9CA0)
IPTC, PHOTOSHOP = 0x83BB, 0x8649
_DETAILS, _GPS = 0x8769, 0x8825
_READ = (
    *(DESCRIPTION, MAKE, MODEL, SOFTWARE, ARTIST, HOST, RATING, RATING_PERCENT, ISO, TAKEN, DIGITIZED, ZONE_TAKEN),
    *(ZONE_DIGITIZED, COMMENT, SOURCE, LENS_MAKE, LENS_MODEL, *OTHER_ISOS),
    *(XP_TITLE, XP_COMMENT, XP_AUTHOR, XP_KEYWORDS, XP_SUBJECT, IPTC, PHOTOSHOP),
)


@dataclass(frozen=True)
class ExifEntries:
    """Entries of the image, of how it was taken, and of the place; a number of bytes is in the order of the file."""

    about: Mapping[int, Any] = field(default_factory=dict)
    place: Mapping[int, Any] = field(default_factory=dict)
    big_endian: bool = False

    def text(self, tag: int) -> str:
        """The text of an entry, of whatever encoding; empty where there is none."""
        return decode_text(self.raw(tag)).strip()

    def xp_text(self, tag: int) -> str:
        """The text of one of Windows' own entries."""
        return decode_xp_text(self.raw(tag))

    @property
    def comment(self) -> str:
        """The user's comment."""
        return decode_user_comment(self.raw(COMMENT), big_endian=self.big_endian)

    def raw(self, tag: int, limit: int = 1 << 16) -> bytes:
        """The first bytes of an entry of text, bytes or numbers; Pillow takes every text for Latin-1."""
        value = self.about.get(tag)
        if isinstance(value, str):
            return value[:limit].encode("latin-1", "replace")
        if isinstance(value, tuple):
            numbers = value[:limit]
            if not all(isinstance(each, int) and each >= 0 for each in numbers):
                return b""
            size = 1 if max(numbers, default=0) < 256 else 4
            order: Literal["big", "little"] = "big" if self.big_endian else "little"
            return b"".join((each & 0xFFFFFFFF).to_bytes(size, order) for each in numbers)
        return value[:limit] if isinstance(value, bytes) else b""


def read_exif_entries(image: Pillow.Image, texts: Mapping[str, str]) -> ExifEntries:
    """The entries of an opened image; none where there is no EXIF that can be read.

    Parameters
    ----------
    texts : those of a PNG, in which some programs keep EXIF
    """
    try:
        exif = image.getexif()
        profile = b"" if exif else png_profile(texts, ("exif", "APP1"))
        if profile.startswith(b"Exif"):
            exif.load(profile)
    except MemoryError:
        raise
    except Exception:
        return ExifEntries()
    about = {**_read_directory(exif, _DETAILS, _READ), **_read_directory(exif, None, _READ)}
    return ExifEntries(about, _read_directory(exif, _GPS, range(1, 7)), exif.endian == ">" if about else False)


def _read_directory(exif: Pillow.Exif, directory: int | None, tags: Iterable[int]) -> dict[int, Any]:
    try:
        entries: Mapping[int, Any] = exif if directory is None else exif.get_ifd(directory)
    except MemoryError:
        raise
    except Exception:
        return {}
    return {tag: value for tag in tags if (value := _read_entry(entries, tag)) is not None}


def _read_entry(entries: Mapping[int, Any], tag: int) -> Any:  # noqa: ANN401 - EXIF holds anything
    try:
        return entries.get(tag)
    except MemoryError:
        raise
    except Exception:
        return None
