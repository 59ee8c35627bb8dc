"""An image that was decoded: made upright, cut and reduced to any size that is asked for."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from nearsight.errors import Reason, UsageError
from nearsight.images.colour import Pixels, choose_ground, to_srgb
from nearsight.images.pillow import as_image_errors
from nearsight.types import Box, Image

if TYPE_CHECKING:
    from nearsight.metadata.read_metadata import Metadata

# How each EXIF orientation is undone: swap the axes, then mirror x, then mirror y.
ORIENTATIONS = {
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

    `metadata` is what the file says of itself, None where it was not asked for. `page` of `n_pages` counts from 1.
    `read_share` is the share of a damaged image that was read, 0 to 1; the rest is grey.
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
    page: int = 1
    n_pages: int = 1
    read_share: float = 1.0

    @property
    def is_damaged(self) -> bool:
        """Whether a part of it is missing."""
        return self.read_share < 1

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
        return ORIENTATIONS[self.orientation][0]

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
        swap, mirror_x, mirror_y = ORIENTATIONS[self.orientation]
        if mirror_x:
            x0, x1 = self.width - x1, self.width - x0
        if mirror_y:
            y0, y1 = self.height - y1, self.height - y0
        return (y0, x0, y1, x1) if swap else (x0, y0, x1, y1)


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
    swap, mirror_x, mirror_y = ORIENTATIONS[orientation]
    if swap:
        pixels = pixels.transpose(1, 0, 2)
    upright = pixels[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1]
    return np.array(upright, order="C", copy=True)
