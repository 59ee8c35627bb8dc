"""The preview inside a camera raw: the largest JPEG that the camera put into it, found without decoding the raw.

1. Follow the raw's own structure: the directories of a TIFF (CR2, NEF, ARW, DNG, PEF, SRW, ORF, RW2 ...), the header of
   a RAF, the boxes of a CR3.
2. Where that names no JPEG of more than `LEAST_SIDE` pixels, look for one by its first bytes.
3. Of all that are JPEGs of the common kinds and lie within the file, take the one of the most pixels.

The raw's orientation holds, where it has one; a preview that is upright already stays so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from nearsight.errors import ImageError, Reason
from nearsight.images import tiff
from nearsight.images.jpeg import jpeg_layout
from nearsight.images.tiff import TiffDirectory, TiffReader

LEAST_SIDE = 256
"""The longest side above which a JPEG is a preview, and no mere thumbnail."""

MAX_DIRECTORIES = 64
MAX_FOUND = 64
"""Directories and JPEGs that are looked at."""

_PANASONIC_JPEG, _OLYMPUS_CAMERA, _OLYMPUS_JPEG, _OLYMPUS_JPEG_BYTES = 0x2E, 0x2020, 0x101, 0x102
_RAW_PHOTOMETRICS = (32803, 34892)
_JPEG_START = b"\xff\xd8\xff"
_SWAPPED = (5, 6, 7, 8)
_MAKERS = {
    "nikon": "NEF", "sony": "ARW", "pentax": "PEF", "ricoh": "PEF", "samsung": "SRW", "canon": "CR2", "olympus": "ORF",
    "om digital": "ORF", "panasonic": "RW2", "leica": "RWL", "fujifilm": "RAF", "hasselblad": "3FR", "epson": "ERF",
    "kodak": "DCR", "phase one": "IIQ", "minolta": "MRW", "konica": "MRW",
}  # fmt: skip
_MAGIC_NAMES = {
    b"IIRO": "ORF", b"IIRS": "ORF", b"MMOR": "ORF", b"IIU\0": "RW2", b"FUJIFILMCCD-RAW": "RAF", b"\0MRM": "MRW",
}  # fmt: skip


@dataclass(frozen=True)
class RawPreview:
    """A preview: a JPEG, the raw's format such as "CR2", its orientation, and its EXIF as the bytes of a TIFF.

    `orientation` is None where the raw has none: then the JPEG's own holds. `exif` is empty where the JPEG has its own.
    """

    jpeg: bytes
    format: str
    orientation: int | None
    exif: bytes


def is_raw_tiff(data: bytes) -> bool:
    """Whether a TIFF is a camera raw.

    It is a DNG, or the first image is a small one beside others in directories below it, or one holds a sensor's
    samples.
    """
    reader = TiffReader(data)
    for directory in _all_directories(reader):
        if tiff.DNG_VERSION in directory.entries or directory.number(tiff.PHOTOMETRIC) in _RAW_PHOTOMETRICS:
            return True
        if directory.offset == reader.first and tiff.SUB_DIRECTORIES in directory.entries:
            return bool(directory.number(tiff.SUBFILE) & 1) or _has_raw_below(reader)
    return False


def _has_raw_below(reader: TiffReader) -> bool:
    return any(each.number(tiff.PHOTOMETRIC) in _RAW_PHOTOMETRICS for each in _all_directories(reader))


def extract_raw_preview(data: bytes) -> RawPreview:
    """The preview of a camera raw.

    Raises
    ------
    ImageError : FORMAT_OFF, where it holds none
    """
    found = _named_jpegs(data)
    if not found or max(_jpeg_side(data, each) for each in found) <= LEAST_SIDE:
        found += list(_scattered_jpegs(data))
    if not found:
        raise ImageError(Reason.FORMAT_OFF, "this camera raw holds no preview, and its own data is not read")
    start, length = max(found, key=lambda span: (_jpeg_area(data, span), span[1]))
    jpeg = data[start : start + length]
    reader = _raw_reader(data)
    turn = None if reader is None else _raw_orientation(reader)
    layout = jpeg_layout(jpeg)
    if turn in _SWAPPED and layout is not None and layout.height > layout.width:
        turn = 1  # sensors are wide: it is upright already
    exif = b"" if reader is None else (b"II*\0" if reader.order == "<" else b"MM\0*") + data[4:]
    return RawPreview(jpeg, _raw_name(data, reader), turn, exif)


def _named_jpegs(data: bytes) -> list[tuple[int, int]]:
    """Start and length of the JPEGs that the raw's structure names, each once."""
    if data.startswith(b"FUJIFILMCCD-RAW"):
        spans = [struct.unpack_from(">II", data, 84)] if len(data) >= 92 else []
    elif data[4:8] == b"ftyp":
        spans = list(_boxed_jpegs(data))
    else:
        reader = _raw_reader(data)
        spans = [] if reader is None else [span for each in _all_directories(reader) for span in _directory_jpegs(each)]
    return list(dict.fromkeys(span for span in spans if _is_common_jpeg(data, span)))[:MAX_FOUND]


