"""Files of every kind of text and fact that image files hold, each with what is right for it: `said_files()`."""

from __future__ import annotations

from PIL import Image as Pillow
from PIL import features

from tests.images.hostile import photo, saved

from .said_bytes import (
    ASCII,
    SaidFile,
    bag,
    exif_bytes,
    iptc_bytes,
    itxt,
    photoshop_bytes,
    png_with,
    said,
    tiff_with,
    xmp_bytes,
)
from .said_facts import dates, other_facts, places
from .said_words import defaults, exif_words, iptc_words, other_words, people, xmp_words


def said_files() -> list[SaidFile]:
    """Every kind, with what is right for it."""
    groups = (exif_words(), defaults(), iptc_words(), xmp_words(), people(), other_words(), dates(), places())
    return [each for group in (*groups, other_facts(), formats()) for each in group]


def formats() -> list[SaidFile]:
    """Where each format keeps words and facts."""
    exif = exif_bytes([(0x10E, ASCII, "Zürich".encode())], [(0x9003, ASCII, b"2012:07:21 10:11:12")])
    packet = xmp_bytes(bag("dc:subject", "Süd"))
    found = {"caption": "Zürich", "tags": ("Süd",), "taken": "2012-07-21T10:11:12"}
    image = photo(16, 12)
    made = [
        ("PNG", png_with((b"eXIf", exif[6:]), itxt("XML:com.adobe.xmp", packet.decode()))),
        ("WebP", saved(image, "WEBP", exif=exif, xmp=packet)),
    ]
    if features.check("avif"):
        made.append(("AVIF", saved(image, "AVIF", exif=exif, xmp=packet)))
    made += [("HEIF", data) for data in _heif(image, exif, packet)]
    return [
        *(said(f"EXIF and XMP of {name}", data, **found) for name, data in made),  # type: ignore[arg-type]
        said("XMP of a TIFF", tiff_with(700, packet), "", ("Süd",)),
        said("IPTC of a TIFF", tiff_with(33723, iptc_bytes([(120, b"Sturm")])), "Sturm"),
        said(
            "Photoshop's resources of a TIFF", tiff_with(34377, photoshop_bytes(iptc_bytes([(120, b"Sturm")]))), "Sturm"
        ),
        said("description of a TIFF", tiff_with(270, "Zürich".encode()), "Zürich"),
    ]


def _heif(image: Pillow.Image, exif: bytes, packet: bytes) -> list[bytes]:
    """A HEIF, where the extra is installed."""
    try:
        import pillow_heif
    except ImportError:
        return []
    pillow_heif.register_heif_opener()
    return [saved(image.resize((64, 48)), "HEIF", exif=exif, xmp=packet)]
