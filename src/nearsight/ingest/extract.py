"""The work of an ingest worker: read a file, decode it once, compute its vectors for every recipe."""

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
from nearsight.images.decode import DecodedImage, Limits, decode_image
from nearsight.images.deep_colour import has_deep_samples
from nearsight.images.pages import choose_pages, locate_page, page_digest
from nearsight.metadata.read_metadata import Metadata, drop_own_name
from nearsight.types import Descriptor, Image

THUMBNAIL_NUMBER = -1
"""Stands for the thumbnail among the numbers of missing vectors."""
DETAIL_NUMBER = -2
"""Stands among them for what the file says of itself, which collections of older formats lack in part."""
MAX_INODE = (1 << 63) - 1
"""What of an inode's number is kept: SQLite's integers have a sign."""


@dataclass(frozen=True)
class Task:
    """One file to read; `image_id` is its image where it has one, `lacking` the numbers of the rows it needs."""

    path: bytes
    size: int
    mtime_ns: int
    image_id: int | None
    known_sha256: bytes | None
    missing: tuple[int, ...]


@dataclass(frozen=True)
class ReadResult:
    """The result of one file: everything that is stored of an image, and the pixels for its vectors."""

    task: Task
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    seen_ns: int
    sha256: bytes
    is_unchanged: bool
    width: int = 0
    height: int = 0
    format: str = ""
    page: int = 1
    n_pages: int = 1
    pages: tuple[int, ...] | None = None
    """The numbers of those that are worth being images; None where that was not asked."""
    read_share: float = 1.0
    metadata: Metadata | None = None
    thumbnail: bytes = b""
    pixels: dict[int, Image] = field(default_factory=dict)
    vectors: dict[int, NDArray[Any]] = field(default_factory=dict)

    @property
    def has_new_thumbnail(self) -> bool:
        """Whether its thumbnail must be stored."""
        return bool(self.thumbnail) and (not self.is_unchanged or THUMBNAIL_NUMBER in self.task.missing)

    @property
    def has_new_metadata(self) -> bool:
        """Whether what the file says of itself must be stored."""
        return self.metadata is not None and (not self.is_unchanged or DETAIL_NUMBER in self.task.missing)


@dataclass(frozen=True)
class DescribeJob:
    """Read and decode one file, then describe a batch. One decode serves all descriptors."""

    root: bytes
    descriptors: tuple[Descriptor, ...]
    limits: Limits
    files: FileSystem
    clock: Clock

    def start(self) -> None:
        """Load the models in a new worker, before its memory is limited."""
        for descriptor in self.descriptors:
            descriptor.load()

    def prepare(self, task: Task) -> ReadResult:
        """Read and decode one file; ImageError says why it cannot be decoded."""
        now = int(self.clock.now() * 1e9)
        path, page = locate_page(os.path.join(self.root, task.path), self.files)
        data, stat = self.files.read(path, self.limits.file)
        digest = page_digest(hashlib.sha256(data).digest(), page)
        inode = stat.st_ino & MAX_INODE
        state = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, inode)
        read = ReadResult(task, *state, now, digest, digest == task.known_sha256)
        if read.is_unchanged and not task.missing:
            return read
        image = decode_image(data, self.limits, page=page, metadata=True)
        if read.is_unchanged and DETAIL_NUMBER in task.missing and has_deep_samples(data, image.format):
            read = replace(read, is_unchanged=False)  # versions before read their samples in another way
        sides = {descriptor.side for n, descriptor in enumerate(self.descriptors) if self._wants(read, n)}
        pixels = {side: image.render(side) for side in sides | {thumbnail.SIDE}}
        return replace(
            read,
            width=image.width,
            height=image.height,
            format=image.format,
            page=image.page,
            n_pages=image.n_pages,
            pages=self._choose_pages(data, image, read),
            read_share=image.read_share,
            metadata=self._name_metadata(image, path),
            thumbnail=thumbnail.encode(pixels[thumbnail.SIDE]),
            pixels={side: pixels[side] for side in sides},
        )

    def _name_metadata(self, image: DecodedImage, path: bytes) -> Metadata | None:
        """What the file says of itself; its own name is no caption."""
        name = os.fsdecode(os.path.basename(path))
        return None if image.metadata is None else drop_own_name(image.metadata, name)

    def _choose_pages(self, data: bytes, image: DecodedImage, read: ReadResult) -> tuple[int, ...] | None:
        """The pages of a file that are worth being images, where the file is new, changed, or was never asked."""
        if image.page != 1 or (read.is_unchanged and DETAIL_NUMBER not in read.task.missing):
            return None
        return choose_pages(data, self.limits) if image.n_pages > 1 else (1,)

    def finish(self, reads: list[ReadResult]) -> list[ReadResult]:
        """Describe a batch, with one call for each descriptor."""
        rows: list[dict[int, NDArray[Any]]] = [{} for _ in reads]
        made: dict[Any, dict[int, Any]] = {}
        for number, descriptor in enumerate(self.descriptors):
            wanting = [i for i, read in enumerate(reads) if read.pixels and self._wants(read, number)]
            for i, row in zip(wanting, self._compute_vectors(descriptor, reads, wanting, made), strict=True):
                rows[i][number] = row
        return [replace(read, pixels={}, vectors=made) for read, made in zip(reads, rows, strict=True)]

    def _compute_vectors(
        self, descriptor: Descriptor, reads: list[ReadResult], wanting: list[int], made: dict[Any, dict[int, Any]]
    ) -> Any:  # noqa: ANN401 - rows (n, D), or lists of records
        """Compute the vectors of the images that need them; chains share the output of a common base in `made`."""
        if not isinstance(descriptor, DescriptorChain):
            return descriptor.describe([reads[i].pixels[descriptor.side] for i in wanting])
        shared = made.setdefault(descriptor.base, {})
        new = [i for i in wanting if i not in shared]
        shared |= zip(new, describe_base(descriptor.base, [reads[i].pixels[descriptor.side] for i in new]), strict=True)
        return descriptor.encode([shared[i] for i in wanting]) if wanting else []

    def _wants(self, read: ReadResult, number: int) -> bool:
        return not read.is_unchanged or number in read.task.missing
