"""One file's bytes as an upright sRGB image, at any size that is asked for.

The file is decoded once, to a *base* whose longest side is at least 1024 where the file has that much: a JPEG at its
own fractions (1/2, 1/4, 1/8), anything else by averaging squares of pixels. Every size is made from the base, so the
pixels of one size never depend on which others were asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image as Pillow
from PIL import ImageFile, Jpeg2KImagePlugin

from nearsight.errors import ImageError, Reason
from nearsight.files import FileSystem, LocalFileSystem
from nearsight.images.colour import Pixels, reduce_image
from nearsight.images.decoded_image import ORIENTATIONS, DecodedImage
from nearsight.images.deep_colour import is_deep_colour, use_fewest_bits
from nearsight.images.jpeg import (
    LEAST_READ_SHARE,
    close_jpeg,
    find_scans,
    has_all_scans,
    may_end_early,
    measure_read_share,
)
from nearsight.images.pages import locate_page
from nearsight.images.pillow import as_image_errors, open_with_pillow
from nearsight.images.source import NAMELESS, read_source, wrap_pixels
from nearsight.images.validate import (
    BASE,
    DEFAULT_LIMITS,
    Content,
    Header,
    Limits,
    decoder_scale,
    open_content,
    read_content,
)
from nearsight.types import Image, ImageSource

if TYPE_CHECKING:
    from nearsight.metadata.read_metadata import Metadata

__all__ = [
    "NAMELESS",
    "DecodedImage",
    "FileDecoder",
    "InProcessDecoder",
    "Limits",
    "decode_image",
    "naming",
    "open_image",
    "read_image_file",
    "wrap_pixels",
]

_ORIENTATION = 0x112


def decode_image(
    data: bytes, limits: Limits = DEFAULT_LIMITS, *, page: int = 1, full: bool = False, metadata: bool = False
) -> DecodedImage:
    """An image file, or a page or frame of it.

    A JPEG that is cut short is decoded as far as it goes, where that is `LEAST_READ_SHARE` of it: `read_share` tells.

    Parameters
    ----------
    page : of a file of several pages or frames, from 1: `pages.choose_pages` says which are worth it
    full : keep all pixels, as far as `limits` allows: for boxes
    metadata : read what the file says of itself too, such as when and where it was taken; a query needs none of it

    Raises
    ------
    ImageError : whatever is wrong with the file, with its reason; no other exception but KeyboardInterrupt
    """
    with as_image_errors(Reason.BAD_HEADER):
        content = read_content(data, page)
    if content.pillow != "JPEG":
        return _decode_content(content, limits, full=full, metadata=metadata)
    try:
        image = _decode_content(content, limits, full=full, metadata=metadata)
    except ImageError as error:
        if error.reason is not Reason.TRUNCATED:
            raise
        return _decode_cut_jpeg(content, limits, error, full=full, metadata=metadata)
    return _with_read_share(image, content, limits, full=full)


def _decode_content(content: Content, limits: Limits, *, full: bool, metadata: bool) -> DecodedImage:
    with open_content(content, limits, full=full) as (image, header), as_image_errors(Reason.CORRUPT):
        if content.raw is not None and content.raw.exif:
            _use_raw_exif(image, content.raw.exif)
        before = (
            _decoded_metadata(image, content.data) if metadata and content.pillow == "TIFF" else None
        )  # load closes its file
        base, mode = _decode_base(image, header, content)
        about = before or (
            _decoded_metadata(image, content.data) if metadata else None
        )  # a PNG's EXIF may come after its pixels
        orientation = content.raw.orientation if content.raw else None
        orientation = orientation or _read_orientation(image)
        profile = image.info.get("icc_profile")
    if content.pillow in ("TIFF", "HEIF"):
        orientation = 1  # turned upright by the decoder
    width, height = image.size if content.pillow == "TIFF" else (header.width, header.height)
    if ORIENTATIONS[orientation][0]:
        width, height = height, width
    profile = profile if isinstance(profile, bytes) else None
    return DecodedImage(
        width, height, header.format, about, base, mode, profile, orientation, header.page, header.n_pages
    )


def _with_read_share(image: DecodedImage, content: Content, limits: Limits, *, full: bool) -> DecodedImage:
    """The image of a JPEG, with the share of it that was read, where its end or its scans say that it is not whole."""
    several = content.layout is not None and content.layout.fixed_bytes
    if not (may_end_early(image.base) or (several and not has_all_scans(content.data))):
        return image
    return _decode_cut_jpeg(content, limits, ImageError(Reason.TRUNCATED), full=full, metadata=False, whole=image)


def _decode_cut_jpeg(
    content: Content,
    limits: Limits,
    error: ImageError,
    *,
    full: bool,
    metadata: bool,
    whole: DecodedImage | None = None,
) -> DecodedImage:
    """A JPEG as far as it goes; raises the error where that is too little."""
    scans = find_scans(content.data)
    if scans is None:
        raise error

    def decode(data: bytes) -> DecodedImage:
        return _decode_content(replace(content, data=data), limits, full=full, metadata=metadata)

    image = whole or decode(close_jpeg(content.data, scans))
    share = measure_read_share(content.data, scans, image.base, lambda data: decode(data).base)
    if share < LEAST_READ_SHARE:
        raise error
    return replace(image, read_share=share)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Give image errors of the block this name."""
    try:
        yield
    except ImageError as problem:
        raise ImageError(problem.reason, problem.detail, name) from problem


