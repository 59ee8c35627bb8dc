"""What a file has to pass before a decoder touches it: an allowed kind, a header that holds, and a size that fits.

The order is: magic bytes -> header -> bytes that decoding will take. Nothing is decoded here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from PIL import ImageFile

from nearsight.errors import ImageError, Reason
from nearsight.files import MIB
from nearsight.images.pillow import as_image_errors, open_with_pillow, register_heif

BASE = 1024
"""The longest side below which nothing is scaled while it is decoded."""

SCALES = (8, 4, 2, 1)
"""The fractions at which a JPEG can be decoded: 1/8, 1/4, 1/2 and whole."""

MAX_SCANS = 500
"""Scans of a progressive JPEG. Encoders make ten or so; each one costs a pass over the whole image."""

MAX_TAGS = 4096
"""Entries of a TIFF's directory. Cameras write about a hundred."""

MAX_SEGMENTS = 1 << 25
"""Bytes of a JPEG before its first scan: metadata, profiles, depth maps."""


MAX_WEBP = 128 << 20
"""Bytes of a WebP's canvas up to which a failure is the file's own; libwebp holds the canvas several times."""


@dataclass(frozen=True)
class Limits:
    """What one image may cost, in bytes: the file itself, and what its decoding holds."""

    file: int = 256 << 20
    decoded: int = 256 << 20


@dataclass(frozen=True)
class Header:
    """What the header promises: the full size as it is stored (before it is turned upright), and the cost.

    The image is decoded at 1/`scale` of its size; `decoded_bytes` is counted there.
    """

    format: str
    width: int
    height: int
    decoded_bytes: int
    scale: int = 1


DEFAULT_LIMITS = Limits()


def validate_image(data: bytes, limits: Limits = DEFAULT_LIMITS, *, full: bool = False) -> Header:
    """The header of an image that may be decoded.

    Parameters
    ----------
    full : do not scale while decoding, as far as the limit allows

    Raises
    ------
    ImageError : NOT_AN_IMAGE, FORMAT_OFF, NEEDS_HEIF, BAD_HEADER, TRUNCATED or TOO_MANY_BYTES
    """
    with validate_and_open(data, limits, full=full) as (_, header):
        return header


@contextmanager
def validate_and_open(
    data: bytes, limits: Limits, *, full: bool = False
) -> Iterator[tuple[ImageFile.ImageFile, Header]]:
    """The opened image, not yet decoded, with its header; raises as `validate_image` does."""
    format = identify_format(data)
    stored = _HEADER_READERS[format](data) if format in _HEADER_READERS else None
    if stored is not None:
        _header_within_limits(format, stored, limits, full=full)
    with _translate_webp_errors(format, stored), open_with_pillow(data, format) as image:
        if format == "TIFF":
            _reject_raw(image)
        if stored is None:
            with as_image_errors(Reason.BAD_HEADER):
                stored = _layout_of(image)
        elif image.size != (stored.width, stored.height):
            raise ImageError(
                Reason.BAD_HEADER, f"{stored.width} x {stored.height} or {image.size[0]} x {image.size[1]}"
            )
        yield image, _header_within_limits(format, stored, limits, full=full)


@contextmanager
def _translate_webp_errors(format: str, stored: _StoredLayout | None) -> Iterator[None]:
    """Takes any failure of a very large WebP for want of memory, which libwebp does not tell from damage."""
    try:
        yield
    except ImageError as error:
        if format == "WEBP" and stored and _decoded_bytes(stored, 1) > MAX_WEBP:
            raise ImageError(Reason.OUT_OF_MEMORY, "or a damaged WebP of this size") from error
        raise


class _StoredLayout(NamedTuple):
    """Width and height; bytes of one sample of all channels; bytes that are held whole, whatever the scale."""

    width: int
    height: int
    bytes_per_pixel: int
    fixed_bytes: int = 0
    scalable: bool = False


def choose_scale(width: int, height: int) -> int:
    """The strongest of the scales at which the longest side is still at least `BASE`."""
    return next((scale for scale in SCALES if max(width, height) >= BASE * scale), 1)


