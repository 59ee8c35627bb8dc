"""A search base of two files: folders in one, names with their rows in the other.

A path is written once for each folder instead of once for each picture, and the second file is all that a search
reads but for the folders of the hits. Both begin with a line of JSON; then

- `NAME.paths`: for each folder `uint32` length, then its bytes (from the indexed folder on, with a slash at the end);
- `NAME.hashes`: for each picture `uint32` number of its folder, `uint16` length of its name, the name, its row.

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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError, FormatError, UsageError
from nearsight.files import Files, LocalFiles
from nearsight.images.decode import Limits
from nearsight.indexes.flat import Flat
from nearsight.pipeline import Plan, plan
from nearsight.search.query import query_pixels
from nearsight.types import NO_ID, Query

KIND = "nearsight two-file search base"
VERSION = 1


@dataclass(frozen=True)
class Sizes:
    """Bytes of the two files, and what one file with whole paths would take."""

    paths: int
    hashes: int
    one_file: int


@dataclass(frozen=True)
class Found:
    """One picture that was found: its path relative to the indexed folder, its similarity, its distance."""

    path: str
    score: float
    distance: float


def files_of(base: Path) -> tuple[Path, Path]:
    """The names of the two files."""
    return base.with_name(base.name + ".paths"), base.with_name(base.name + ".hashes")


def write(base: Path, wanted: Plan, rows: Iterable[tuple[bytes, NDArray[Any]]], files: Files) -> Sizes:
    """Write the rows `(D,)` of pictures by their paths; the sizes. Raises StorageError."""
    folders: dict[bytes, int] = {}
    records, count, one = bytearray(), 0, 0
    for path, row in rows:
        folder, name = os.path.split(path)
        number = folders.setdefault(folder + b"/" if folder else b"", len(folders))
        data = np.ascontiguousarray(row).tobytes()
        records += struct.pack("<IH", number, len(name)) + name + data
        count, one = count + 1, one + 4 + len(path) + len(data)
    listed = b"".join(struct.pack("<I", len(folder)) + folder for folder in folders)
    about = {
        "size": wanted.descriptor.size,
        "dtype": wanted.descriptor.dtype,
        "recipe": wanted.recipe,
        "key": wanted.key,
    }
    paths, hashes = files_of(base)
    first = _head({"folders": len(folders)}, listed)
    second = _head({"pictures": count, **about}, bytes(records))
    files.write_new(paths, [first, listed])
    files.write_new(hashes, [second, records])
    return Sizes(len(first) + len(listed), len(second) + len(records), len(second) + one)


class TwoFile:
    """An opened search base.

    Raises
    ------
    UsageError : there is none of that name
    FormatError : it is something else, or of a newer format
    DamagedError : it is not as it was written
    """

    def __init__(self, base: str | Path) -> None:
        paths, hashes = files_of(Path(base))
        first, listed = _opened(paths)
        about, records = _opened(hashes)
        self.folders = list(_folders(listed, int(first["folders"])))
        self.plan = plan(str(about["recipe"]))
        if self.plan.key != about["key"]:
            raise UsageError(
                f"{hashes} holds rows of {about['key']}; this nearsight makes {self.plan.key}: export it again"
            )
        self.paths, self.rows = self._read(records, int(about["pictures"]), hashes)

    def __len__(self) -> int:
        return len(self.paths)

    def search(self, picture: str | Path, k: int = 20) -> list[Found]:
        """The k nearest pictures, best first, by the metric of the recipe. Raises PictureError."""
        descriptor, metric = self.plan.descriptor, self.plan.metric
        pixels = query_pixels(Query(Path(picture)), LocalFiles(), Limits())(descriptor.side)
        index = Flat().empty(metric).add(np.arange(len(self), dtype=np.int64), self.rows)
        hits = index.search(descriptor.describe([pixels]), k)
        pairs = zip(hits.ids[0].tolist(), (0 - hits.scores[0]).tolist(), strict=True)
        return [self._found(ident, distance) for ident, distance in pairs if ident != NO_ID]

    def _found(self, ident: int, distance: float) -> Found:
        score = float(self.plan.metric.similarity(np.array([distance], np.float32))[0])
        return Found(os.fsdecode(self.paths[ident]), score, distance)

    def _read(self, records: memoryview, count: int, source: Path) -> tuple[list[bytes], NDArray[Any]]:
        descriptor = self.plan.descriptor
        width = descriptor.size * np.dtype(descriptor.dtype).itemsize
        paths, rows, at = list[bytes](), bytearray(), 0
        for _ in range(count):
            number, length = struct.unpack_from("<IH", records, at)
            at += 6
            paths.append(self.folders[number] + bytes(records[at : at + length]))
            at += length
            rows += records[at : at + width]
            at += width
        if at != len(records):
            raise DamagedError(f"{source} holds {len(records) - at} bytes too many")
        return paths, np.frombuffer(bytes(rows), descriptor.dtype).reshape(count, descriptor.size)


def _head(about: dict[str, Any], body: bytes) -> bytes:
    said = {"kind": KIND, "version": VERSION, **about, "crc": zlib.crc32(body)}
    return json.dumps(said).encode() + b"\n"


def _opened(path: Path) -> tuple[dict[str, Any], memoryview]:
    try:
        data = bytes(LocalFiles().map(path))
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
    if about["version"] > VERSION:
        raise FormatError(
            f"{path} has format {about['version']}; this nearsight reads up to {VERSION}: update nearsight"
        )
    if zlib.crc32(body) != about["crc"]:
        raise DamagedError(f"{path} is damaged: export it again")
    return about, memoryview(body)


def _folders(body: memoryview, count: int) -> Iterator[bytes]:
    at = 0
    for _ in range(count):
        (length,) = struct.unpack_from("<I", body, at)
        yield bytes(body[at + 4 : at + 4 + length])
        at += 4 + length