def open_image(
    image: ImageSource,
    *,
    page: int = 1,
    full: bool = False,
    name: str = NAMELESS,
    files: FileSystem | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> DecodedImage:
    """An image file or a page of it, its bytes, an open file, pixels, or an image of Pillow, decoded.

    Parameters
    ----------
    page : of the bytes of a file, from 1; a path names its own
    full : keep all pixels, as far as `limits` allows: for boxes
    name : what messages call bytes and pixels, which have no name; a file is called by its path

    Raises
    ------
    ImageError : it cannot be read
    UsageError : it is no image, such as an address or pixels of another kind
    """
    image = read_source(image, name, limits.file)
    if isinstance(image, bytes):
        with naming(name):
            return decode_image(image, limits, page=page, full=full)
    if not isinstance(image, Path):
        return wrap_pixels(image, name)
    with naming(str(image)):
        data, page = read_image_file(image, files or LocalFileSystem(), limits.file)
        return decode_image(data, limits, page=page, full=full)


def read_image_file(path: Path, files: FileSystem, limit: int) -> tuple[bytes, int]:
    """The bytes of a file, links followed, and the page of it that its path names, 1 where it names none."""
    file, page = locate_page(os.fsencode(path), files)
    return files.read(os.path.realpath(file), limit)[0], page


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
    from nearsight.metadata.read_metadata import read_metadata

    return read_metadata(image, data)


def _use_raw_exif(image: Pillow.Image, exif: bytes) -> None:
    """Let an image have the EXIF of the camera raw that it was in; its own where that cannot be read."""
    try:
        image.getexif().load(exif)
    except MemoryError:
        raise
    except Exception:
        image.getexif().load(image.info.get("exif", b""))


def _read_orientation(image: Pillow.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except MemoryError:
        raise
    except Exception:
        return 1
    return orientation if isinstance(orientation, int) and orientation in ORIENTATIONS else 1


def _decode_base(image: ImageFile.ImageFile, header: Header, content: Content) -> tuple[Pixels, str]:
    scale = header.scale
    if content.pillow == "JPEG" and scale > 1:
        image.draft(None, (header.width // scale, header.height // scale))
    if content.pillow == "JPEG2000":
        return _decode_jpeg2000(image, header.scale, content)
    if content.pillow == "JPEG":
        image.load()
        return reduce_image(image, 1)
    size = image.size
    deep = is_deep_colour(image) and (content.page == 1 or content.pillow == "TIFF")
    image.load()
    if image.size != size and image.size != size[::-1]:
        raise ValueError(f"the header says {size[0]} x {size[1]}, the image is {image.size[0]} x {image.size[1]}")

    def reopen() -> AbstractContextManager[ImageFile.ImageFile]:
        return open_with_pillow(content.data, content.pillow)

    return reduce_image(use_fewest_bits(image, reopen) if deep else image, scale, content.samples)


def _decode_jpeg2000(image: ImageFile.ImageFile, scale: int, content: Content) -> tuple[Pixels, str]:
    """Decoded at the scale that its halvings allow, and averaged from there."""
    assert isinstance(image, Jpeg2KImagePlugin.Jpeg2KImageFile)
    assert content.layout is not None
    own = decoder_scale(content.layout, scale)
    # Pillow rounds a size that OpenJPEG rounds up
    image._size = -(-image.width // own) * own, -(-image.height // own) * own
    image.reduce = own.bit_length() - 1
    image.load()
    image.reduce = 0  # which is a method of every other image
    return reduce_image(image, scale // own)