def _header_within_limits(format: str, stored: _StoredLayout, limits: Limits, *, full: bool) -> Header:
    if stored.width < 1 or stored.height < 1:
        raise ImageError(Reason.BAD_HEADER, f"{stored.width} x {stored.height} pixels")
    strongest = choose_scale(stored.width, stored.height)
    scales = [scale for scale in reversed(SCALES) if scale <= strongest] if full else [strongest]
    costs = [(_decoded_bytes(stored, scale if stored.scalable else 1), scale) for scale in scales]
    cost, scale = next((pair for pair in costs if pair[0] <= limits.decoded), costs[-1])
    if cost > limits.decoded:
        needed, allowed = -(-cost // MIB), limits.decoded / MIB
        raise ImageError(
            Reason.TOO_MANY_BYTES,
            f"{stored.width} x {stored.height} pixels take {needed} MiB, and {allowed:.4g} MiB are allowed: "
            f"--max-decoded {needed} reads it",
        )
    return Header(format, stored.width, stored.height, cost, scale)


def _decoded_bytes(stored: _StoredLayout, scale: int) -> int:
    return -(-stored.width // scale) * -(-stored.height // scale) * stored.bytes_per_pixel + stored.fixed_bytes


# -------------------- magic bytes

_MAGIC = [(b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF")]
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_UNSUPPORTED_MAGIC = {
    "EPS": (b"%!PS", b"\xc5\xd0\xd3\xc6"),
    "PDF": (b"%PDF",),
    "PSD": (b"8BPS",),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xffO\xffQ"),
    "JPEG XL": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "JPEG XR": (b"II\xbc",),
    "ICO": (b"\0\0\1\0", b"\0\0\2\0"),
    "ICNS": (b"icns",),
    "camera raw": (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM"),
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
    """The format that the first bytes claim, if it is one that is read. The file's name has no say."""
    for magic, format in _MAGIC:
        if data.startswith(magic):
            return format
    if data.startswith(_TIFF):
        return _identify_tiff(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith(b"BM") and len(data) >= 18 and struct.unpack_from("<I", data, 14)[0] in _BMP_HEADERS:
        return "BMP"
    if data[4:8] == b"ftyp":
        return _identify_isobmff(data)
    raise _unsupported_error(data)


def _identify_tiff(data: bytes) -> str:
    if data[8:10] == b"CR":
        raise ImageError(Reason.FORMAT_OFF, "camera raw is not read")
    return "TIFF"


def _identify_isobmff(data: bytes) -> str:
    """AVIF or HEIF, by the brands of the first box: "mif1" alone can be either."""
    length = struct.unpack_from(">I", data)[0]
    brands = [data[at : at + 4] for at in (8, *range(16, min(length, 512, len(data)), 4))]
    if brands[0] == b"crx ":
        raise ImageError(Reason.FORMAT_OFF, "camera raw is not read")
    if brands[0] in _AVIF or (brands[0] in {b"mif1", b"msf1"} and _AVIF.intersection(brands)):
        return "AVIF"
    if brands[0] not in _HEIF:
        raise ImageError(Reason.NOT_AN_IMAGE, "a film, or another file in boxes")
    if not register_heif():
        raise ImageError(Reason.NEEDS_HEIF, "pip install nearsight[heif]")
    return "HEIF"


def _unsupported_error(data: bytes) -> ImageError:
    for format, magics in _UNSUPPORTED_MAGIC.items():
        if data.startswith(magics):
            return ImageError(Reason.FORMAT_OFF, f"{format} is not read")
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<") and b"<svg" in start:
        return ImageError(Reason.FORMAT_OFF, "SVG is not read")
    return ImageError(Reason.NOT_AN_IMAGE, "not one of JPEG, PNG, WebP, GIF, BMP, TIFF, HEIF, AVIF")


# -------------------- headers read before Pillow's turn


def _png_layout(data: bytes) -> _StoredLayout:
    if data[12:16] != b"IHDR" or len(data) < 26:
        raise ImageError(Reason.BAD_HEADER, "no IHDR")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    return _StoredLayout(width, height, channels * (2 if depth == 16 else 1))


def _webp_layout(data: bytes) -> _StoredLayout | None:
    """The canvas, which libwebp allocates as soon as it is asked for anything."""
    if len(data) < 30:
        raise ImageError(Reason.TRUNCATED, "the header is cut short")
    if data[12:16] == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif data[12:16] == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    return _StoredLayout(width, height, 4)


def _check_tiff_directory(data: bytes) -> None:
    """Refuses a TIFF whose directory would take minutes to read."""
    order = "<" if data[:1] == b"I" else ">"
    layout = (order + "Q", 8, order + "Q") if data[2:4] in (b"+\0", b"\0+") else (order + "I", 4, order + "H")
    with as_image_errors(Reason.BAD_HEADER):
        offset = struct.unpack_from(layout[0], data, layout[1])[0]
        tags = struct.unpack_from(layout[2], data, offset)[0] if offset < len(data) else 0
    if tags > MAX_TAGS:
        raise ImageError(Reason.BAD_HEADER, f"a directory of {tags} entries; at most {MAX_TAGS}")


def _jpeg_layout(data: bytes) -> _StoredLayout | None:
    """The frame header and the first scan's. None leaves the verdict to Pillow.

    A JPEG of several scans (progressive or not) is held whole as coefficients of 2 bytes, whatever the scale.
    """
    frame: tuple[int, bytes] | None = None
    at = 2
    while at < MAX_SEGMENTS:
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return None
        marker = data[at + 1]
        if marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if marker in _FRAME_MARKERS:
            frame = marker, data[at + 4 : at + 2 + length]
        elif marker == 0xDA:
            return _jpeg_frame_layout(data, frame, data[at + 4 : at + 5]) if frame else None
        at += 2 + max(2, length)
    raise ImageError(Reason.BAD_HEADER, f"more than {MAX_SEGMENTS} bytes before the image")


_BARE_MARKERS = {0x00, 0x01, 0xFF, *range(0xD0, 0xD9)}
_FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_MARKERS = {0xC2, 0xC6, 0xCA, 0xCE}


def _jpeg_frame_layout(data: bytes, frame: tuple[int, bytes], in_scan: bytes) -> _StoredLayout | None:
    marker, body = frame
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not body[5]:
        return None
    height, width, components = struct.unpack_from(">HHB", body, 1)
    pixel = components * (2 if body[0] > 8 else 1)
    if marker not in _PROGRESSIVE_MARKERS and in_scan[:1] == bytes([components]):
        return _StoredLayout(width, height, pixel, scalable=True)
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise ImageError(Reason.BAD_HEADER, f"{scans} scans; at most {MAX_SCANS}")
    return _StoredLayout(width, height, pixel, fixed_bytes=_count_blocks(body, width, height) * 128, scalable=True)


def _count_blocks(body: bytes, width: int, height: int) -> int:
    """Blocks of 8 x 8 coefficients in all components together."""
    factors = [(max(1, both >> 4), max(1, both & 15)) for both in body[7 : 6 + 3 * body[5] : 3]]
    across, down = (max(factor[axis] for factor in factors) for axis in (0, 1))
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    return units * sum(h * v for h, v in factors)


_HEADER_READERS = {"JPEG": _jpeg_layout, "PNG": _png_layout, "WEBP": _webp_layout, "TIFF": _check_tiff_directory}

# -------------------- headers that Pillow reads

_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 2, "PA": 2, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2, "RGB": 3, "LAB": 3}


def _layout_of(image: ImageFile.ImageFile) -> _StoredLayout:
    """Size and bytes of what Pillow is about to decode; a sample of 16 bits counts as 2 bytes."""
    pixel = _BYTES.get(image.mode, 4)
    tags = getattr(image, "tag_v2", {})
    if max(tags.get(258, (8,)), default=8) > 8 and pixel in (3, 4) and image.mode not in ("I", "F"):
        pixel *= 2
    turned = tags.get(274, 1) in range(2, 9)  # Pillow turns a TIFF upright itself, in a second copy
    return _StoredLayout(*image.size, pixel * (2 if turned else 1))


def _reject_raw(image: ImageFile.ImageFile) -> None:
    """DNG, NEF, ARW and their like are TIFFs of a thumbnail, with the raw data in directories below."""
    with as_image_errors(Reason.BAD_HEADER):
        tags = getattr(image, "tag_v2", {})
        if 0xC612 in tags or (0x14A in tags and tags.get(0xFE, 0) & 1):
            raise ImageError(Reason.FORMAT_OFF, "camera raw is not read")
