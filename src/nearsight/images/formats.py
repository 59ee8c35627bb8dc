"""Which format a file's first bytes claim, if it is one that is read. The file's name has no say."""

from __future__ import annotations

import struct

from nearsight.errors import ImageError, Reason
from nearsight.images.pillow import register_heif

RAW = "camera raw"
"""What stands for any camera raw, whose preview is read: see `raw_preview`."""

RAW_FORMATS = (
    *("CR2", "CR3", "CRW", "NEF", "NRW", "ARW", "SR2", "DNG", "ORF", "RW2", "RAF", "PEF", "SRW", "RWL", "3FR", "FFF"),
    *("ERF", "DCR", "KDC", "IIQ", "MRW", "MOS", "RAW", RAW),
)
"""The formats of images that are the previews of camera raws."""

READ = "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIF, AVIF, JPEG 2000, TGA or a camera raw"

_MAGIC = [
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xffO\xffQ", "JPEG2000"),
    *((magic, RAW) for magic in (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"\0MRM")),
]
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_UNSUPPORTED_MAGIC = {
    "EPS": (b"%!PS", b"\xc5\xd0\xd3\xc6"),
    "PDF": (b"%PDF",),
    "PSD": (b"8BPS",),
    "JPEG XL": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "JPEG XR": (b"II\xbc",),
    "ICO": (b"\0\0\1\0",),
    "CUR": tuple(b"\0\0\2\0%c" % count for count in range(1, 256)),
    "ICNS": (b"icns",),
    "Sigma raw": (b"FOVb",),
    "GIMP": (b"gimp xcf",),
    "DDS": (b"DDS ",),
    "OpenEXR": (b"v/1\1",),
    "Radiance HDR": (b"#?RADIANCE", b"#?RGBE"),
    "FITS": (b"SIMPLE  =",),
    "QOI": (b"qoif",),
    "SGI": (b"\1\xda",),
    "portable anymap": tuple(b"P%d%c" % (n, space) for n in range(1, 8) for space in b" \n\r\t"),
    "XPM": (b"/* XPM */",),
    "WMF": (b"\xd7\xcd\xc6\x9a",),
}


def identify_format(data: bytes) -> str:
    """The format that the bytes claim: a name of Pillow, or `RAW`.

    Raises
    ------
    ImageError : NOT_AN_IMAGE, FORMAT_OFF or NEEDS_HEIF
    """
    for magic, format in _MAGIC:
        if data.startswith(magic):
            return format
    if data.startswith(_TIFF):
        return RAW if data[8:10] == b"CR" else "TIFF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and len(data) >= 18 and struct.unpack_from("<I", data, 14)[0] in _BMP_HEADERS:
        return "BMP"
    if data[4:8] == b"ftyp":
        return _identify_isobmff(data)
    if is_tga(data):
        return "TGA"
    raise _unsupported_error(data)


def _identify_isobmff(data: bytes) -> str:
    """AVIF, HEIF or Canon's raw, by the brands of the first box: "mif1" alone can be AVIF or HEIF."""
    length = struct.unpack_from(">I", data)[0]
    brands = [data[at : at + 4] for at in (8, *range(16, min(length, 512, len(data)), 4))]
    if brands[0] == b"crx ":
        return RAW
    if brands[0] in _AVIF or (brands[0] in {b"mif1", b"msf1"} and _AVIF.intersection(brands)):
        return "AVIF"
    if brands[0] not in _HEIF:
        raise ImageError(Reason.NOT_AN_IMAGE, "a film, or another file in boxes")
    if not register_heif():
        raise ImageError(Reason.NEEDS_HEIF, "pip install pi-heif")
    return "HEIF"


_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_TGA_DEPTHS = {1: (8,), 2: (15, 16, 24, 32), 3: (8, 16), 9: (8,), 10: (15, 16, 24, 32), 11: (8, 16)}
_TGA_MAP_BYTES = {0: 0, 15: 2, 16: 2, 24: 3, 32: 4}


def is_tga(data: bytes) -> bool:
    """Whether this is a Targa, which begins with no magic bytes.

    1. Every field of its header has a value that is possible, and what is not used is 0.
    2. It ends with Targa's footer; or it holds as many pixels as the header says, and nothing else; or, packed, no
       fewer bytes than runs of 128 pixels take, and no more than single ones.
    """
    if len(data) < 18:
        return False
    id_length, has_map, kind, first, entries, map_bits, *_, width, height, depth, flags = struct.unpack_from(
        "<BBBHHBHHHHBB", data
    )
    if depth not in _TGA_DEPTHS.get(kind, ()) or not (width and height) or flags & 0xC0 or flags & 15 > 8:
        return False
    if has_map != (kind in (1, 9)) or map_bits not in _TGA_MAP_BYTES or bool(map_bits) != bool(has_map):
        return False
    if (not has_map and (first or entries)) or first + entries > 256:
        return False
    if data.endswith(_TGA_FOOTER):
        return True
    start = 18 + id_length + entries * _TGA_MAP_BYTES[map_bits]
    left, pixels, pixel = len(data) - start, int(width * height), (depth + 7) // 8
    least, most = (-(-pixels // 128) * (1 + pixel), pixels * (1 + pixel)) if kind > 8 else (pixels * pixel,) * 2
    return bool(least <= left <= most)


def _unsupported_error(data: bytes) -> ImageError:
    for format, magics in _UNSUPPORTED_MAGIC.items():
        if data.startswith(magics):
            return ImageError(Reason.FORMAT_OFF, f"{format} is not read")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<") and b"<svg" in start:
        return ImageError(Reason.FORMAT_OFF, "SVG is not read")
    return ImageError(Reason.NOT_AN_IMAGE, f"not one of {READ}")
