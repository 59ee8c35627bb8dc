"""Where the formats keep an XMP packet, and the part of it that did not fit into its place in a JPEG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from PIL import Image as Pillow

from nearsight.metadata.embedded.png_text import png_profile

MAX_XMP_BYTES = 1 << 20
"""Bytes of a packet that is read: what is larger holds pictures, not words."""

_HEAD = re.compile(rb".{1,7}://ns\.adobe\.com/xap/1\.0/\0", re.DOTALL)
"""What a JPEG's segment begins with; some programs have overwritten its first letters."""
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\0"
_DIGEST = re.compile(rb"HasExtendedXMP(?:\s*=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")
_MAX_PACKETS = 4


def find_xmp_packets(image: Pillow.Image, texts: Mapping[str, str], of_gif: bytes) -> Iterator[bytes]:
    """The packets of an opened image, and what is continued of them, of at most `MAX_XMP_BYTES` each.

    Parameters
    ----------
    texts : those of a PNG
    of_gif : the packet of a GIF
    """
    segments = [body for name, body in getattr(image, "applist", ()) if name == "APP1"]
    found = [body[head.end() :] for body in segments if (head := _HEAD.match(body))]
    if not found:
        packet = image.info.get("xmp") or texts.get("XML:com.adobe.xmp") or _profile_packet(texts) or of_gif
        found = [packet.encode() if isinstance(packet, str) else bytes(packet)]
    found += [_extended_packet(segments, packet) for packet in found[:_MAX_PACKETS]]
    yield from (each for each in found[: 2 * _MAX_PACKETS] if 0 < len(each) <= MAX_XMP_BYTES)


def _profile_packet(texts: Mapping[str, str]) -> bytes:
    profile = png_profile(texts, ("xmp", "APP1"))
    return b"" if profile.startswith(b"Exif") else _HEAD.sub(b"", profile, count=1)


def _extended_packet(segments: Iterable[bytes], packet: bytes) -> bytes:
    """The parts of the packet's extension, by their offsets; empty where a part is missing, or it is too large."""
    digest = _DIGEST.search(packet)
    if not digest:
        return b""
    head = _EXTENDED + digest[1]
    parts: dict[int, bytes] = {}
    for segment in segments:
        body = segment[len(head) :]
        if segment.startswith(head) and len(body) > 8 and int.from_bytes(body[:4]) <= MAX_XMP_BYTES:
            parts[int.from_bytes(body[4:8])] = body[8:]
    whole = b""
    for offset in sorted(parts):
        if offset != len(whole) or len(whole) > MAX_XMP_BYTES:
            return b""
        whole += parts[offset]
    return whole
