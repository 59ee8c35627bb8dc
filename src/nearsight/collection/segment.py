"""Segments: immutable files of rows, memory-mapped, checked block by block on first touch.

A segment is NumPy arrays one after another, each with its own npy header: the ids, then the rows `(n, D)`; of the
thumbnails, the ids, the ends of the pictures, then their bytes. The catalogue lists its length and a CRC-32 for each
block of 1 MiB; no byte is used before its block was checked.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.collection.catalogue import SegmentEntry
from nearsight.errors import DamagedError
from nearsight.files import Files
from nearsight.types import Ids

BLOCK = 1 << 20
FOLDER = "segments"
THUMBNAILS = "thumbnails"
"""The key of the segments that hold thumbnails."""


class Segment:
    """A listed segment, open for reading.

    Raises
    ------
    DamagedError
        where the file is missing, has another length, or a touched block has another checksum
    """

    def __init__(self, folder: Path, entry: SegmentEntry, files: Files) -> None:
        self.entry, self.path = entry, folder / entry.file
        try:
            self.data = files.map(self.path)
        except FileNotFoundError:
            raise DamagedError(f"{self.path} is missing: run nearsight repair") from None
        if len(self.data) != entry.length:
            raise DamagedError(f"{self.path} has {len(self.data)} bytes, not {entry.length}: run nearsight repair")
        self._sums = np.frombuffer(entry.checksums, np.uint32)
        self._checked = np.zeros(len(self._sums), bool)
        self.ids: Ids
        self.ids, after = self._array(0)
        self._parts: list[tuple[tuple[int, ...], np.dtype[Any], int]] = []
        while after < entry.length:
            shape, dtype, start = self._header(after)
            self._parts.append((shape, dtype, start))
            after = _padded(start + int(np.prod(shape)) * dtype.itemsize)

    def rows(self) -> NDArray[Any]:
        """All rows `(n, D)`, every block checked, still on the disk."""
        self.check(0, self.entry.length)
        return self._view(*self._parts[0])

    def kept_rows(self, kept: NDArray[np.bool_]) -> NDArray[Any]:
        """A copy of some rows; only the blocks that hold them are checked."""
        spans = self.spans()[kept]
        for start, stop in spans.tolist():
            self.check(start, stop)
        return self._view(*self._parts[0])[kept]

    def bytes_at(self, position: int) -> bytes:
        """The bytes of one variable-length row; only the blocks that hold it are checked."""
        start, stop = self.spans()[position].tolist()
        self.check(start, stop)
        return bytes(self.data[start:stop])

    def check(self, start: int, stop: int) -> None:
        """Check the blocks that hold the bytes from start to stop, each once."""
        for number in range(start // BLOCK, -(-stop // BLOCK)):
            if not self._checked[number]:
                if not self.sound(number):
                    raise DamagedError(f"block {number} of {self.path} is damaged: run nearsight repair")
                self._checked[number] = True

    def sound(self, number: int) -> bool:
        """Whether the bytes of a block agree with its checksum."""
        return zlib.crc32(self.data[number * BLOCK : (number + 1) * BLOCK]) == int(self._sums[number])

    def spans(self) -> NDArray[np.int64]:
        """`(n, 2)`: where each row's own bytes start and stop in the file."""
        shape, dtype, start = self._parts[0]
        if len(self._parts) == 1:
            width = int(np.prod(shape[1:])) * dtype.itemsize
            starts = start + width * np.arange(shape[0], dtype=np.int64)
            return np.stack([starts, starts + width], 1)
        self.check(start, start + shape[0] * dtype.itemsize)
        ends = self._view(shape, dtype, start) + self._parts[1][2]
        return np.stack([np.concatenate([[self._parts[1][2]], ends[:-1]]), ends], 1)

    def _array(self, at: int) -> tuple[NDArray[Any], int]:
        shape, dtype, start = self._header(at)
        stop = start + int(np.prod(shape)) * dtype.itemsize
        self.check(at, stop)
        return self._view(shape, dtype, start), _padded(stop)

    def _header(self, at: int) -> tuple[tuple[int, ...], np.dtype[Any], int]:
        self.check(at, min(at + 128, self.entry.length))
        stream = io.BytesIO(bytes(self.data[at : at + 4096]))
        np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        return shape, dtype, at + stream.tell()

    def _view(self, shape: tuple[int, ...], dtype: np.dtype[Any], start: int) -> NDArray[Any]:
        return np.frombuffer(self.data, dtype, int(np.prod(shape)), start).reshape(shape)


def write_rows(folder: Path, ident: int, key: str, ids: Ids, rows: NDArray[Any], files: Files) -> SegmentEntry:
    """Put rows `(n, D)` safely on the disk; the entry that the catalogue is to list."""
    return _write(folder, ident, key, [ids, rows], files)


def write_blobs(folder: Path, ident: int, key: str, ids: Ids, blobs: Sequence[bytes], files: Files) -> SegmentEntry:
    """Put variable-length rows safely on the disk; the entry that the catalogue is to list."""
    ends = np.cumsum([len(blob) for blob in blobs], dtype=np.int64)
    return _write(folder, ident, key, [ids, ends, np.frombuffer(b"".join(blobs), np.uint8)], files)


def _write(folder: Path, ident: int, key: str, arrays: list[NDArray[Any]], files: Files) -> SegmentEntry:
    stream = io.BytesIO()
    for array in arrays:
        stream.write(bytes(_padded(stream.tell()) - stream.tell()))
        np.lib.format.write_array(stream, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    data = stream.getbuffer()
    sums = [zlib.crc32(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]
    entry = SegmentEntry(ident, key, len(arrays[0]), len(data), np.array(sums, np.uint32).tobytes())
    files.write_new(folder / entry.file, [data])
    return entry


def _padded(offset: int) -> int:
    """The next multiple of 64, where an array's header may start."""
    return -(-offset // 64) * 64
