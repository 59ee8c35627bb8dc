"""The comments and the XMP packet of a GIF, wherever they stand: before, between and after its frames."""

from __future__ import annotations

from collections.abc import Iterator

_HEADER = 13
_EXTENSION, _FRAME = 0x21, 0x2C
_COMMENT, _APPLICATION = 0xFE, 0xFF
_XMP = b"XMP DataXMP"
_TRAILER = bytes([1, *range(255, -1, -1), 0])
"""What ends the blocks behind a packet, which is not in blocks itself."""

MAX_GIF_TEXTS, MAX_COMMENT_BYTES = 100, 1 << 16
"""Comments of a GIF that are read, and bytes of each."""

_MAX_BLOCKS = 1 << 20
"""Blocks of a frame or an extension: what is in more of them is damage or harm."""


def read_gif_texts(data: bytes) -> tuple[list[bytes], bytes]:
    """The comments of a GIF and its XMP packet, empty where it has none; nothing of another kind of file."""
    comments: list[bytes] = []
    packet = b""
    for kind, body in _gif_extensions(data):
        if kind == _COMMENT and len(comments) < MAX_GIF_TEXTS:
            comments.append(body)
        elif kind == _APPLICATION and not packet:
            packet = body
    return comments, packet


def _gif_extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each extension's label, and the text of a comment or the packet of XMP's; up to the first damage."""
    if data[:4] != b"GIF8" or len(data) < _HEADER:
        return
    at = _HEADER + _colours(data[10])
    while at + 2 <= len(data):
        if data[at] == _FRAME:
            at = _skip_blocks(data, at + 11 + (_colours(data[at + 9]) if at + 9 < len(data) else 0))
        elif data[at] != _EXTENSION:
            return
        elif data[at + 1] == _APPLICATION and data[at + 3 : at + 14] == _XMP:
            end = data.find(_TRAILER[:16], at + 14)
            if end < 0:
                return
            yield _APPLICATION, data[at + 14 : end]
            at = end + len(_TRAILER)
        else:
            label, start = data[at + 1], at + 2
            at = _skip_blocks(data, start)
            if label == _COMMENT:
                yield label, _join_blocks(data, start)


def _colours(flags: int) -> int:
    """Bytes of the table of colours that these flags tell of."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(data: bytes, at: int) -> int:
    for _ in range(_MAX_BLOCKS):
        if at >= len(data) or not data[at]:
            return at + 1
        at += data[at] + 1
    return len(data)


def _join_blocks(data: bytes, at: int) -> bytes:
    parts, length = [], 0
    while at < len(data) and data[at] and length < MAX_COMMENT_BYTES:
        parts.append(data[at + 1 : at + 1 + data[at]])
        length += data[at]
        at += data[at] + 1
    return b"".join(parts)[:MAX_COMMENT_BYTES]
