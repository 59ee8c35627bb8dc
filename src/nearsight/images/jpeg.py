"""JPEG: what its header says of the cost, and how much of a damaged one was read.

libjpeg reads on over damage, and fills with mid-grey what it has no data for; Pillow passes none of its warnings on.
So the share that was read is measured: see `measure_read_share`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import ImageError, Reason
from nearsight.images.colour import Pixels
from nearsight.images.headers import StoredLayout

MAX_SCANS = 500
"""Scans of a progressive JPEG. Encoders make ten or so; each one costs a pass over the whole image."""

MAX_SEGMENTS = 1 << 25
"""Bytes of a JPEG before its first scan: metadata, profiles, depth maps."""

LEAST_READ_SHARE = 0.75
"""The share of a damaged JPEG that must have been read; of less it is not said what it shows."""

_SCALES = (1, 2, 4, 8)
_BARE_MARKERS = {0x00, 0x01, 0xFF, *range(0xD0, 0xD9)}
_FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE_MARKERS = {0xC2, 0xC6, 0xCA, 0xCE}
_START_OF_SCAN, _END = 0xDA, b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""What ends the data of a scan: all but stuffed bytes, restarts and fill bytes."""

NOISE = 1 << 16
"""Bytes of noise, none of them 255, that stand for what is missing."""

_FILLING = (127, 128)
"""The levels of what libjpeg had no data for: mid-grey, and mid-grey inverted as in CMYK."""


