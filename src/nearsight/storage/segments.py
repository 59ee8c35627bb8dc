"""Segments: immutable files of vectors, listed in the catalogue.

A segment is a file of arrays (`array_file`): the ids, rising, then the vectors `(n, D)`. Vectors of variable length and
thumbnails are stored as the ids, the ends of the blobs, then their bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from nearsight.files import FileSystem
from nearsight.storage.array_file import BLOCK_BYTES, ArrayFile, ArrayStream, SegmentEntry, write_arrays
from nearsight.types import Ids

SEGMENTS_FOLDER = "segments"
THUMBNAILS = "thumbnails"
"""The key of the segments that hold thumbnails."""


class Segment(ArrayFile):
    """A listed segment, open for reading."""

    def __init__(self, folder: Path, entry: SegmentEntry, files: FileSystem) -> None:
        super().__init__(folder / entry.file_name, entry.length, entry.checksums, files)
        self.entry = entry
        self.ids: Ids = self.array(0)
        self._is_sorted = bool((self.ids[1:] > self.ids[:-1]).all())
        self.vectors = CheckedVectors(self)

    def records(self, dtype: np.dtype[Any]) -> VariableLengthVectors:
        """Return the variable-length vectors as arrays of records."""
        return VariableLengthVectors(self, dtype)

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


def write_vectors(
    folder: Path, segment_id: int, key: str, ids: Ids, vectors: NDArray[Any], files: FileSystem
) -> SegmentEntry:
    """Write vectors `(n, D)` durably, in the order of their ids; return the entry for the catalogue."""
    order = np.argsort(ids, kind="stable")
    return _write_segment(folder, segment_id, key, [ids[order], vectors[order]], files)


def merge_segments(
    folder: Path, segment_id: int, group: Sequence[Segment], masks: Sequence[NDArray[np.bool_]], files: FileSystem
) -> SegmentEntry:
    """Merge the masked vectors of several segments of one key, a piece at a time."""
    pairs = list(zip(group, masks, strict=True))
    key, ids = group[0].entry.key, np.concatenate([each.ids[kept] for each, kept in pairs])
    if len(group[0].headers) == 3:
        lengths = np.concatenate([np.diff(each.spans()[kept], axis=1).ravel() for each, kept in pairs])
        blobs = (piece for each, kept in pairs for piece in each.iter_blobs(kept))
        return _write_segment(
            folder,
            segment_id,
            key,
            [ids, np.cumsum(lengths), ArrayStream((int(lengths.sum()),), np.dtype(np.uint8), blobs)],
            files,
        )
    first = group[0].vectors
    pieces = (piece for each, kept in pairs for piece in each.iter_vectors(kept))
    return _write_segment(
        folder, segment_id, key, [ids, ArrayStream((len(ids), *first.shape[1:]), first.dtype, pieces)], files
    )


def write_blobs(
    folder: Path, segment_id: int, key: str, ids: Ids, blobs: Sequence[bytes], files: FileSystem
) -> SegmentEntry:
    """Write blobs durably, in the order of their ids; return the entry for the catalogue."""
    order = np.argsort(ids, kind="stable")
    sorted_blobs = [blobs[at] for at in order.tolist()]
    ends = np.cumsum([len(blob) for blob in sorted_blobs], dtype=np.int64)
    return _write_segment(
        folder, segment_id, key, [ids[order], ends, np.frombuffer(b"".join(sorted_blobs), np.uint8)], files
    )


def _write_segment(
    folder: Path, segment_id: int, key: str, arrays: Sequence[NDArray[Any] | ArrayStream], files: FileSystem
) -> SegmentEntry:
    unwritten = SegmentEntry(segment_id, key, arrays[0].shape[0], 0, b"")
    length, sums = write_arrays(folder / unwritten.file_name, arrays, files)
    return replace(unwritten, length=length, checksums=sums)