def _raw_reader(data: bytes) -> TiffReader | None:
    if data.startswith((b"II", b"MM")):
        return TiffReader(data)
    return None


def _all_directories(reader: TiffReader) -> Iterator[TiffDirectory]:
    """All directories of a raw: the chain, and those below, each once."""
    waiting, seen = list(islice(reader.chain(), MAX_DIRECTORIES)), set[int]()
    while waiting and len(seen) < MAX_DIRECTORIES:
        directory = waiting.pop(0)
        if directory.offset in seen:
            continue
        seen.add(directory.offset)
        yield directory
        offsets = (*directory.numbers(tiff.SUB_DIRECTORIES), *directory.numbers(tiff.EXIF_DIRECTORY))
        below = (reader.directory(int(offset)) for offset in offsets[:MAX_DIRECTORIES])
        waiting += [each for each in below if each is not None]


def _directory_jpegs(directory: TiffDirectory) -> Iterator[tuple[int, int]]:
    """What a directory names as a JPEG: by its own tags, as its only strip, as Panasonic's or as Olympus's preview."""
    yield directory.number(tiff.JPEG_START), directory.number(tiff.JPEG_BYTES)
    strips, sizes = directory.numbers(tiff.STRIPS), directory.numbers(tiff.STRIP_BYTES)
    if directory.number(tiff.COMPRESSION) in (6, 7) and len(strips) == len(sizes) == 1:
        yield int(strips[0]), int(sizes[0])
    if _PANASONIC_JPEG in directory.entries:
        entry = directory.entries[_PANASONIC_JPEG]
        yield entry.position, entry.n_values
    if tiff.MAKER_NOTE in directory.entries:
        yield from _olympus_jpegs(directory.reader, directory.entries[tiff.MAKER_NOTE].position)


def _olympus_jpegs(reader: TiffReader, at: int) -> Iterator[tuple[int, int]]:
    """The preview that Olympus's notes name; their offsets count from the notes' own beginning."""
    if reader.data[at : at + 8] not in (b"OLYMPUS\0", b"OM SYSTE"):
        return
    size = 12 if reader.data[at : at + 8] == b"OLYMPUS\0" else 16
    notes = reader.data[at : at + (1 << 20)]
    order = b"II*\0" if reader.order == "<" else b"MM\0*"
    inner = TiffReader(order + struct.pack(reader.order + "I", size) + notes[8:])
    main = inner.directory(size)
    entry = main.entries.get(_OLYMPUS_CAMERA) if main else None
    if main is None or entry is None:
        return
    camera = inner.directory(entry.position if entry.kind == 7 else main.number(_OLYMPUS_CAMERA))
    if camera:
        yield at + camera.number(_OLYMPUS_JPEG), camera.number(_OLYMPUS_JPEG_BYTES)


