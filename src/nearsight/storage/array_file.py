"""Files of arrays: immutable, memory-mapped, checked block by block on first touch.

A file is NumPy arrays one after another, each with its own npy header at a multiple of 64 bytes. Whoever lists the
file stores its length and a CRC-32 of each block of 1 MiB; a block is checked before any byte of it is used.
"""

from __future__ import annotations

import io
import mmap
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError
from nearsight.files import FileSystem

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class SegmentEntry:
    """One immutable file of vectors: key, number of vectors, length, a CRC-32 (uint32) of each block of 1 MiB."""

    id: int
    key: str
    n_vectors: int
    length: int
    checksums: bytes

    @property
    def file_name(self) -> str:
        """The file's name in the segments folder."""
        return f"{self.id:010d}.seg"


@dataclass(frozen=True)
class CacheEntry:
    """One immutable cache file: a trained state (`trained_id` 0), or vectors encoded by the one that it names."""

    id: int
    key: str
    trained_id: int
    length: int
    checksums: bytes

    @property
    def file_name(self) -> str:
        """The file's name in the indexes folder."""
        return f"{self.id:010d}.idx"


class ArrayFile:
    """An open file of arrays.

    Raises
    ------
    DamagedError
        where the file is missing, has another length, or a touched block has another checksum
    """

    def __init__(self, path: Path, length: int, checksums: bytes, files: FileSystem) -> None:
        self.path, self.length = path, length
        try:
            self.data = files.map(path)
        except FileNotFoundError:
            raise DamagedError(f"{path} is missing: run nearsight repair") from None
        if len(self.data) != length:
            raise DamagedError(f"{path} has {len(self.data)} bytes, not {length}: run nearsight repair")
        self._checksums = np.frombuffer(checksums, np.uint32)
        self._checked = np.zeros(len(self._checksums), bool)
        self.headers: list[tuple[tuple[int, ...], np.dtype[Any], int]] = []
        after = 0
        while after < length:
            shape, dtype, start = self._read_header(after)
            self.headers.append((shape, dtype, start))
            after = _align_offset(start + int(np.prod(shape)) * dtype.itemsize)

    def array(self, number: int) -> NDArray[Any]:
        """Return one array, memory-mapped, after checking all its blocks."""
        shape, dtype, start = self.headers[number]
        self.check_range(start, start + int(np.prod(shape)) * dtype.itemsize)
        return self.raw_array(number)

    def raw_array(self, number: int) -> NDArray[Any]:
        """Return one array, memory-mapped; the caller checks its blocks before it uses them."""
        shape, dtype, start = self.headers[number]
        return np.frombuffer(self.data, dtype, int(np.prod(shape)), start).reshape(shape)

    def check_range(self, start: int, stop: int) -> None:
        """Check the blocks that hold the bytes from start to stop, each once."""
        self.check_blocks(np.arange(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES)))

    def release_pages(self) -> None:
        """Release the pages that were read; the system reads them again when they are accessed."""
        if isinstance(self.data.obj, mmap.mmap):
            self.data.obj.madvise(mmap.MADV_DONTNEED)

    def check_blocks(self, numbers: NDArray[np.int64]) -> None:
        """Check these blocks, each once."""
        for number in numbers[~self._checked[numbers]].tolist():
            if not self.is_valid_block(number):
                raise DamagedError(f"block {number} of {self.path} is damaged: run nearsight repair")
            self._checked[number] = True

    def is_valid_block(self, number: int) -> bool:
        """Whether the bytes of a block agree with its checksum."""
        return zlib.crc32(self.data[number * BLOCK_BYTES : (number + 1) * BLOCK_BYTES]) == int(self._checksums[number])

    def _read_header(self, at: int) -> tuple[tuple[int, ...], np.dtype[Any], int]:
        self.check_range(at, min(at + 128, self.length))
        stream = io.BytesIO(bytes(self.data[at : at + 4096]))
        np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        return shape, dtype, at + stream.tell()


@dataclass(frozen=True)
class ArrayStream:
    """An array that is written in pieces, so that one piece at a time is in memory."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pieces: Iterable[NDArray[Any] | bytes]


def write_arrays(path: Path, arrays: Sequence[NDArray[Any] | ArrayStream], files: FileSystem) -> tuple[int, bytes]:
    """Write arrays durably; return the length and the block checksums for the catalogue."""
    sums = _BlockChecksums()
    files.write_new(path, sums.split_blocks(_serialize_header(arrays)))
    return sums.length, np.array(sums.values, np.uint32).tobytes()


def _serialize_header(arrays: Sequence[NDArray[Any] | ArrayStream]) -> Iterator[memoryview]:
    """The bytes of a file, in order."""
    at = 0
    for array in arrays:
        pieces = array.pieces if isinstance(array, ArrayStream) else [array]
        about = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
        stream = io.BytesIO()
        stream.write(bytes(_align_offset(at) - at))
        np.lib.format.write_array_header_1_0(stream, about)
        yield memoryview(stream.getvalue())
        at += stream.tell()
        for each in pieces:
            view = memoryview(np.ascontiguousarray(each).data if isinstance(each, np.ndarray) else each)
            if view.nbytes:
                yield view.cast("B")
                at += view.nbytes


class _BlockChecksums:
    """Computes the length and the CRC-32 of each block of the bytes that pass through."""

    def __init__(self) -> None:
        self.length, self.values = 0, list[int]()

    def split_blocks(self, pieces: Iterable[memoryview]) -> Iterator[memoryview]:
        """Yield the same bytes, split at block boundaries."""
        for piece in pieces:
            start = 0
            while start < len(piece):
                room = BLOCK_BYTES - self.length % BLOCK_BYTES
                if room == BLOCK_BYTES:
                    self.values.append(0)
                part = piece[start : start + room]
                self.values[-1] = zlib.crc32(part, self.values[-1])
                self.length += len(part)
                start += len(part)
                yield part


def _align_offset(offset: int) -> int:
    """The next multiple of 64, where an array's header may start."""
    return -(-offset // 64) * 64
