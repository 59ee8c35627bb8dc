"""What a worker does with one file: read, decode once, describe by every recipe."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from nearsight.clock import Clock
from nearsight.descriptor_chain import DescriptorChain, describe_base
from nearsight.files import FileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import Limits, decode_image
from nearsight.images.metadata import Metadata
from nearsight.types import Descriptor, Image

THUMBNAIL_ROW = -1
"""Stands among the numbers of the lacking rows for the thumbnail."""


@dataclass(frozen=True)
class Task:
    """One file to read; `ident` is its image where it has one, `lacking` the numbers of the rows it needs."""

    path: bytes
    size: int
    mtime_ns: int
    ident: int | None
    known: bytes | None
    lacking: tuple[int, ...]


@dataclass(frozen=True)
class Read:
    """What one decode gave: everything that is stored of an image, and the pixels that its rows are made of."""

    task: Task
    size: int
    mtime_ns: int
    seen_ns: int
    sha256: bytes
    same: bool
    width: int = 0
    height: int = 0
    format: str = ""
    metadata: Metadata | None = None
    thumbnail: bytes = b""
    pixels: dict[int, Image] = field(default_factory=dict)
    rows: dict[int, NDArray[Any]] = field(default_factory=dict)

    @property
    def brings_thumbnail(self) -> bool:
        """Whether its thumbnail is to be stored."""
        return bool(self.thumbnail) and (not self.same or THUMBNAIL_ROW in self.task.lacking)


@dataclass(frozen=True)
class Describe:
    """The work of a worker: read and decode one file, then describe a batch. One decode feeds all descriptors."""

    root: bytes
    descriptors: tuple[Descriptor, ...]
    limits: Limits
    files: FileSystem
    clock: Clock

    def start(self) -> None:
        """Load the models, in a new worker, before its memory is limited."""
        for descriptor in self.descriptors:
            descriptor.load()

    def prepare(self, task: Task) -> Read:
        """Read and decode one file; ImageError with its reason where that is impossible."""
        now = int(self.clock.now() * 1e9)
        data, stat = self.files.read(os.path.join(self.root, task.path), self.limits.file)
        digest = hashlib.sha256(data).digest()
        read = Read(task, stat.st_size, stat.st_mtime_ns, now, digest, digest == task.known)
        if read.same and not task.lacking:
            return read
        image = decode_image(data, self.limits, metadata=True)
        sides = {descriptor.side for n, descriptor in enumerate(self.descriptors) if self._wants(read, n)}
        pixels = {side: image.render(side) for side in sides | {thumbnail.SIDE}}
        return replace(
            read,
            width=image.width,
            height=image.height,
            format=image.format,
            metadata=image.metadata,
            thumbnail=thumbnail.encode(pixels[thumbnail.SIDE]),
            pixels={side: pixels[side] for side in sides},
        )

    def finish(self, reads: list[Read]) -> list[Read]:
        """Describe a batch, one call for each descriptor."""
        rows: list[dict[int, NDArray[Any]]] = [{} for _ in reads]
        made: dict[Any, dict[int, Any]] = {}
        for number, descriptor in enumerate(self.descriptors):
            wanting = [i for i, read in enumerate(reads) if read.pixels and self._wants(read, number)]
            for i, row in zip(wanting, self._described(descriptor, reads, wanting, made), strict=True):
                rows[i][number] = row
        return [replace(read, pixels={}, rows=made) for read, made in zip(reads, rows, strict=True)]

    def _described(
        self, descriptor: Descriptor, reads: list[Read], wanting: list[int], made: dict[Any, dict[int, Any]]
    ) -> Any:  # noqa: ANN401 - rows (n, D), or lists of records
        """The rows of those that want them; what the first steps have `made` is shared by the chains behind them."""
        if not isinstance(descriptor, DescriptorChain):
            return descriptor.describe([reads[i].pixels[descriptor.side] for i in wanting])
        shared = made.setdefault(descriptor.base, {})
        new = [i for i in wanting if i not in shared]
        shared |= zip(new, describe_base(descriptor.base, [reads[i].pixels[descriptor.side] for i in new]), strict=True)
        return descriptor.encode([shared[i] for i in wanting]) if wanting else []

    def _wants(self, read: Read, number: int) -> bool:
        return not read.same or number in read.task.lacking