def _boxed_jpegs(data: bytes) -> Iterator[tuple[int, int]]:
    """Canon's preview box, and the first picture of each track that is a JPEG."""
    for kind, start, end in _boxes(data, 0, len(data), 0):
        if kind == b"PRVW" and end - start > 16:
            yield start + 16, end - start - 16
        if kind == b"stbl":
            inner = {name: at for name, at, _ in _boxes(data, start, end, 9)}
            offsets = inner.get(b"co64") or inner.get(b"stco")
            if offsets and b"stsz" in inner and max(offsets, inner[b"stsz"]) + 16 <= len(data):
                kind_of = ">Q" if b"co64" in inner else ">I"
                common, _, own = struct.unpack_from(">III", data, inner[b"stsz"] + 4)
                yield struct.unpack_from(kind_of, data, offsets + 8)[0], common or own


_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf"}
_PREVIEW_UUID = bytes.fromhex("eaf42b5e1c984b88b9fbb7dc406e4d16")


def _boxes(data: bytes, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the bodies of boxes, and of those within the ones that hold others."""
    for _ in range(256):
        if start + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, start)
        body = start + 8
        if length == 1 and start + 16 <= end:
            length, body = struct.unpack_from(">Q", data, start + 8)[0], start + 16
        stop = end if length == 0 else min(end, start + length)
        if stop < body:
            return
        yield kind, body, stop
        if kind in _CONTAINERS and depth < 6:
            yield from _boxes(data, body, stop, depth + 1)
        elif kind == b"uuid" and data[body : body + 16] == _PREVIEW_UUID:
            yield from _boxes(data, body + 24, stop, depth + 1)
        start = stop


def _scattered_jpegs(data: bytes) -> Iterator[tuple[int, int]]:
    """JPEGs by their first bytes, each taken to reach up to the end of the file."""
    at, found = data.find(_JPEG_START), 0
    while at >= 0 and found < MAX_FOUND:
        if _is_common_jpeg(data, (at, len(data) - at)):
            yield at, len(data) - at
        found += 1
        at = data.find(_JPEG_START, at + 3)


def _is_common_jpeg(data: bytes, span: tuple[int, int]) -> bool:
    """Whether a JPEG of 8 bits that is no sensor's data, which is lossless, lies there."""
    start, length = span
    if length < 128 or start + length > len(data) or data[start : start + 3] != _JPEG_START:
        return False
    at = start + 2
    while at + 10 < start + length and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (0xC0, 0xC1, 0xC2):
            return data[at + 4] == 8
        if marker in (0xC3, 0xDA, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)):
            return False
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4])
    return False


def _jpeg_size(data: bytes, span: tuple[int, int]) -> tuple[int, int]:
    layout = jpeg_layout(data[span[0] : span[0] + min(span[1], 1 << 20)])
    return (layout.width, layout.height) if layout else (0, 0)


def _jpeg_side(data: bytes, span: tuple[int, int]) -> int:
    return max(_jpeg_size(data, span))


def _jpeg_area(data: bytes, span: tuple[int, int]) -> int:
    width, height = _jpeg_size(data, span)
    return width * height


def _raw_orientation(reader: TiffReader) -> int | None:
    first = next(reader.chain(), None)
    turn = first.number(tiff.ORIENTATION) if first else 0
    return turn if 1 <= turn <= 8 else None


def _raw_name(data: bytes, reader: TiffReader | None) -> str:
    """The raw's format by its magic bytes, or by who made the camera; "RAW" where neither says it."""
    if data[4:8] == b"ftyp":
        return "CR3"
    known = next((name for magic, name in _MAGIC_NAMES.items() if data.startswith(magic)), "")
    if known or reader is None:
        return known or "RAW"
    first = next(reader.chain(), None)
    if first is None:
        return "RAW"
    if tiff.DNG_VERSION in first.entries:
        return "DNG"
    maker = first.text(tiff.MAKE).lower()
    return next((name for start, name in _MAKERS.items() if maker.startswith(start)), "RAW")
