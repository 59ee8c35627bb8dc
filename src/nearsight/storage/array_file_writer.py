"""Files of arrays, for writing: segments and caches, a piece at a time, with the checksums for the catalogue."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.files import FileSystem
from nearsight.storage.array_file import BLOCK_BYTES, Segment, SegmentEntry, align_offset
from nearsight.types import Ids


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
        stream.write(bytes(align_offset(at) - at))
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
