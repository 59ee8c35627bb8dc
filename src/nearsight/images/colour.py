"""Pixels in the colours that methods take.

Whatever a file stores (palettes, 16 bits, CMYK, alpha, profiles) becomes 8-bit sRGB; sRGB becomes grey levels, and
exactly as many pixels as a method asks for.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from nearsight.images.sample_range import DEEP, PLAIN, SampleFormat, find_sample_range, read_samples
from nearsight.types import Image

Pixels: TypeAlias = NDArray[np.uint8]
"""`(H, W, C) uint8` in the colours of one of `PLAIN_MODES`."""

PLAIN_MODES = ("L", "RGB", "RGBa", "CMYK", "LAB")
"""The modes that pixels are averaged in. In RGBa the colours are multiplied by alpha, so averages are right."""

STRIP_PIXELS = 1 << 22
"""Pixels that are converted at a time: memory stays flat, however large the image."""

MAX_PROFILE = 4 << 20
"""Bytes of a colour profile; a larger one is ignored. Those of printing presses have 1 to 3 MB."""

NEAR_WHITE, MIN_SEEN = 224, 0.02
"""A grey level that is hardly seen on white, and the least share of what is opaque that must be seen."""


def reduce_image(image: Pillow.Image, factor: int, samples: SampleFormat = PLAIN) -> tuple[Pixels, str]:
    """The image as pixels of one of the modes `PLAIN_MODES`, each the mean of `factor` x `factor`, and that mode."""
    span = find_sample_range(image, samples) if image.mode in DEEP else None
    rows = max(1, (STRIP_PIXELS // 8 if span else STRIP_PIXELS) // image.width // factor) * factor
    height = -(-image.height // factor)
    whole: Pixels | None = None
    for top in range(0, image.height, rows):
        last = min(image.height, top + rows)
        strip = image if last - top == image.height else image.crop((0, top, image.width, last))
        plain = Pillow.fromarray(span.to_8_bit(read_samples(strip, samples))) if span else _to_plain_mode(strip)
        pixels = _to_colour_array(plain.reduce(factor) if factor > 1 else plain)
        if len(pixels) == height:
            return pixels, plain.mode
        if whole is None:
            whole = np.empty((height, *pixels.shape[1:]), np.uint8)
        whole[top // factor : top // factor + len(pixels)] = pixels
    assert whole is not None
    return whole, plain.mode


def _to_colour_array(image: Pillow.Image) -> Pixels:
    pixels: Pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _to_plain_mode(image: Pillow.Image) -> Pillow.Image:
    if _has_alpha(image):
        return image.convert("RGBA").convert("RGBa")
    if image.mode in PLAIN_MODES:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _has_alpha(image: Pillow.Image) -> bool:
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        return True
    if image.mode == "P" and image.palette is not None and image.palette.mode.endswith("A"):
        return True
    key: Any = image.info.get("transparency")
    if key is None or image.mode not in ("1", "L", "P", "RGB"):
        return False
    # the key of a 16-bit image cannot be compared with its 8-bit pixels
    return isinstance(key, bytes) or max(key if isinstance(key, tuple) else (key,)) < 256


def to_srgb(pixels: Pixels, mode: str, profile: bytes | None, ground: int = 255) -> Image:
    """Pixels `(H, W, C)` of one of the modes `PLAIN_MODES` as sRGB `(H, W, 3)`; alpha goes over a grey `ground`.

    A profile that is broken, or for other colours than these, is ignored.
    """
    if mode == "RGBa":
        pixels, mode = _composite(pixels, ground), "RGB"
    if mode == "LAB":
        return _apply_colour_transform(_lab_colour_transform(), pixels, mode)
    transform = _profile_transform(profile, mode) if profile and len(profile) <= MAX_PROFILE else None
    if transform is None and mode == "L" and profile:
        pixels, mode = _grey_to_rgb(pixels), "RGB"  # a grey image may carry the profile of a colour one
        transform = _profile_transform(profile, mode) if len(profile) <= MAX_PROFILE else None
    if transform is not None:
        return _apply_colour_transform(transform, pixels, mode)
    return _grey_to_rgb(pixels) if mode == "L" else _to_rgb(pixels, mode)


def choose_ground(pixels: Pixels, mode: str) -> int:
    """The grey level behind transparent pixels: 255, or 0 where hardly anything would be seen on white."""
    if mode != "RGBa":
        return 255
    alpha = pixels[..., 3].astype(np.float32) / 255
    visible = cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY) + 255 * (1 - alpha)
    seen = float((alpha * (visible < NEAR_WHITE)).sum())
    return 0 if alpha.sum() > 0 and seen < MIN_SEEN * alpha.sum() and alpha.min() < 1 else 255


def _composite(pixels: Pixels, ground: int) -> Pixels:
    if not ground:
        return pixels[..., :3]
    shown: Pixels = cv2.add(pixels[..., :3], np.repeat(255 - pixels[..., 3:], 3, axis=2))  # stops at 255
    return shown


def _grey_to_rgb(pixels: Pixels) -> Pixels:
    return np.repeat(pixels, 3, axis=2)


def _to_rgb(pixels: Pixels, mode: str) -> Pixels:
    return pixels if mode == "RGB" else np.asarray(_to_pillow(pixels, mode).convert("RGB"))


def _to_pillow(pixels: Pixels, mode: str) -> Pillow.Image:
    height, width = pixels.shape[:2]
    return Pillow.frombytes(mode, (width, height), np.ascontiguousarray(pixels).tobytes())


def _apply_colour_transform(transform: ImageCms.ImageCmsTransform, pixels: Pixels, mode: str) -> Image:
    out = Pillow.new("RGB", (pixels.shape[1], pixels.shape[0]))
    transform.apply(_to_pillow(pixels, mode), out)
    return np.asarray(out)


@lru_cache(maxsize=8)
def _profile_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile's colours to sRGB; None where it is broken, is not for this mode, or changes nothing."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        transform = ImageCms.buildTransform(source, _srgb_profile(), mode, "RGB", ImageCms.Intent.PERCEPTUAL)
        return None if mode == "RGB" and _is_identity(transform) else transform
    except MemoryError:
        raise
    except Exception:
        return None


def _is_identity(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether no colour of a 9 x 9 x 9 grid moves by more than one level: the profile is sRGB, whatever its name."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    return bool(np.abs(_apply_colour_transform(transform, grid, "RGB").astype(int) - grid).max() <= 1)


@lru_cache(maxsize=1)
def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=1)
def _lab_colour_transform() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.buildTransform(lab, _srgb_profile(), "LAB", "RGB", ImageCms.Intent.PERCEPTUAL)


def to_grey(image: Image) -> NDArray[np.uint8]:
    """Luma `(H, W)` of ITU-R BT.601: .299 R + .587 G + .114 B, rounded."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def resize_exact(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The image `(H, W)` or `(H, W, 3)` in exactly `width` x `height` pixels, whatever its proportions.

    Each axis is averaged over areas where it shrinks and interpolated linearly where it grows. Values stay whole
    numbers of 0..255, so a flat image stays exactly flat.
    """
    have_height, have_width = image.shape[:2]
    smaller = cv2.resize(image, (min(width, have_width), min(height, have_height)), interpolation=cv2.INTER_AREA)
    squashed = cv2.resize(smaller, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(squashed, np.uint8)
