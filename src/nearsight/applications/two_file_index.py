"""A search base of two files: folders in one, names with their rows in the other.

A path is written once for each folder instead of once for each image, and the second file is all that a search
reads but for the folders of the hits. Both begin with a line of JSON; then

- `NAME.paths`: for each folder `uint32` length, then its bytes (from the indexed folder on, with a slash at the end);
- `NAME.hashes`: for each image `uint32` number of its folder, `uint16` length of its name, the name, its row.

Whole numbers are little-endian. The line of JSON tells the recipe, the key of its rows, their count, width and dtype,
and a CRC-32 of all that follows.

References
----------
The layout is that of a search base for scanned books: one file of paths, one of names, references and hashes.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError, FormatError, UsageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images.decode import open_image
from nearsight.indexes.flat import Flat, FlatSearcher
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.types import NO_ID, ImageSource
from nearsight.wording import plural

KIND = "nearsight two-file search base"
VERSION = 1


@dataclass(frozen=True)
class TwoFileSizes:
    """Bytes of the two files, and what one file with whole paths would take."""

    paths: int
    hashes: int
    one_file: int


@dataclass(frozen=True)
class TwoFileHit:
    """One image that was found: its path relative to the indexed folder, its similarity, its distance."""

    path: str
    score: float
    distance: float


def two_file_paths(base: Path) -> tuple[Path, Path]:
    """The names of the two files."""
    return base.with_name(base.name + ".paths"), base.with_name(base.name + ".hashes")


def write_two_file(
    base: Path, pipeline: Pipeline, vectors: Iterable[tuple[bytes, NDArray[Any]]], files: FileSystem
) -> TwoFileSizes:
    """Write the rows `(D,)` of images by their paths; the sizes.

    Raises
    ------
    UsageError : the pipeline is trained, and the files cannot hold what it learned
    StorageError : the disk refused
    """
    if not pipeline.is_trained:
        raise UsageError(
            f"{pipeline.name} is trained on its collection, which a two-file index does not hold; "
            "name a recipe of a descriptor and an index"
        )
    folders: dict[bytes, int] = {}
    records, count, one = bytearray(), 0, 0
    for path, row in vectors:
        folder, name = os.path.split(path)
        number = folders.setdefault(folder + b"/" if folder else b"", len(folders))
        data = np.ascontiguousarray(row).tobytes()
        records += struct.pack("<IH", number, len(name)) + name + data
        count, one = count + 1, one + 4 + len(path) + len(data)
    listed = b"".join(struct.pack("<I", len(folder)) + folder for folder in folders)
    about = {
        "size": pipeline.descriptor.size,
        "dtype": pipeline.descriptor.dtype,
        "recipe": pipeline.recipe,
        "key": pipeline.key,
    }
    paths, hashes = two_file_paths(base)
    first = _two_file_header({"folders": len(folders)}, listed)
    second = _two_file_header({"pictures": count, **about}, bytes(records))
    files.write_new(paths, [first, listed])
    files.write_new(hashes, [second, records])
    return TwoFileSizes(len(first) + len(listed), len(second) + len(records), len(second) + one)


class TwoFileIndex:
    """An opened search base.

    Raises
    ------
    UsageError : there is none of that name
    FormatError : it is something else, or of a newer format
    DamagedError : it is not as it was written
    """

    def __init__(self, base: str | Path) -> None:
        paths, hashes = two_file_paths(Path(base))
        first, listed = _read_index_file(paths, {"folders": int})
        about, records = _read_index_file(hashes, {"pictures": int, "recipe": str, "key": str})
        self.pipeline = build_pipeline(about["recipe"])
        if self.pipeline.key != about["key"]:
            raise UsageError(
                f"{hashes} holds rows of {about['key']}; this nearsight makes {self.pipeline.key}: export it again"
            )
        try:
            self.folders = list(_parse_two_file_folders(listed, first["folders"]))
            self.paths, self.vectors = self._parse_records(records, about["pictures"], hashes)
        except (struct.error, IndexError, ValueError) as problem:
            raise DamagedError(f"{paths} and {hashes} do not agree ({problem}): export them again") from problem

    def __len__(self) -> int:
        return len(self.paths)

    def search(self, image: ImageSource, k: int = 20) -> list[TwoFileHit]:
        """The k nearest images, best first, by the metric of the recipe. Raises ImageError."""
        descriptor = self.pipeline.descriptor
        pixels = open_image(image).render(descriptor.side)
        hits = self._index.search(descriptor.describe([pixels]), k)
        pairs = zip(hits.ids[0].tolist(), (0 - hits.scores[0]).tolist(), strict=True)
        return [self._to_hit(ident, distance) for ident, distance in pairs if ident != NO_ID]

    @cached_property
    def _index(self) -> FlatSearcher:
        return Flat().empty(self.pipeline.metric).add(np.arange(len(self), dtype=np.int64), self.vectors)

    def _to_hit(self, index: int, distance: float) -> TwoFileHit:
        score = float(self.pipeline.metric.similarity(np.array([distance], np.float32))[0])
        return TwoFileHit(os.fsdecode(self.paths[index]), score, distance)

    def _parse_records(self, records: memoryview, n_records: int, source: Path) -> tuple[list[bytes], NDArray[Any]]:
        descriptor = self.pipeline.descriptor
        width = descriptor.size * np.dtype(descriptor.dtype).itemsize
        paths, rows, at = list[bytes](), bytearray(), 0
        for _ in range(n_records):
            number, length = struct.unpack_from("<IH", records, at)
            at += 6
            paths.append(self.folders[number] + bytes(records[at : at + length]))
            at += length
            rows += records[at : at + width]
            at += width
        if at != len(records):
            raise DamagedError(f"{source} holds {plural(len(records) - at, 'byte')} too many")
        return paths, np.frombuffer(bytes(rows), descriptor.dtype).reshape(n_records, descriptor.size)


def _two_file_header(fields: dict[str, Any], body: bytes) -> bytes:
    header = {"kind": KIND, "version": VERSION, **fields, "crc": zlib.crc32(body)}
    return json.dumps(header).encode() + b"\n"


def _read_index_file(path: Path, fields: dict[str, type]) -> tuple[dict[str, Any], memoryview]:
    """The header, which has these fields, and the body."""
    try:
        data = bytes(LocalFileSystem().map(path))
    except FileNotFoundError:
        raise UsageError(f"there is no {path}; write one: nearsight export --format two-file --out NAME") from None
    line, _, body = data.partition(b"\n")
    try:
        about = json.loads(line)
        known = about["kind"] == KIND
    except (ValueError, KeyError, TypeError):
        known = False
    if not known:
        raise FormatError(f"{path} is no file of a {KIND}")
    _require_header_fields(path, about, {"version": int})
    if about["version"] > VERSION:
        raise FormatError(
            f"{path} has format {about['version']}; this nearsight reads up to {VERSION}: update nearsight"
        )
    _require_header_fields(path, about, {"crc": int, **fields})
    if zlib.crc32(body) != about["crc"]:
        raise DamagedError(f"{path} is damaged: export it again")
    return about, memoryview(body)


def _require_header_fields(path: Path, header: dict[str, Any], fields: dict[str, type]) -> None:
    wrong = [name for name, kind in fields.items() if type(header.get(name)) is not kind]
    if wrong:
        raise FormatError(f"{path} is no file of a {KIND}: its first line lacks {', '.join(wrong)}; export it again")


def _parse_two_file_folders(body: memoryview, n_folders: int) -> Iterator[bytes]:
    at = 0
    for _ in range(n_folders):
        (length,) = struct.unpack_from("<I", body, at)
        yield bytes(body[at + 4 : at + 4 + length])
        at += 4 + length
