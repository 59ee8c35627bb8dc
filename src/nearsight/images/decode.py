"""One file's bytes as an upright sRGB image, at any size that is asked for.

The file is decoded once, to a *base* whose longest side is at least 1024 where the file has that much: a JPEG at its
own fractions (1/2, 1/4, 1/8), anything else by averaging squares of pixels. Every size is made from the base, so the
pixels of one size never depend on which others were asked for.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageFile

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images.colour import Pixels, choose_ground, reduce_image, to_srgb
from nearsight.images.pillow import as_image_errors
from nearsight.images.validate import BASE, DEFAULT_LIMITS, Header, Limits, validate_and_open
from nearsight.types import Box, Image

if TYPE_CHECKING:
    from nearsight.images.metadata import Metadata

__all__ = [
    "DecodedImage",
    "FileDecoder",
    "InProcessDecoder",
    "Limits",
    "decode_image",
    "naming",
    "open_image",
    "wrap_pixels",
]

_ORIENTATION = 0x112

NAMELESS = "the query image"
"""What messages call bytes and pixels, which have no name."""

# How each EXIF orientation is undone: swap the axes, then mirror x, then mirror y.
_ORIENTATIONS = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """A decoded image. `width` and `height` are those of the upright image at full size.

    `metadata` is what the file says of itself, None where it was not asked for.
    """

    width: int
    height: int
    format: str
    metadata: Metadata | None
    base: Pixels
    """`(h, w, C) uint8` as the file stores it: not yet upright, in the colours of `mode`."""
    mode: str
    profile: bytes | None
    orientation: int

    def render(self, side: int, box: Box | None = None) -> Image:
        """The image, or a box of it, with a longest side of at most `side` pixels; never enlarged.

        1. Cut the box out of the base.
        2. Average areas down to the size, where the base is larger.
        3. Alpha over white, over black where nothing would be seen on white; colours to sRGB by the profile; upright.

        Parameters
        ----------
        side : pixels, at least 1
        box : `(x0, y0, x1, y1)` in pixels of the upright full-size image; parts of pixels count as whole ones

        Returns
        -------
        `(H, W, 3) uint8`, in one piece of memory

        Raises
        ------
        UsageError : the box is empty, or not within the image; or `side` is less than 1
        """
        if side < 1:
            raise UsageError(f"an image has a side of at least 1 pixel; got {side}")
        with as_image_errors(Reason.CORRUPT):
            pixels = self._to_srgb(_downscale_decoded(self._crop_base(box), side))
            return _make_upright(pixels, self.orientation)

    def pixel_digest(self) -> bytes | None:
        """The SHA-256 of all pixels, upright, in sRGB, with their alpha; None where the base has fewer than the file.

        A file that was not decoded with `full` may have fewer.
        """
        height, width = self.base.shape[:2]
        if (height, width) != ((self.width, self.height) if self._sideways else (self.height, self.width)):
            return None
        with as_image_errors(Reason.CORRUPT):
            pixels = _make_upright(self._to_srgb(self.base), self.orientation)
            digest = hashlib.sha256(f"{self.width} x {self.height}".encode())
            digest.update(pixels.tobytes())
            if self.mode == "RGBa" and self.base[..., 3].min() < 255:
                digest.update(_make_upright(self.base, self.orientation).tobytes())
        return digest.digest()

    @cached_property
    def _ground(self) -> int:
        return choose_ground(self.base, self.mode)

    @property
    def _sideways(self) -> bool:
        return _ORIENTATIONS[self.orientation][0]

    def _to_srgb(self, pixels: Pixels) -> Image:
        return to_srgb(pixels, self.mode, self.profile, self._ground)

    def _crop_base(self, box: Box | None) -> Pixels:
        if box is None:
            return self.base
        self._validate_box(box)
        x0, y0, x1, y1 = self._to_stored_box(box)
        stored = (self.height, self.width) if self._sideways else (self.width, self.height)
        height, width = self.base.shape[:2]
        left, right = _pixel_interval(x0 * width / stored[0], x1 * width / stored[0], width)
        top, bottom = _pixel_interval(y0 * height / stored[1], y1 * height / stored[1], height)
        return self.base[top:bottom, left:right]

    def _validate_box(self, box: Box) -> None:
        x0, y0, x1, y1 = box
        # a box drawn by hand or rounded may end a pixel too far
        if not (-1 <= x0 < x1 <= self.width + 1 and -1 <= y0 < y1 <= self.height + 1):
            raise UsageError(
                f"a box is x0,y0,x1,y1 within the image of {self.width} x {self.height} pixels, "
                f"with x0 < x1 and y0 < y1; got {','.join(f'{value:g}' for value in box)}"
            )

    def _to_stored_box(self, box: Box) -> Box:
        x0, y0, x1, y1 = box
        swap, mirror_x, mirror_y = _ORIENTATIONS[self.orientation]
        if mirror_x:
            x0, x1 = self.width - x1, self.width - x0
        if mirror_y:
            y0, y1 = self.height - y1, self.height - y0
        return (y0, x0, y1, x1) if swap else (x0, y0, x1, y1)


def decode_image(
    data: bytes, limits: Limits = DEFAULT_LIMITS, *, full: bool = False, metadata: bool = False
) -> DecodedImage:
    """The first frame of an image file.

    Parameters
    ----------
    full : keep all pixels, as far as `limits` allows: for boxes
    metadata : read what the file says of itself too, such as when and where it was taken; a query needs none of it

    Raises
    ------
    ImageError : whatever is wrong with the file, with its reason; no other exception but KeyboardInterrupt
    """
    with validate_and_open(data, limits, full=full) as (image, header), as_image_errors(Reason.CORRUPT):
        before = (
            _decoded_metadata(image, data) if metadata and header.format == "TIFF" else None
        )  # load closes its file
        base, mode = _decode_base(image, header)
        about = before or (
            _decoded_metadata(image, data) if metadata else None
        )  # a PNG's EXIF may come after its pixels
        orientation = _read_orientation(image)
        profile = image.info.get("icc_profile")
    if header.format in ("TIFF", "HEIF"):
        orientation = 1  # turned upright by the decoder
    width, height = image.size if header.format == "TIFF" else (header.width, header.height)
    if _ORIENTATIONS[orientation][0]:
        width, height = height, width
    return DecodedImage(
        width, height, header.format, about, base, mode, profile if isinstance(profile, bytes) else None, orientation
    )


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Give image errors of the block this name."""
    try:
        yield
    except ImageError as problem:
        raise ImageError(problem.reason, problem.detail, name) from problem