def jpeg_layout(data: bytes) -> StoredLayout | None:
    """The frame header and the first scan's. None leaves the verdict to Pillow.

    A JPEG of several scans (progressive or not) is held whole as coefficients of 2 bytes, whatever the scale.
    """
    frame: tuple[int, bytes] | None = None
    for marker, start, length in _segments(data):
        if marker in _FRAME_MARKERS:
            frame = marker, data[start : start + length - 2]
        elif marker == _START_OF_SCAN:
            return _jpeg_frame_layout(data, frame, data[start : start + 1]) if frame else None
    return None


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start of the body and length, up to the first scan. Raises BAD_HEADER where that is too far."""
    at = 2
    while at < MAX_SEGMENTS:
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return
        marker = data[at + 1]
        if marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        yield marker, at + 4, length
        at += 2 + max(2, length)
    raise ImageError(Reason.BAD_HEADER, f"more than {MAX_SEGMENTS} bytes before the image")


def _jpeg_frame_layout(data: bytes, frame: tuple[int, bytes], in_scan: bytes) -> StoredLayout | None:
    marker, body = frame
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not body[5]:
        return None
    height, width, components = struct.unpack_from(">HHB", body, 1)
    pixel = components * (2 if body[0] > 8 else 1)
    if marker not in _PROGRESSIVE_MARKERS and in_scan[:1] == bytes([components]):
        return StoredLayout(width, height, pixel, scales=_SCALES)
    scans = data.count(b"\xff\xda")
    if scans > MAX_SCANS:
        raise ImageError(Reason.BAD_HEADER, f"{scans} scans; at most {MAX_SCANS}")
    return StoredLayout(width, height, pixel, _count_blocks(body, width, height) * 128, _SCALES)


def _count_blocks(body: bytes, width: int, height: int) -> int:
    """Blocks of 8 x 8 coefficients in all components together."""
    factors = [(max(1, both >> 4), max(1, both & 15)) for both in body[7 : 6 + 3 * body[5] : 3]]
    across, down = (max(factor[axis] for factor in factors) for axis in (0, 1))
    units = -(-width // (8 * across)) * -(-height // (8 * down))
    return units * sum(h * v for h, v in factors)


# -------------------- what of a damaged one was read


class _JpegScan(NamedTuple):
    """One scan: its components, its first and last coefficient, the bits left for later scans, and where it ends."""

    components: bytes
    first: int
    last: int
    bits_left: int
    end: int


class JpegScans(NamedTuple):
    """The scans of a JPEG up to where its data ends; its height, and that of a row of its blocks, in pixels."""

    components: bytes
    scans: list[_JpegScan]
    several: bool
    height: int
    unit_height: int

    @property
    def end(self) -> int:
        """Where the data of the last scan ends."""
        return self.scans[-1].end

    def share(self, *, last: bool) -> float:
        """The share of the coefficients that were read, each bit that is missing counting a quarter of one.

        0 where the mean of a component's blocks is missing. `last` says whether the last scan was read whole.
        """
        if not self.several:
            return 1.0
        missing = np.full((256, 64), 4)
        for scan in self.scans if last else self.scans[:-1]:
            for component in scan.components:
                missing[component, scan.first : scan.last + 1] = min(scan.bits_left, 3)
        rows = missing[list(self.components)]
        return 0.0 if (rows[:, 0] == 4).any() else float(1 - rows.mean() / 4)


def find_scans(data: bytes) -> JpegScans | None:
    """The scans of a JPEG; None where there is none that can be decoded."""
    frame, scans = b"", list[_JpegScan]()
    several, at = False, 2
    while len(scans) <= MAX_SCANS:
        found = _MARKER.search(data, at)
        if found is None or found.end() + 2 > len(data) or data[found.end() - 1] == _END[1]:
            break
        marker, start = data[found.end() - 1], found.end()
        length = max(2, int.from_bytes(data[start : start + 2]))
        body = data[start + 2 : start + length]
        if len(body) < length - 2:
            break
        at = start + length
        if marker in _FRAME_MARKERS and len(body) > 5:
            frame, several = body, marker in _PROGRESSIVE_MARKERS
        elif marker == _START_OF_SCAN and (scan := _jpeg_scan(data, body, at)) is not None:
            scans.append(scan)
            at = scan.end
    components = frame[6 : 6 + 3 * frame[5] : 3] if frame else b""
    if not components or not scans:
        return None
    unit = 8 * max(1, *(both & 15 for both in frame[7 : 6 + 3 * frame[5] : 3]))
    several = several or len(scans[0].components) < len(components)
    return JpegScans(components, scans, several, max(1, int.from_bytes(frame[1:3])), unit)


def _jpeg_scan(data: bytes, body: bytes, start: int) -> _JpegScan | None:
    if not body or len(body) < 4 + 2 * body[0]:
        return None
    first, last, bits = body[1 + 2 * body[0] : 4 + 2 * body[0]]
    after = _MARKER.search(data, start)
    end = after.start() if after else len(data) - data.endswith(b"\xff")
    return _JpegScan(body[1 : 1 + 2 * body[0] : 2], min(first, 63), min(last, 63), bits & 15, end)


def has_all_scans(data: bytes) -> bool:
    """Whether the scans of a JPEG cover all of its coefficients; also where it has none that can be told."""
    scans = find_scans(data)
    return scans is None or scans.share(last=True) == 1


def close_jpeg(data: bytes, scans: JpegScans) -> bytes:
    """The JPEG up to the end of its last scan, with a mark of its end."""
    return data[: scans.end] + _END


def may_end_early(pixels: Pixels) -> bool:
    """Whether the last pixels can be what libjpeg fills with: a flat mid-grey."""
    tail = pixels[-1, -8:]
    return bool((tail == tail[0]).all()) and set(tail[0].tolist()) <= set(_FILLING)


def measure_read_share(data: bytes, scans: JpegScans, read: Pixels, decode: Callable[[bytes], Pixels]) -> float:
    """The share of a JPEG that was read, 0 to 1.

    1. Decode it again with noise after the end of its last scan, also behind every mark of a restart that it may wait
       for. What does not change had been read: libjpeg ignores what comes after the last block. So an image that is
       grey at its end by itself is whole.
    2. In one scan, the pixels before the first that changes are the share. In several, each of which covers the whole
       image, it is that of the coefficients, the last scan counting where nothing changes.

    Parameters
    ----------
    read : what `close_jpeg` decodes to
    decode : decodes such bytes in the same way
    """
    noise = np.random.default_rng(0).integers(0, 255, NOISE, np.uint8).tobytes()
    restarts = b"".join(b"\xff%c" % marker + noise[: NOISE // 8] for marker in range(0xD0, 0xD8))
    longer = decode(data[: scans.end] + noise + 2 * restarts + _END)
    changed = (read != longer).any(axis=2)
    if scans.several:
        return scans.share(last=not changed.any())
    return _share_before_change(changed, scans.unit_height * len(read) / scans.height)


def _share_before_change(changed: NDArray[np.bool_], unit: float) -> float:
    """The share of the pixels before the first block that changes; rows of blocks are `unit` pixels high."""
    rows = np.flatnonzero(changed.any(axis=1))
    if not len(rows):
        return 1.0
    height, width = changed.shape
    column = np.flatnonzero(changed[rows[0]])[0]
    return float((rows[0] + min(unit, height - rows[0]) * column / width) / height)
