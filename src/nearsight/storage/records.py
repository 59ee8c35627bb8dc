"""The rows of the catalogue, each as a value of its own, and what can be wrong with them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nearsight.errors import Reason


@dataclass(frozen=True)
class ImageRecord:
    """One indexed image. `path` is relative to the folder, with /, as the bytes the file system gave."""

    id: int
    path: bytes
    size: int
    mtime_ns: int
    seen_ns: int
    sha256: bytes
    width: int
    height: int
    format: str
    taken: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True)
class SkipRecord:
    """One file that is not in the collection, and why."""

    path: bytes
    size: int
    mtime_ns: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class SidecarRecord:
    """One file that says something of images, and how many names in it are of no image that is here."""

    path: bytes
    size: int
    mtime_ns: int
    seen_ns: int
    unknown: int


@dataclass(frozen=True)
class NoteRecord:
    """What a source says of the image at a path: a sidecar, or the image's own file. A tag a line."""

    image: bytes
    source: bytes
    caption: str
    tags: str


class LabelState(StrEnum):
    """Who stands behind a label: a model, somebody who said so, or somebody who said that it is wrong."""

    AUTOMATIC = "automatic"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class LabelRecord:
    """What the image at a path shows, in words, with the model that says so and how sure it is (0 to 1).

    `model` is empty where no model said it.
    """

    image: bytes
    label: str
    confidence: float
    model: str
    state: LabelState

    def as_dict(self) -> dict[str, Any]:
        """What is printed of it."""
        said = {"label": self.label, "confidence": self.confidence, "model": self.model}
        return {**said, "state": self.state.value}


@dataclass(frozen=True)
class SegmentEntry:
    """One immutable file of rows: its key, how many rows, its length, a CRC-32 for each 1 MiB block (uint32)."""

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
    """One immutable file of what an index has fitted (`fitted` 0), or keeps of rows by what `fitted` names."""

    id: int
    key: str
    trained_id: int
    length: int
    checksums: bytes

    @property
    def file_name(self) -> str:
        """The file's name in the indexes folder."""
        return f"{self.id:010d}.idx"


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it was written: where, and what."""

    where: str
    what: str


def record_crc(values: Iterable[Any]) -> int:
    """CRC-32 of a row's values."""
    return zlib.crc32(repr(tuple(values)).encode("utf8", "surrogatepass"))
