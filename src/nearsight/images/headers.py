"""The headers that say what decoding will cost, read before a decoder sees the file."""

from __future__ import annotations

import struct
from typing import NamedTuple

from PIL import ImageFile

from nearsight.errors import ImageError, Reason


class StoredLayout(NamedTuple):
    """Width and height; bytes of one sample of all channels; bytes that are held whole, whatever the scale.

    `scales` are the fractions at which it can be decoded, 1/8 being 8.
    """

    width: int
    height: int
    bytes_per_pixel: int
    fixed_bytes: int = 0
    scales: tuple[int, ...] = (1,)


def png_layout(data: bytes) -> StoredLayout:
    """A sample of 16 bits counts as 2 bytes."""
    if data[12:16] != b"IHDR" or len(data) < 26:
        raise ImageError(Reason.BAD_HEADER, "no IHDR")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    return StoredLayout(width, height, channels * (2 if depth == 16 else 1))


def webp_layout(data: bytes) -> StoredLayout | None:
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
    return StoredLayout(width, height, 4)


def tga_layout(data: bytes) -> StoredLayout:
    """A Targa's size; 15 and 16 bits become 4 bytes."""
    width, height = struct.unpack_from("<HH", data, 12)
    return StoredLayout(width, height, 1 if data[16] == 8 else 4)


def gif_extent(data: bytes) -> tuple[int, int, int]:
    """Width and height that hold all frames of a GIF, whatever its header says, and the number of frames.

    What is cut off or is no block ends the count.
    """
    if len(data) < 13:
        return 1, 1, 1
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at, frames = 13 + _gif_palette_bytes(flags), 0
    while at < len(data) and data[at] in b"!,":
        if data[at] == 0x21:
            at = _after_gif_blocks(data, at + 2)
            continue
        if at + 10 > len(data):
            break
        left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, at + 1)
        width, height, frames = max(width, left + wide), max(height, top + high), frames + 1
        at = _after_gif_blocks(data, at + 11 + _gif_palette_bytes(flags))
    return width, height, max(1, frames)


def _gif_palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _after_gif_blocks(data: bytes, at: int) -> int:
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1


# -------------------- JPEG 2000

MAX_TILES = 65_535
"""Tiles of a JPEG 2000, which is what its standard allows."""

_SIZ, _COD, _START_OF_TILE = 0x51, 0x52, 0x90


def jpeg2000_layout(data: bytes) -> StoredLayout:
    """The image area of the codestream; it can be decoded at as many halvings as it was split into.

    OpenJPEG holds 4 bytes a sample, and Pillow the result beside it.
    """
    at = 0 if data.startswith(b"\xffO") else _find_codestream(data)
    if data[at + 2 : at + 4] != b"\xffQ" or len(data) < at + 42:
        raise ImageError(Reason.BAD_HEADER, "no codestream")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = struct.unpack_from(
        ">IIIIIIIIH", data, at + 8
    )
    width, height = right - left, bottom - top
    if width < 1 or height < 1 or not (tile_width and tile_height):
        raise ImageError(Reason.BAD_HEADER, f"{width} x {height} pixels")
    if not 1 <= components <= 4:
        raise ImageError(Reason.FORMAT_OFF, f"a JPEG 2000 of {components} components; 1 to 4 are read")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if not 0 < tiles <= MAX_TILES:
        raise ImageError(Reason.BAD_HEADER, f"{tiles} tiles; at most {MAX_TILES}")
    halvings = _jpeg2000_halvings(data, at + 2)
    scales = tuple(scale for scale in (1, 2, 4, 8) if scale <= 1 << halvings)
    return StoredLayout(width, height, 6 * components + 4, scales=scales)


def _find_codestream(data: bytes) -> int:
    """Where the codestream begins within the boxes of a JP2."""
    at = 0
    for _ in range(256):
        if at + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if length == 1 and at + 16 <= len(data):
            length, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        if kind == b"jp2c":
            return at + header
        if length < header:
            break
        at += length
    raise ImageError(Reason.BAD_HEADER, "no codestream")


def _jpeg2000_halvings(data: bytes, at: int) -> int:
    """How often the image was halved, as its main header says; 0 where it does not."""
    for _ in range(256):
        if at + 12 > len(data) or data[at] != 0xFF or data[at + 1] == _START_OF_TILE:
            return 0
        if data[at + 1] == _COD:
            return min(32, data[at + 9])
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    return 0


# -------------------- headers that Pillow reads

_BYTES = {"1": 1, "L": 1, "P": 1, "LA": 2, "PA": 2, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2, "RGB": 3, "LAB": 3}


def pillow_layout(image: ImageFile.ImageFile) -> StoredLayout:
    """Size and bytes of what Pillow is about to decode; a sample of 16 bits counts as 2 bytes."""
    pixel = _BYTES.get(image.mode, 4)
    tags = getattr(image, "tag_v2", {})
    if max(tags.get(258, (8,)), default=8) > 8 and pixel in (3, 4) and image.mode not in ("I", "F"):
        pixel *= 2
    turned = tags.get(274, 1) in range(2, 9)  # Pillow turns a TIFF upright itself, in a second copy
    return StoredLayout(*image.size, pixel * (2 if turned else 1))
