"""The directories of a TIFF, read with limits of our own: before Pillow sees them, and where it does not look."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from nearsight.errors import ImageError, Reason

MAX_TAGS = 4096
"""Entries of a directory. Cameras write about a hundred."""

MAX_ENTRIES = 200_000
"""Entries of all directories of a file together."""

MAX_VALUES = 4096
"""Values of one entry that are read."""

_KINDS = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 18: "Q"}


class _TiffEntry(NamedTuple):
    """Where the values of an entry lie, how many they are and of which kind."""

    kind: int
    n_values: int
    position: int


class TiffDirectory(NamedTuple):
    """One directory, and the offset of the next one, 0 where there is none."""

    reader: TiffReader
    offset: int
    entries: dict[int, _TiffEntry]
    next: int

    def numbers(self, tag: int) -> tuple[float, ...]:
        """The values of an entry; none where it is not there, holds no numbers or lies outside the file."""
        return self.reader.values(self.entries[tag]) if tag in self.entries else ()

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of an entry, as a whole number."""
        values = self.numbers(tag)
        return int(values[0]) if values and abs(values[0]) < 1 << 63 else default

    def text(self, tag: int) -> str:
        """The text of an entry, as far as it is ASCII."""
        values = bytes(int(value) & 255 for value in self.numbers(tag))
        return values.split(b"\0")[0].decode("ascii", "replace").strip()

    def position(self, tag: int) -> int | None:
        """Where the first value of an entry lies in the file."""
        return self.entries[tag].position if tag in self.entries else None


class TiffReader:
    """Reads directories of a TIFF, or of the raws that are built like one.

    Raises
    ------
    ImageError : TRUNCATED, where even the first offset is missing
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = "<" if data[:1] == b"I" else ">"
        self.big = data[2:4] in (b"+\0", b"\0+")
        self.offset_position = 8 if self.big else 4
        self._left = MAX_ENTRIES
        try:
            self.first: int = self._unpack("Q" if self.big else "I", self.offset_position)
        except struct.error as error:
            raise ImageError(Reason.BAD_HEADER, "no directory") from error

    def chain(self) -> Iterator[TiffDirectory]:
        """The directories one after another, each once, as far as they can be read."""
        offset, seen = self.first, set[int]()
        while offset and offset not in seen:
            seen.add(offset)
            found = self.directory(offset)
            if found is None:
                return
            yield found
            offset = found.next

    def directory(self, offset: int) -> TiffDirectory | None:
        """The directory at an offset; None where there is none, or no more entries may be read.

        Raises
        ------
        ImageError : BAD_HEADER, where it has more than `MAX_TAGS` entries
        """
        size, width = (8, 20) if self.big else (2, 12)
        try:
            count = self._unpack("Q" if self.big else "H", offset)
            if count > MAX_TAGS:
                raise ImageError(Reason.BAD_HEADER, f"a directory of {count} entries; at most {MAX_TAGS}")
            self._left -= count
            if self._left < 0:
                return None
            entries = dict(self._entry(offset + size + width * n) for n in range(count))
        except struct.error:
            return None
        try:
            following = self._unpack("Q" if self.big else "I", offset + size + width * count)
        except struct.error:
            following = 0
        return TiffDirectory(self, offset, entries, following)

    def values(self, entry: _TiffEntry) -> tuple[float, ...]:
        """The values of an entry, `MAX_VALUES` at most."""
        if entry.kind not in _KINDS:
            return ()
        try:
            return struct.unpack_from(
                f"{self.order}{min(entry.n_values, MAX_VALUES)}{_KINDS[entry.kind]}", self.data, entry.position
            )
        except struct.error:
            return ()

    def _entry(self, at: int) -> tuple[int, _TiffEntry]:
        layout, inline = ("HHQ", 8) if self.big else ("HHI", 4)
        tag, kind, count = struct.unpack_from(self.order + layout, self.data, at)
        position = at + (12 if self.big else 8)
        if count * struct.calcsize("<" + _KINDS.get(kind, "Q")) > inline:
            position = self._unpack("Q" if self.big else "I", position)
        return tag, _TiffEntry(kind, count, position)

    def _unpack(self, kind: str, at: int) -> int:
        if at > len(self.data):
            raise struct.error("beyond the end of the file")
        number: int = struct.unpack_from(self.order + kind, self.data, at)[0]
        return number


# -------------------- tags

SUBFILE, OLD_SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 255, 256, 257, 258, 259, 262
MAKE, STRIPS, ORIENTATION, STRIP_BYTES = 271, 273, 274, 279
HIGHEST, TILE_WIDTH, SUB_DIRECTORIES, SAMPLE_FORMAT, SIGNED_HIGHEST = 281, 322, 330, 339, 341
JPEG_START, JPEG_BYTES, EXIF_DIRECTORY, MAKER_NOTE, DNG_VERSION = 513, 514, 34665, 37500, 50706

_REDUCED, _MASK = 1, 4


def find_tiff_pages(reader: TiffReader) -> list[TiffDirectory]:
    """The directories that are pages: no reduced images, no masks, no levels of a pyramid; the first where all are.

    A level of a pyramid need not say that it is one: it is at most half as wide as a tiled image before it, and has
    its proportions.
    """
    pages, first, tiled = list[TiffDirectory](), None, list[tuple[int, int]]()
    for directory in reader.chain():
        first = first or directory
        if directory.number(SUBFILE) & (_REDUCED | _MASK) or directory.number(OLD_SUBFILE) == 2:
            continue
        size = directory.number(WIDTH), directory.number(HEIGHT)
        if any(_is_reduced(size, larger) for larger in tiled):
            continue
        pages.append(directory)
        if TILE_WIDTH in directory.entries:
            tiled.append(size)
    return pages or ([first] if first else [])


def _is_reduced(size: tuple[int, int], larger: tuple[int, int]) -> bool:
    """Whether an image of this size can be a larger one made smaller: the sides agree to a pixel or a hundredth."""
    if not 0 < 2 * size[0] <= larger[0] + 1:
        return False
    expected = larger[1] * size[0] / larger[0]
    return abs(size[1] - expected) <= max(1.0, 0.01 * expected)