def open_image(
    image: str | Path | bytes | Image,
    *,
    full: bool = False,
    name: str = NAMELESS,
    files: FileSystem | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> DecodedImage:
    """An image file, its bytes, or pixels `(H, W, 3) uint8`, decoded.

    Parameters
    ----------
    full : keep all pixels, as far as `limits` allows: for boxes
    name : what messages call bytes and pixels, which have no name; a file is called by its path

    Raises
    ------
    ImageError : it cannot be read
    UsageError : the pixels are not those of an image
    """
    if isinstance(image, np.ndarray):
        return wrap_pixels(image, name)
    with naming(name if isinstance(image, bytes) else str(image)):
        if not isinstance(image, bytes):
            image = (files or LocalFileSystem()).read(os.path.realpath(os.fsencode(image)), limits.file)[0]
        return decode_image(image, limits, full=full)


def wrap_pixels(image: Image, name: str = "an image") -> DecodedImage:
    """Pixels `(H, W, 3) uint8` that are there already, as an image. Raises UsageError on anything else."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise UsageError(f"{name} is (H, W, 3) uint8, at least 1 x 1; got {image.shape} {image.dtype}")
    height, width = image.shape[:2]
    return DecodedImage(width, height, "array", None, image, "RGB", None, 1)


class FileDecoder(Protocol):
    """Opens image files by their paths. ImageError where one cannot be decoded, OSError where it is not there."""

    def decode_file(self, path: bytes, side: int) -> Image:
        """The image at a longest side."""
        ...

    def digest_pixels(self, path: bytes) -> bytes | None:
        """What `DecodedImage.pixel_digest` says of the whole image."""
        ...


@dataclass(frozen=True)
class InProcessDecoder:
    """Opens image files in this process."""

    files: FileSystem

    def decode_file(self, path: bytes, side: int) -> Image:
        """The image at a longest side."""
        return self._open(path, full=side > BASE).render(side)

    def digest_pixels(self, path: bytes) -> bytes | None:
        """The digest of all pixels."""
        return self._open(path, full=True).pixel_digest()

    def _open(self, path: bytes, *, full: bool) -> DecodedImage:
        return open_image(Path(os.fsdecode(path)), full=full, files=self.files)


def _decoded_metadata(image: Pillow.Image, data: bytes) -> Metadata:
    from nearsight.images.metadata import read_metadata

    return read_metadata(image, data)


def _read_orientation(image: Pillow.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except MemoryError:
        raise
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and orientation in _ORIENTATIONS else 1


def _decode_base(image: ImageFile.ImageFile, header: Header) -> tuple[Pixels, str]:
    scale = header.scale
    if header.format == "JPEG" and scale > 1:
        image.draft(None, (header.width // scale, header.height // scale))
    size = image.size
    image.load()
    if header.format == "JPEG":
        return reduce_image(image, 1)
    if image.size != size and image.size != size[::-1]:
        raise ValueError(f"the header says {size[0]} x {size[1]}, the image is {image.size[0]} x {image.size[1]}")
    return reduce_image(image, scale)


def _pixel_interval(low: float, high: float, size: int) -> tuple[int, int]:
    """The whole pixels that an interval touches, at least one."""
    first = min(max(0, math.floor(low + 1e-6)), size - 1)
    return first, max(first + 1, min(size, math.ceil(high - 1e-6)))


def _downscale_decoded(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    longest = max(height, width)
    if longest <= side:
        return pixels
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    while max(pixels.shape[:2]) >= 4 * side and not (pixels.shape[0] % 2 or pixels.shape[1] % 2):
        # averaging four pixels at a time is ten times as fast as averaging areas
        pixels = _resize_decoded(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2))
    return _resize_decoded(pixels, size)


def _resize_decoded(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    small: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return small if small.ndim == 3 else small[..., None]


def _make_upright(pixels: Image, orientation: int) -> Image:
    swap, mirror_x, mirror_y = _ORIENTATIONS[orientation]
    if swap:
        pixels = pixels.transpose(1, 0, 2)
    upright = pixels[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    return np.array(upright, order="C", copy=True)
