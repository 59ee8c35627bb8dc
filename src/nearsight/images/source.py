"""What people have as an image, as a path, the bytes of a file or pixels: the one place where these are told apart."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.images.colour import reduce_image
from nearsight.images.decoded_image import ORIENTATIONS, DecodedImage
from nearsight.images.pillow import as_image_errors, silence_pillow
from nearsight.images.sample_range import SampleRange, are_whole_levels, fewest_bits
from nearsight.images.validate import DEFAULT_LIMITS
from nearsight.types import Image, ImageSource

NAMELESS = "the query image"
"""What messages call bytes and pixels, which have no name."""

KINDS = "a path, bytes or a file opened for reading them, a PIL image, or pixels (H, W), (H, W, 3) or (H, W, 4)"

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(?=[^/])|(data):|(file):/", re.IGNORECASE)
_ORIENTATION = 0x112


def read_source(image: ImageSource, name: str = NAMELESS, limit: int = DEFAULT_LIMITS.file) -> Path | bytes | Image:
    """An image in one of three forms: a path with its `~` expanded, the bytes of a file, or pixels `(H, W, 3) uint8`.

    1. A path is one; an address is refused.
    2. An open file is read from its beginning, `limit` bytes at most.
    3. An image of Pillow becomes upright sRGB, as its file would; transparent parts go over white, or over black where
       nothing would be seen on white.
    4. Pixels, of numpy or of anything that becomes an array: see `normalize_pixels`.

    Raises
    ------
    ImageError : an open file is too large or empty, or an image of Pillow cannot be decoded
    UsageError : it is none of these
    """
    if isinstance(image, str | os.PathLike):
        return _local_path(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    if isinstance(image, Pillow.Image):
        return render_pillow(image, name)
    if callable(getattr(image, "read", None)):
        return _read_open_file(image, name, limit)
    if isinstance(image, np.ndarray) or hasattr(image, "__array__"):
        return normalize_pixels(np.asarray(image), name)
    raise UsageError(f"{name} is {KINDS}; got {type(image).__name__}")


def read_sources(given: ImageSource | Sequence[ImageSource] | None) -> list[Path | bytes | Image]:
    """One image or several, as `read_source`; none for None."""
    if given is None:
        return []
    several = given if isinstance(given, list | tuple) else [given]
    return [read_source(each, f"image {number}") for number, each in enumerate(several, 1)]


def _local_path(image: str | os.PathLike[Any]) -> Path:
    text = os.fsdecode(image)
    address = _ADDRESS.match(text)
    if address is None or os.path.lexists(text):
        try:
            return Path(text).expanduser()
        except RuntimeError:  # nobody of that name
            return Path(text)
    scheme = next(filter(None, address.groups()))
    if isinstance(image, Path) and scheme not in ("data", "file"):  # which makes one slash of two
        text = f"{scheme}://{text[address.end() :]}"
    what = "give its path" if scheme == "file" else "download the image and give the file"
    raise UsageError(f"{text[:200]} is an address, and nothing is downloaded: {what}")


def _read_open_file(file: Any, name: str, limit: int) -> bytes:  # noqa: ANN401 - whatever has a method to read
    try:
        if getattr(file, "seekable", lambda: False)():
            file.seek(0)
        data = file.read(limit + 1)
    except (OSError, ValueError) as problem:
        raise ImageError(Reason.UNREADABLE, getattr(problem, "strerror", None) or str(problem), name) from problem
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UsageError(f'{name} is a file opened for reading text: open it for reading bytes, with "rb"')
    if not data:
        raise ImageError(Reason.EMPTY, "", name)
    if len(data) > limit:
        raise ImageError(Reason.FILE_TOO_LARGE, f"more than {limit} bytes; that is the limit", name)
    return bytes(data)


def render_pillow(image: Pillow.Image, name: str = "an image") -> Image:
    """An image of Pillow as its file would be: upright, sRGB `(H, W, 3)`. It is left as it was, but for being loaded.

    Raises
    ------
    ImageError : it cannot be decoded
    """
    if 0 in image.size:
        raise UsageError(f"{name} is at least 1 x 1; got {image.width} x {image.height}")
    try:
        with silence_pillow(), as_image_errors(Reason.CORRUPT):
            image.load()
            base, mode = reduce_image(image, 1)
            turn = image.getexif().get(_ORIENTATION)
    except ImageError as problem:
        raise ImageError(problem.reason, problem.detail, name) from problem
    orientation = turn if isinstance(turn, int) and turn in ORIENTATIONS else 1
    profile = image.info.get("icc_profile")
    profile = profile if isinstance(profile, bytes) else None
    decoded = DecodedImage(*image.size, "PIL", None, base, mode, profile, orientation)
    return decoded.render(max(image.size))


def normalize_pixels(pixels: NDArray[Any], name: str = "an image") -> Image:
    """Pixels as `(H, W, 3) uint8`.

    1. `(H, W)` and `(H, W, 1)` are grey; of `(H, W, 4)` the fourth is alpha, which goes over white, or over black
       where nothing would be seen on white.
    2. `bool` is black and white; whole numbers of 0 to 255 are levels; `uint16` is scaled by the bits that it uses, as
       files are; fractions of 0 to 1 are scaled by 255. Nothing else is clear enough to be taken for levels.

    Raises
    ------
    UsageError : the shape or the values are others; it says what would be right
    """
    if not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4))) or 0 in pixels.shape:
        first = pixels.ndim == 3 and pixels.shape[0] in (1, 3, 4) and min(pixels.shape[1:]) > 4
        hint = ": transpose(1, 2, 0) puts the channels last" if first else ""
        raise UsageError(
            f"{name} is (H, W), (H, W, 3) or (H, W, 4) uint8, at least 1 x 1; got {pixels.shape} {pixels.dtype}{hint}"
        )
    levels = _to_levels(pixels, name)
    if levels.ndim == 2 or levels.shape[2] == 1:
        return np.repeat(levels.reshape(*levels.shape[:2], 1), 3, axis=2)
    return levels if levels.shape[2] == 3 else render_pillow(Pillow.fromarray(np.ascontiguousarray(levels)), name)


def _to_levels(pixels: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype.kind not in "iuf":
        raise UsageError(f"the pixels of {name} are uint8; got {pixels.dtype}")
    low, high = float(pixels.min()), float(pixels.max())
    if pixels.dtype == np.uint16:
        return SampleRange(0.0, float(fewest_bits(high, are_whole_levels(pixels) and high > 0))).to_8_bit(pixels)
    if pixels.dtype.kind == "f" and low >= 0 and high <= 1:
        return SampleRange(0.0, 1.0).to_8_bit(pixels)
    if pixels.dtype.kind != "f" and low >= 0 and high <= 255:
        return pixels.astype(np.uint8)
    right = "fractions of 0 to 1" if pixels.dtype.kind == "f" else "0 to 255"
    raise UsageError(
        f"the pixels of {name} are uint8, or {right}; got {pixels.dtype} of {low:g} to {high:g}: "
        "scale them, or convert them with astype(np.uint8) where they are levels of 0 to 255"
    )


def wrap_pixels(image: NDArray[Any], name: str = "an image") -> DecodedImage:
    """Pixels that are there already, as an image. Raises UsageError on what `normalize_pixels` does not take."""
    pixels = normalize_pixels(image, name)
    height, width = pixels.shape[:2]
    return DecodedImage(width, height, "array", None, pixels, "RGB", None, 1)
