"""Decoding of untrusted images in isolated processes, and their re-encoding."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from queue import Empty, Queue

import cv2
import numpy as np

from nearsight.errors import ImageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import Limits, decode_image
from nearsight.images.pages import locate_page
from nearsight.types import Image
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

QUERY_SIDE = 2048
"""The longest side of a query image: a box of it still has detail."""

DISPLAY_SIDE = 1600
"""The longest side of a displayed image."""

LOSSLESS_SIDE = 512
"""Query images up to this side are kept losslessly: JPEG would change their vectors."""

QUALITY = 95
PNG_COMPRESSION = 1
WORKER = WorkerLimits(seconds=8.0, memory=768 << 20, recycle_after=200)


@dataclass(frozen=True)
class Source:
    """What to decode: bytes or a file; the longest side of the result, and whether its pixels are kept exactly.

    A side of 0 asks for the digest of all pixels and nothing else.
    """

    data: bytes = b""
    path: bytes | None = None
    side: int = QUERY_SIDE
    lossless: bool = False


@dataclass(frozen=True)
class RenderedImage:
    """A re-encoded image. `width` and `height` are those of the upright original.

    `sha256` is of its file, `pixel_digest` of all its pixels.
    """

    digest: str
    width: int
    height: int
    encoded: bytes
    sha256: bytes | None = None
    pixel_digest: bytes | None = None

    def pixels(self) -> Image:
        """Decode to `(H, W, 3)`; safe here, because the bytes were encoded by us."""
        return thumbnail.decode(self.encoded)


@dataclass(frozen=True)
class RenderJob:
    """The job of a decoding process."""

    limits: Limits
    files: FileSystem

    def prepare(self, source: Source) -> RenderedImage:
        """Read, decode, reduce and encode. ImageError with its reason if that fails."""
        data, page = source.data, 1
        if source.path is not None:
            path, page = locate_page(source.path, self.files)
            data = self.files.read(path, self.limits.file)[0]
        image = decode_image(data, self.limits, page=page, full=True)
        if not source.side:
            return RenderedImage("", image.width, image.height, b"", pixel_digest=image.pixel_digest())
        pixels = image.render(source.side)
        encode = _encode_decoded_query if source.side == QUERY_SIDE else thumbnail.encode
        encoded = _encode_losslessly(pixels) if source.lossless else encode(pixels)
        return RenderedImage(
            decoded_content_digest(data), image.width, image.height, encoded, _sha256(data), image.pixel_digest()
        )


class Decoder:
    """A pool of isolated processes, one image at a time each; further requests wait."""

    def __init__(self, processes: int, limits: Limits | None = None, worker: WorkerLimits = WORKER) -> None:
        self._job, self._limits = RenderJob(limits or Limits(), LocalFileSystem()), worker
        self._idle: Queue[WorkerPool[Source, RenderedImage]] = Queue()
        for _ in range(processes):
            self._idle.put(self._create_pool())

    def render(self, source: Source) -> RenderedImage:
        """Decode and re-encode an image. ImageError if it fails, crashes or exceeds a limit."""
        pool = self._idle.get()
        try:
            [(_, outcome)] = pool.run([source])
        except BaseException:
            pool.close()
            pool = self._create_pool()
            raise
        finally:
            self._idle.put(pool)
        if isinstance(outcome, Failure):
            raise ImageError(outcome.reason, outcome.detail)
        return outcome

    def render_file(self, path: bytes, side: int) -> RenderedImage:
        """Decode and re-encode a file of the collection."""
        return self.render(Source(path=path, side=side))

    def decode_file(self, path: bytes, side: int) -> Image:
        """Decode a file to its exact pixels at a longest side. ImageError if it fails."""
        return self.render(Source(path=path, side=side, lossless=True)).pixels()

    def digest_pixels(self, path: bytes) -> bytes | None:
        """The digest of all pixels of a file. ImageError if it cannot be decoded."""
        return self.render(Source(path=path, side=0)).pixel_digest

    def close(self) -> None:
        """Stop the idle processes; busy ones end with this process."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _create_pool(self) -> WorkerPool[Source, RenderedImage]:
        return WorkerPool(self._job, 1, self._limits)


def decoded_content_digest(data: bytes) -> str:
    """Return the id of an upload: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]


def decode_and_resize(rendered: RenderedImage, side: int) -> bytes:
    """Return a JPEG of at most `side` pixels, for display."""
    image = rendered.pixels()
    scale = side / max(image.shape[:2])
    if scale < 1:
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return thumbnail.encode(image)


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _encode_losslessly(image: Image) -> bytes:
    success, encoded = cv2.imencode(
        ".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION]
    )
    assert success
    return encoded.tobytes()


def _encode_decoded_query(image: Image) -> bytes:
    small = max(image.shape[:2]) <= LOSSLESS_SIDE
    extension, options = (".png", []) if small else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    success, encoded = cv2.imencode(extension, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert success
    return encoded.tobytes()
