"""Files of arrays, for reading: immutable, memory-mapped, checked block by block on first touch.

A file is NumPy arrays one after another, each with its own npy header at a multiple of 64 bytes. Whoever lists the
file stores its length and a CRC-32 of each block of 1 MiB; a block is checked before any byte of it is used.

A segment is such a file of vectors, listed in the catalogue: the ids, rising, then the vectors `(n, D)`. Vectors of
variable length and thumbnails are stored as the ids, the ends of the blobs, then their bytes.
"""

from __future__ import annotations

import io
import mmap
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError
from nearsight.files import FileSystem
from nearsight.types import Descriptor, Ids
from nearsight.wording import plural

BLOCK_BYTES = 1 << 20
SEGMENTS_FOLDER = "segments"
THUMBNAILS = "thumbnails"
"""The key of the segments that hold thumbnails."""


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
            raise DamagedError(f"{path} has {plural(len(self.data), 'byte')}, not {length:,}: run nearsight repair")
        self._checksums = np.frombuffer(checksums, np.uint32)
        self._checked = np.zeros(len(self._checksums), bool)
        self.headers: list[tuple[tuple[int, ...], np.dtype[Any], int]] = []
        after = 0
        while after < length:
            shape, dtype, start = self._read_header(after)
            self.headers.append((shape, dtype, start))
            after = align_offset(start + int(np.prod(shape)) * dtype.itemsize)

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


class Segment(ArrayFile):
    """A listed segment, open for reading."""

    def __init__(self, folder: Path, entry: SegmentEntry, files: FileSystem) -> None:
        super().__init__(folder / entry.file_name, entry.length, entry.checksums, files)
        self.entry = entry
        self.ids: Ids = self.array(0)
        self._is_sorted = bool((self.ids[1:] > self.ids[:-1]).all())
        self.vectors = CheckedVectors(self)

    def vectors_of(self, descriptor: Descriptor) -> Any:  # noqa: ANN401 - vectors (n, D), or lists of records
        """Vectors `(n, D)`, or variable-length records, as an index of this descriptor takes them."""
        return VariableLengthVectors(self, np.dtype(descriptor.dtype)) if descriptor.variable_length else self.vectors

    def find_position(self, image_id: int) -> int | None:
        """Position of an image's vector, or None."""
        if not len(self.ids):
            return None
        at = int(np.searchsorted(self.ids, image_id)) if self._is_sorted else int(np.argmax(self.ids == image_id))
        return at if at < len(self.ids) and int(self.ids[at]) == image_id else None

    def iter_vectors(self, kept: NDArray[np.bool_]) -> Iterator[NDArray[Any]]:
        """Yield the masked vectors, about a megabyte at a time; pages are released after each piece."""
        at = np.flatnonzero(kept)
        step = max(1, BLOCK_BYTES // max(1, self.vectors.vector_bytes))
        for start in range(0, len(at), step):
            yield self.vectors[at[start : start + step]]
            self.release_pages()

    def iter_blobs(self, mask: NDArray[np.bool_]) -> Iterator[bytes]:
        """Yield the masked blobs, a hundred at a time; pages are released after each piece."""
        spans = self.spans()[mask].tolist()
        for first in range(0, len(spans), 100):
            for start, stop in spans[first : first + 100]:
                self.check_range(start, stop)
            yield b"".join(self.data[start:stop] for start, stop in spans[first : first + 100])
            self.release_pages()

    def read_blob(self, position: int) -> bytes:
        """Return the bytes of one blob; only its blocks are checked."""
        start, stop = self._spans[position].tolist()
        self.check_range(start, stop)
        return bytes(self.data[start:stop])

    @cached_property
    def _spans(self) -> NDArray[np.int64]:
        return self.spans()

    def spans(self) -> NDArray[np.int64]:
        """Start and stop `(n, 2)` of each vector's bytes in the file."""
        shape, dtype, start = self.headers[1]
        if len(self.headers) == 2:
            width = int(np.prod(shape[1:])) * dtype.itemsize
            starts = start + width * np.arange(shape[0], dtype=np.int64)
            return np.stack([starts, starts + width], 1)
        ends = self.array(1) + self.headers[2][2]
        return np.stack([np.concatenate([[self.headers[2][2]], ends[:-1]]), ends], 1)


class CheckedVectors:
    """The vectors `(n, D)` of a segment, as an array that checks the blocks of each selection."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self.shape, self.dtype, self._start = segment.headers[1]
        self.ndim, self.itemsize = len(self.shape), self.dtype.itemsize
        self.vector_bytes = int(np.prod(self.shape[1:])) * self.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: slice | NDArray[np.intp]) -> NDArray[Any]:
        if isinstance(at, slice):
            start, stop, _ = at.indices(len(self))
            self._segment.check_range(
                self._start + self.vector_bytes * start, self._start + self.vector_bytes * max(start, stop)
            )
        else:
            places = np.flatnonzero(at) if at.dtype == bool else np.asarray(at, np.int64)
            firsts = self._start + self.vector_bytes * places
            touched = [
                (firsts + part) // BLOCK_BYTES
                for part in (*range(0, self.vector_bytes, BLOCK_BYTES), self.vector_bytes - 1)
            ]
            self._segment.check_blocks(np.unique(np.concatenate(touched)))
        rows: NDArray[Any] = self._segment.raw_array(1)[at]
        return rows


class VariableLengthVectors(Sequence[NDArray[Any]]):
    """The variable-length vectors of a segment as arrays of records; only the blocks of a selection are checked."""

    def __init__(self, segment: Segment, dtype: np.dtype[Any], places: NDArray[np.intp] | None = None) -> None:
        self._segment, self.dtype = segment, dtype
        self._places = np.arange(len(segment.ids)) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, at: slice | NDArray[Any]) -> VariableLengthVectors: ...
    def __getitem__(self, at: int | slice | NDArray[Any]) -> NDArray[Any] | VariableLengthVectors:
        if isinstance(at, int):
            return np.frombuffer(self._segment.read_blob(int(self._places[at])), self.dtype)
        return VariableLengthVectors(self._segment, self.dtype, self._places[at])


def align_offset(offset: int) -> int:
    """The next multiple of 64, where an array's header may start."""
    return -(-offset // 64) * 64
