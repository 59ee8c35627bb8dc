"""Image files with EXIF, IPTC, XMP, chunks and comments, written byte by byte: nothing that reads them is used."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from nearsight.metadata.facts import Facts
from nearsight.metadata.read_metadata import Metadata
from tests.images.hostile import chunk, photo, saved


@dataclass(frozen=True)
class SaidFile:
    """A kind of file, its bytes, and what must be read of it."""

    kind: str
    suffix: str
    data: bytes
    expected: Metadata


_SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"GI": ".gif", b"RI": ".webp", b"II": ".tif"}


def said(kind: str, body: bytes, caption: str = "", tags: tuple[str, ...] = (), **facts: object) -> SaidFile:
    """A kind of file; what is not named here must not be found."""
    suffix = ".avif" if body[8:12] == b"avif" else _SUFFIXES.get(body[:2], ".heic")
    if facts.get("taken"):
        facts.setdefault("taken_from", "EXIF")
    if facts.get("latitude") is not None:
        facts.setdefault("place_from", "EXIF")
    return SaidFile(kind, suffix, body, Metadata(caption, tags, Facts(**facts)))  # type: ignore[arg-type]


# -------------------- EXIF

ASCII, SHORT, LONG, RATIONAL, UNDEFINED, BYTE = 2, 3, 4, 5, 7, 1
Entry = tuple[int, int, object]


def exif_bytes(
    main: Sequence[Entry] = (), details: Sequence[Entry] = (), place: Sequence[Entry] = (), *, order: str = "<"
) -> bytes:
    """A TIFF structure of these entries: (tag, type, value), a text as bytes without its NUL."""
    out = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    directories = [(0x8769, details), (0x8825, place)]
    pointers = [(tag, LONG, 0) for tag, entries in directories if entries]
    places = _put_directory(out, sorted([*main, *pointers], key=lambda entry: entry[0]), order)
    for tag, entries in directories:
        if entries:
            out[places[tag] : places[tag] + 4] = struct.pack(order + "I", len(out))
            _put_directory(out, sorted(entries, key=lambda entry: entry[0]), order)
    return b"Exif\0\0" + bytes(out)


def _put_directory(out: bytearray, entries: Sequence[Entry], order: str) -> dict[int, int]:
    """Appends a directory; where the value of each entry stands in it."""
    start, values, places = len(out), bytearray(), {}
    end = start + 2 + 12 * len(entries) + 4
    out += struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        count, body = _exif_value(kind, value, order)
        places[tag] = len(out) + 8
        out += struct.pack(order + "HHI", tag, kind, count)
        if len(body) > 4:
            out += struct.pack(order + "I", end + len(values))
            values += body + bytes(len(body) % 2)
        else:
            out += body.ljust(4, b"\0")
    out += bytes(4) + values
    return places


def _exif_value(kind: int, value: object, order: str) -> tuple[int, bytes]:
    if kind == ASCII:
        assert isinstance(value, bytes)
        return len(value) + 1, value + b"\0"
    if isinstance(value, bytes):
        return len(value), value
    numbers = value if isinstance(value, tuple) else (value,)
    if kind == RATIONAL:
        flat = [part for number in numbers for part in number]
        return len(numbers), struct.pack(f"{order}{len(flat)}I", *flat)
    return len(numbers), struct.pack(f"{order}{len(numbers)}{'H' if kind == SHORT else 'I'}", *numbers)


def xp(text: str) -> bytes:
    """A text as Windows writes it into EXIF."""
    return text.encode("utf-16-le") + b"\0\0"


def degrees(*parts: int | tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Degrees, minutes and seconds as fractions."""
    return tuple(part if isinstance(part, tuple) else (part, 1) for part in parts)


# -------------------- IPTC and XMP


def iptc_bytes(records: Iterable[tuple[int, bytes]], escape: bytes = b"") -> bytes:
    """Records of IPTC, with the encoding that they declare."""
    out = b"\x1c\x01\x5a" + struct.pack(">H", len(escape)) + escape if escape else b""
    return out + b"".join(b"\x1c\x02" + bytes([key]) + struct.pack(">H", len(body)) + body for key, body in records)


