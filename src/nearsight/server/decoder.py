"""Images of others, made into images of ours in isolated processes: no hostile byte is decoded in this one."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

import cv2
import numpy as np

from nearsight.errors import ImageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import Limits, decode_image
from nearsight.types import Image
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

ASKED_SIDE = 2048
"""The longest side of an image that is asked with: a box of it still has detail."""

SHOWN_SIDE = 1600
"""The longest side of an image that is shown."""

LOSSLESS_SIDE = 512
"""Up to this side an image that is asked with is kept losslessly: there JPEG would change its description."""

QUALITY = 95
WORKER = WorkerLimits(seconds=8.0, memory=768 << 20, recycle_after=200)


@dataclass(frozen=True)
class Source:
    """What to decode: bytes, or a file; and the longest side of what is made of it."""

    data: bytes = b""
    path: bytes | None = None
    side: int = ASKED_SIDE


@dataclass(frozen=True)
class Rendered:
    """An image made anew. `width` and `height` are those of the original, upright; `digest` is of its bytes."""

    digest: str
    width: int
    height: int
    encoded: bytes

    def pixels(self) -> Image:
        """`(H, W, 3)`; the encoded bytes are our own."""
        return thumbnail.decode(self.encoded)


@dataclass(frozen=True)
class Render:
    """The work of a decoding process."""

    limits: Limits
    files: FileSystem

    def prepare(self, source: Source) -> Rendered:
        """Read, decode, reduce, encode. ImageError with its reason where that is impossible."""
        data = source.data if source.path is None else self.files.read(source.path, self.limits.file)[0]
        image = decode_image(data, self.limits, full=True)
        pixels = image.render(source.side)
        make = _kept if source.side == ASKED_SIDE else thumbnail.encode
        return Rendered(digest(data), image.width, image.height, make(pixels))


class Decoder:
    """Isolated processes that render; as many requests at a time as there are processes, the others wait."""

    def __init__(self, processes: int, limits: Limits | None = None, worker: WorkerLimits = WORKER) -> None:
        self._job, self._limits = Render(limits or Limits(), LocalFileSystem()), worker
        self._idle: Queue[WorkerPool[Source, Rendered]] = Queue()
        for _ in range(processes):
            self._idle.put(self._pool())

    def render(self, source: Source) -> Rendered:
        """The image made anew. ImageError says why there is none, whatever the file did to the process."""
        pool = self._idle.get()
        try:
            [(_, outcome)] = pool.run([source])
        except BaseException:
            pool.close()
            pool = self._pool()
            raise
        finally:
            self._idle.put(pool)
        if isinstance(outcome, Failure):
            raise ImageError(outcome.reason, outcome.detail)
        return outcome

    def file(self, root: Path, path: bytes, side: int) -> Rendered:
        """The image of a file of the collection."""
        return self.render(Source(path=os.path.join(os.fsencode(root), path), side=side))

    def close(self) -> None:
        """End the idle processes; the others end with this process."""
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _pool(self) -> WorkerPool[Source, Rendered]:
        return WorkerPool(self._job, 1, self._limits)


def digest(data: bytes) -> str:
    """The name of an image by its content: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:32]


def shown(kept: Rendered, side: int) -> bytes:
    """A JPEG of a kept image, for the page."""
    image = kept.pixels()
    scale = side / max(image.shape[:2])
    if scale < 1:
        size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return thumbnail.encode(image)


def _kept(image: Image) -> bytes:
    small = max(image.shape[:2]) <= LOSSLESS_SIDE
    form, options = (".png", []) if small else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    done, encoded = cv2.imencode(form, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert done
    return encoded.tobytes()
