"""Pages of a TIFF and frames of an animation as images of their own: how they are named, and which are worth it.

The first has the path of its file. Of the others, the path is that of the file, a comma and the number, from 2 on:
`scan.tif, page 2`, `cat.gif, frame 31`. A file that really has such a name goes before the page.
"""

from __future__ import annotations

import hashlib
import os
import re

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFile

from nearsight.errors import ImageError, Reason
from nearsight.files import FileSystem
from nearsight.images.headers import gif_extent
from nearsight.images.pillow import as_image_errors
from nearsight.images.validate import (
    ANIMATED,
    DEFAULT_LIMITS,
    FRAME_COPIES,
    Content,
    Limits,
    open_content,
    read_content,
)

MAX_PAGES = 500
"""Pages of one file that become images, the first ones."""

MAX_FRAMES = 8
"""Frames of an animation that become images, besides its first."""

MAX_FRAME_PIXELS = 1 << 27
"""Pixels of an animation that are decoded to choose its frames; what comes later is not looked at."""

LEAST_DIFFERENCE = 12.0
"""Levels, as the root of the mean square over a rendering of 16 x 16, by which a frame differs from all chosen ones."""

_SIDE = 16
_PAGE = re.compile(rb"(.+), (?:page|frame) ([2-9]|[1-9][0-9]{1,5})", re.DOTALL)


def make_page_path(path: bytes, page: int, format: str) -> bytes:
    """The path of a page of a file; the first is the file's own."""
    word = b"frame" if format in ANIMATED else b"page"
    return path if page == 1 else b"%s, %s %d" % (path, word, page)


def split_page_path(path: bytes) -> tuple[bytes, int]:
    """The path of the file, and the page that a path names: 1 where it names none."""
    found = _PAGE.fullmatch(path)
    return (found[1], int(found[2])) if found and os.path.basename(found[1]) else (path, 1)


def locate_page(path: bytes, files: FileSystem) -> tuple[bytes, int]:
    """The file that holds what a path names, and the page of it. A file that has this very name is meant itself."""
    file, page = split_page_path(path)
    return (path, 1) if page == 1 or files.exists(path) else (file, page)


def page_digest(sha256: bytes, page: int) -> bytes:
    """The digest of a page by that of its file, which is that of the first page."""
    return sha256 if page == 1 else hashlib.sha256(sha256 + b", page %d" % page).digest()


def count_pages(data: bytes) -> int:
    """The pages or frames of a file; reduced images, masks and levels of a pyramid are none. Raises ImageError."""
    return _counted(read_content(data))


def choose_pages(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[int, ...]:
    """The numbers, from 1 and rising, of the pages or frames of a file that are worth being images of their own.

    1. All pages of a TIFF or HEIF, at most `MAX_PAGES`.
    2. Of an animation the first frame, and up to `MAX_FRAMES` others: again and again the one that differs most from
       all that are chosen, while that is at least `LEAST_DIFFERENCE`. Frames are compared as renderings of 16 x 16;
       no more than `MAX_FRAME_PIXELS` are decoded for it.

    Raises
    ------
    ImageError : the file cannot be read at all; damage after the first frame only ends the choice
    """
    with as_image_errors(Reason.BAD_HEADER):
        content = read_content(data)
    if content.n_pages == 1:
        return (1,)
    if content.format not in ANIMATED:
        return tuple(range(1, min(MAX_PAGES, _counted(content)) + 1))
    with open_content(content, limits) as (image, header):
        width, height = gif_extent(data)[:2] if content.format == "GIF" else image.size
        if header.n_pages == 1 or 4 * FRAME_COPIES * width * height > limits.decoded:
            return (1,)
        frames = _render_frames(image, header.n_pages)
    return tuple(n + 1 for n in _choose_differing(frames))


def _counted(content: Content) -> int:
    if content.n_pages:
        return content.n_pages
    with open_content(content, DEFAULT_LIMITS) as (_, header):
        return header.n_pages


def _render_frames(image: ImageFile.ImageFile, n_frames: int) -> NDArray[np.float32]:
    """Renderings `(N, D)` of the first frames, as many as may be decoded and are not damaged."""
    size, frames = image.size, list[NDArray[np.float32]]()
    for number in range(min(n_frames, max(2, MAX_FRAME_PIXELS // max(1, size[0] * size[1])))):
        try:
            with as_image_errors(Reason.CORRUPT):
                image.seek(number)
                image.load()
                if image.size != size:
                    break
                frames.append(_render_small(image))
        except ImageError:
            break
    return np.array(frames, np.float32)


def _render_small(frame: Pillow.Image) -> NDArray[np.float32]:
    """The frame in 16 x 16 pixels, transparent parts on mid-grey."""
    rgba = np.asarray(frame.convert("RGBA"))
    small = np.asarray(cv2.resize(rgba, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
    alpha = small[..., 3:] / 255
    return np.asarray(small[..., :3] * alpha + 128 * (1 - alpha), np.float32).ravel()


def _choose_differing(frames: NDArray[np.float32]) -> list[int]:
    """The first frame, and those that differ from all chosen ones, rising."""
    if not len(frames):
        return [0]
    chosen, distances = [0], _differences(frames, 0)
    while len(chosen) <= MAX_FRAMES and distances.max() >= LEAST_DIFFERENCE:
        chosen.append(int(distances.argmax()))
        distances = np.minimum(distances, _differences(frames, chosen[-1]))
    return sorted(chosen)


def _differences(frames: NDArray[np.float32], chosen: int) -> NDArray[np.float32]:
    return np.asarray(np.sqrt(((frames - frames[chosen]) ** 2).mean(axis=1)), np.float32)