def photoshop_bytes(iptc: bytes) -> bytes:
    """A resource of Photoshop's that holds IPTC, behind one that does not."""
    resolution = b"8BIM\x03\xed\0\0" + struct.pack(">I", 16) + bytes(16)
    return resolution + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + bytes(len(iptc) % 2)


NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "acdsee-rs": "http://ns.acdsee.com/regions/",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpNote": "http://ns.adobe.com/xmp/note/",
}


def xmp_bytes(body: str = "", attributes: str = "", *, prefixes: Mapping[str, str] | None = None) -> bytes:
    """A packet of these elements and attributes."""
    declared = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in (prefixes or NAMESPACES).items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {declared} {attributes}>{body}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def bag(name: str, *items: str, kind: str = "Bag") -> str:
    """A property that is a list."""
    return f"<{name}><rdf:{kind}>{''.join(f'<rdf:li>{item}</rdf:li>' for item in items)}</rdf:{kind}></{name}>"


def languages(name: str, **texts: str) -> str:
    """A property in several languages; `x_default` is the one for all others."""
    items = (f'<rdf:li xml:lang="{key.replace("_", "-")}">{text}</rdf:li>' for key, text in texts.items())
    return f"<{name}><rdf:Alt>{''.join(items)}</rdf:Alt></{name}>"


# -------------------- files


@cache
def _plain(format: str) -> bytes:
    return saved(photo(16, 12), format)


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    """A JPEG with these segments: markers and bodies."""
    parts = (b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in segments)
    whole = _plain("JPEG")
    return whole[:2] + b"".join(parts) + whole[2:]


def jpeg_exif(*parts: Sequence[Entry], order: str = "<") -> bytes:
    """A JPEG with EXIF."""
    return jpeg((0xE1, exif_bytes(*parts, order=order)))


def jpeg_iptc(records: Iterable[tuple[int, bytes]], escape: bytes = b"") -> bytes:
    """A JPEG with IPTC."""
    return jpeg((0xED, b"Photoshop 3.0\0" + photoshop_bytes(iptc_bytes(records, escape))))


def jpeg_xmp(packet: bytes) -> bytes:
    """A JPEG with XMP."""
    return jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet))


def png_with(*chunks: tuple[bytes, bytes], behind: bool = False) -> bytes:
    """A PNG with these chunks before its pixels, or behind them."""
    whole = _plain("PNG")
    at = whole.index(b"IEND") - 4 if behind else 33
    return whole[:at] + b"".join(chunk(*each) for each in chunks) + whole[at:]


def itxt(keyword: str, text: str, language: str = "") -> tuple[bytes, bytes]:
    """A chunk of international text."""
    return b"iTXt", keyword.encode() + b"\0\0\0" + language.encode() + b"\0\0" + text.encode()


def raw_profile(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """A chunk of a profile as hexadecimal digits."""
    digits = body.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return b"tEXt", f"Raw profile type {kind}\0\n{kind}\n{len(body):8}\n{lines}\n".encode()


def gif_with(*extensions: bytes, behind: bool = False) -> bytes:
    """A GIF with these extensions before its frame, or behind it."""
    whole = saved(photo(16, 12).quantize(4), "GIF")
    colours = 3 << ((whole[10] & 7) + 1) if whole[10] & 0x80 else 0
    at = len(whole) - 1 if behind else 13 + colours
    return whole[:at] + b"".join(extensions) + whole[at:]


def gif_comment(text: bytes) -> bytes:
    """An extension of a comment."""
    blocks = (text[at : at + 255] for at in range(0, len(text), 255))
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif_xmp(packet: bytes) -> bytes:
    """An extension of XMP, with what ends it."""
    return b"\x21\xff\x0bXMP DataXMP" + packet + bytes([1, *range(255, -1, -1), 0])


def tiff_with(tag: int, body: bytes) -> bytes:
    """A TIFF with this entry."""
    return saved(photo(16, 12), "TIFF", tiffinfo={tag: body})
