"""What a file has to pass before a decoder touches it: an allowed kind, a header that holds, and a size that fits.

The order is: magic bytes -> header -> bytes that decoding will take. Nothing is decoded here. Of a camera raw, the
preview inside it passes as any JPEG does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from PIL import ImageFile

from nearsight.errors import ImageError, Reason
from nearsight.images import headers, tiff
from nearsight.images.formats import RAW, identify_format
from nearsight.images.headers import StoredLayout
from nearsight.images.jpeg import jpeg_layout
from nearsight.images.pillow import as_image_errors, open_with_pillow
from nearsight.images.raw_preview import RawPreview, extract_raw_preview, is_raw_tiff
from nearsight.images.sample_range import PLAIN, SampleFormat
from nearsight.images.tiff import TiffDirectory, TiffReader, find_tiff_pages
from nearsight.wording import plural

BASE = 1024
"""The longest side below which nothing is scaled while it is decoded."""

SCALES = (8, 4, 2, 1)
"""The fractions at which a JPEG can be decoded: 1/8, 1/4, 1/2 and whole."""

MAX_WEBP = 128 << 20
"""Bytes of a WebP's canvas up to which a failure is the file's own; libwebp holds the canvas several times."""

FRAME_COPIES = 3
"""How often the canvas is held, at 4 bytes a pixel, while the frames of an animation are laid over each other."""

ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
"""The formats whose pages are frames."""


@dataclass(frozen=True)
class Limits:
    """What one image may cost, in bytes: the file itself, and what its decoding holds."""

    file: int = 256 << 20
    decoded: int = 256 << 20


@dataclass(frozen=True)
class Header:
    """What the header promises: the full size as it is stored (before it is turned upright), and the cost.

    The image is decoded at 1/`scale` of its size; `decoded_bytes` is counted there. `page` of `n_pages` counts from 1.
    """

    format: str
    width: int
    height: int
    decoded_bytes: int
    scale: int = 1
    page: int = 1
    n_pages: int = 1


@dataclass(frozen=True)
class Content:
    """What of a file Pillow is given, and what it does not tell.

    Attributes
    ----------
    data, pillow : the bytes, and the format that Pillow reads them as
    format : the file's own format: of a camera raw that of the camera
    layout : what was read of the header; None where Pillow reads it
    page, n_pages : which of the pages, from 1, and how many
    samples : of more than 8 bits
    raw : the preview of a camera raw
    """

    data: bytes
    pillow: str
    format: str
    layout: StoredLayout | None = None
    page: int = 1
    n_pages: int = 0
    samples: SampleFormat = PLAIN
    raw: RawPreview | None = None


DEFAULT_LIMITS = Limits()


def validate_image(data: bytes, limits: Limits = DEFAULT_LIMITS, *, page: int = 1, full: bool = False) -> Header:
    """The header of an image that may be decoded.

    Parameters
    ----------
    page : of a file of several pages or frames, from 1
    full : do not scale while decoding, as far as the limit allows

    Raises
    ------
    ImageError : NOT_AN_IMAGE, FORMAT_OFF, NEEDS_HEIF, BAD_HEADER, TRUNCATED or TOO_MANY_BYTES; VANISHED where it has
        no such page
    """
    with open_content(read_content(data, page), limits, full=full) as (_, header):
        return header


def read_content(data: bytes, page: int = 1) -> Content:
    """What of a file is decoded, by its first bytes and its own header. Raises as `validate_image` does."""
    format = identify_format(data)
    if format == RAW or (format == "TIFF" and is_raw_tiff(data)):
        _require_page(page, 1)
        preview = extract_raw_preview(data)
        return Content(preview.jpeg, "JPEG", preview.format, jpeg_layout(preview.jpeg), n_pages=1, raw=preview)
    if format == "TIFF":
        return _tiff_content(data, page)
    content = Content(data, format, format, _LAYOUTS[format](data) if format in _LAYOUTS else None, page)
    if format == "PNG":
        return replace(content, samples=_png_samples(data))
    if format == "GIF":
        return _gif_content(content)
    return content if format in ("WEBP", "AVIF", "HEIF") else replace(content, n_pages=_require_page(page, 1))


@contextmanager
def open_content(
    content: Content, limits: Limits, *, full: bool = False
) -> Iterator[tuple[ImageFile.ImageFile, Header]]:
    """The opened image, not yet decoded, with its header; raises as `validate_image` does."""
    stored = content.layout
    if stored is not None:
        _header_within_limits(content, stored, limits, full=full)
    with _translate_webp_errors(content), open_with_pillow(content.data, content.pillow) as image:
        if content.page != 1 and content.pillow != "TIFF":
            content, stored = _go_to_page(image, content), stored or headers.pillow_layout(image)
            stored = stored._replace(bytes_per_pixel=4 * FRAME_COPIES)
            _header_within_limits(content, stored, limits, full=full)
            with as_image_errors(Reason.CORRUPT):
                image.seek(content.page - 1)
            stored = stored._replace(width=image.width, height=image.height)
        if stored is None:
            with as_image_errors(Reason.BAD_HEADER):
                stored = headers.pillow_layout(image)
        elif image.size != (stored.width, stored.height):
            raise ImageError(
                Reason.BAD_HEADER, f"{stored.width} x {stored.height} or {image.size[0]} x {image.size[1]}"
            )
        content = replace(content, n_pages=content.n_pages or getattr(image, "n_frames", 1))
        yield image, _header_within_limits(content, stored, limits, full=full)


def _go_to_page(image: ImageFile.ImageFile, content: Content) -> Content:
    return replace(content, n_pages=_require_page(content.page, content.n_pages or getattr(image, "n_frames", 1)))


def _require_page(page: int, n_pages: int) -> int:
    """The number of pages, where this is one of them."""
    if not 1 <= page <= n_pages:
        raise ImageError(Reason.VANISHED, f"the file has {plural(n_pages, 'page')}, and no page {page}")
    return n_pages


@contextmanager
def _translate_webp_errors(content: Content) -> Iterator[None]:
    """Takes any failure of a very large WebP for want of memory, which libwebp does not tell from damage."""
    try:
        yield
    except ImageError as error:
        stored = content.layout
        if content.pillow == "WEBP" and stored and _decoded_bytes(stored, 1) > MAX_WEBP:
            raise ImageError(Reason.OUT_OF_MEMORY, "or a damaged WebP of this size") from error
        raise


def choose_scale(width: int, height: int) -> int:
    """The strongest of the scales at which the longest side is still at least `BASE`."""
    return next((scale for scale in SCALES if max(width, height) >= BASE * scale), 1)


def _header_within_limits(content: Content, stored: StoredLayout, limits: Limits, *, full: bool) -> Header:
    if stored.width < 1 or stored.height < 1:
        raise ImageError(Reason.BAD_HEADER, f"{stored.width} x {stored.height} pixels")
    strongest = choose_scale(stored.width, stored.height)
    scales = [scale for scale in reversed(SCALES) if scale <= strongest] if full else [strongest]
    costs = [(_decoded_bytes(stored, decoder_scale(stored, scale)), scale) for scale in scales]
    cost, scale = next((pair for pair in costs if pair[0] <= limits.decoded), costs[-1])
    if cost > limits.decoded:
        raise ImageError(
            Reason.TOO_MANY_BYTES,
            f"{stored.width} x {stored.height} pixels decode to {-(-cost >> 20)} MiB; the limit is "
            f"{limits.decoded >> 20} MiB, which index --max-decoded raises",
        )
    page, n_pages = content.page, max(1, content.n_pages)
    return Header(content.format, stored.width, stored.height, cost, scale, page, n_pages)


def decoder_scale(stored: StoredLayout, scale: int) -> int:
    """What of a scale the decoder itself can do; the rest is averaged afterwards."""
    return max(each for each in stored.scales if each <= scale)


def _decoded_bytes(stored: StoredLayout, scale: int) -> int:
    return -(-stored.width // scale) * -(-stored.height // scale) * stored.bytes_per_pixel + stored.fixed_bytes


_LAYOUTS = {
    "JPEG": jpeg_layout,
    "PNG": headers.png_layout,
    "WEBP": headers.webp_layout,
    "TGA": headers.tga_layout,
    "JPEG2000": headers.jpeg2000_layout,
}


def _gif_content(content: Content) -> Content:
    """A GIF whose later frames may reach beyond the canvas that its header names."""
    width, height, frames = headers.gif_extent(content.data)
    _require_page(content.page, frames)
    layout = StoredLayout(width, height, 1) if content.page != 1 else None
    return replace(content, layout=layout, n_pages=frames)


def _png_samples(data: bytes) -> SampleFormat:
    """The significant bits of a PNG of 16 bits, where it has a chunk that says them."""
    at = data.find(b"sBIT", 33, 4096) if data[24] == 16 else -1
    bits = data[at + 4 : at + 5 + (data[25] & 2)] if 0 <= at < data.find(b"IDAT") else b""
    return SampleFormat((1 << max(bits)) - 1 if bits and 8 < max(bits) < 16 else None)


# -------------------- TIFF


def _tiff_content(data: bytes, page: int) -> Content:
    """A page of a TIFF as the first, and white as the highest value, which Pillow knows of 8 bits only."""
    reader = TiffReader(data)
    pages = find_tiff_pages(reader)
    if not pages:
        return Content(data, "TIFF", "TIFF", page=page, n_pages=_require_page(page, 1))
    _require_page(page, len(pages))
    directory = pages[page - 1]
    samples = _tiff_samples(directory)
    patches: list[tuple[int, bytes]] = []
    if directory.offset != reader.first:
        patches.append((reader.offset_position, struct.pack(reader.order + "QI"[not reader.big], directory.offset)))
    at = directory.position(tiff.PHOTOMETRIC)
    if samples.white_is_zero and at is not None:
        patches.append((at, struct.pack(reader.order + "H", 1)))
    if patches:
        changed = bytearray(data)
        for at, new in patches:
            changed[at : at + len(new)] = new
        data = bytes(changed)
    return Content(data, "TIFF", "TIFF", page=page, n_pages=len(pages), samples=samples)


def _tiff_samples(directory: TiffDirectory) -> SampleFormat:
    """Bits, sign and sense of the samples of a page, where it has one of more than 8 bits."""
    bits = directory.number(tiff.BITS, 1)
    if bits <= 8 or len(directory.numbers(tiff.BITS)) > 1:
        return PLAIN
    format = directory.number(tiff.SAMPLE_FORMAT, 1)
    named = directory.number(tiff.HIGHEST) or directory.number(tiff.SIGNED_HIGHEST)
    whole = (1 << bits) - 1 if format == 1 and bits < 16 else None
    highest = named if 255 <= named < (1 << min(bits, 62)) - 1 and format != 3 else whole
    return SampleFormat(highest, directory.number(tiff.PHOTOMETRIC, 1) == 0, format == 1 and bits == 32)
