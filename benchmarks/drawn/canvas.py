"""What all drawn sets use: random numbers, photographs, words, sensor noise, shadows, files."""

from __future__ import annotations

import io
import zlib
from functools import cache
from importlib.resources import files

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFilter, ImageFont

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "ihc.png")
_SYLLABLES = (
    *("ba", "den", "for", "ga", "hi", "jun", "ker", "lo", "mi", "nar", "os", "pel", "qui"),
    *("ra", "sen", "tor", "ul", "ven", "wa", "yel", "zo", "sta", "bri", "clem", "dra", "fen"),
)


def generator(kind: str, *numbers: int) -> np.random.Generator:
    """Random numbers of one image of one kind."""
    return np.random.default_rng([zlib.crc32(kind.encode()), *numbers])


@cache
def photograph(name: str) -> Pillow.Image:
    """A photograph that comes with scikit-image; nobody changes it."""
    with Pillow.open(io.BytesIO(files("skimage.data").joinpath(name).read_bytes())) as image:
        return image.convert("RGB")


def part_of(name: str, size: tuple[int, int], rng: np.random.Generator, *, least: float = 0.5) -> Pillow.Image:
    """A part of a photograph, at least this share of its largest possible size, scaled to `size`."""
    photo = photograph(name)
    scale = min(photo.width / size[0], photo.height / size[1]) * rng.uniform(least, 1)
    wide, tall = size[0] * scale, size[1] * scale
    left, top = rng.uniform(0, photo.width - wide), rng.uniform(0, photo.height - tall)
    return photo.resize(size, Pillow.Resampling.LANCZOS, (left, top, left + wide, top + tall))


def quarter_of(name: str, number: int, size: tuple[int, int]) -> Pillow.Image:
    """One of the four quarters of a photograph, scaled to `size`: two of them have nothing in common."""
    photo = photograph(name)
    wide, tall = photo.width // 2, photo.height // 2
    scale = min(wide / size[0], tall / size[1])
    left, top = number % 2 * wide, number // 2 % 2 * tall
    box = left, top, left + size[0] * scale, top + size[1] * scale
    return photo.resize(size, Pillow.Resampling.LANCZOS, box)


def font(size: float) -> ImageFont.FreeTypeFont:
    """The typeface inside Pillow, which is the same on every machine."""
    face = ImageFont.load_default(size)
    assert isinstance(face, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return face


def words(rng: np.random.Generator, count: int) -> str:
    """Words of no language."""
    return " ".join("".join(rng.choice(_SYLLABLES, int(rng.integers(1, 4)))) for _ in range(count))


def expose(image: Pillow.Image, rng: np.random.Generator, *, noise: float = 3.0, light: float = 0.01) -> Pillow.Image:
    """The image as a sensor takes it: a slightly different light, and noise that grows with the brightness."""
    pixels = np.asarray(image, np.float32) * rng.normal(1, light)
    sigma = noise * np.sqrt(0.3 + np.clip(pixels, 0, 255) / 182)
    return as_image(pixels + rng.standard_normal(pixels.shape, np.float32) * sigma)


def grain(rng: np.random.Generator, size: tuple[int, int], width: int) -> NDArray[np.float32]:
    """Marks of about this many pixels, of mean 0 and standard deviation near 1, `(H, W)`."""
    marks = cv2.blur(rng.standard_normal(size[::-1], np.float32), (width, width))
    return np.asarray(marks * width, np.float32)


def as_image(pixels: NDArray[np.floating]) -> Pillow.Image:
    """Pixels as an image, what is below 0 or above 255 clipped."""
    return Pillow.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def nudge(image: Pillow.Image, shift: tuple[float, float], *, degrees: float = 0.0, scale: float = 1.0) -> Pillow.Image:
    """The image moved by fractions of a pixel, turned and scaled about its middle; its edges are continued."""
    middle = image.width / 2, image.height / 2
    matrix = cv2.getRotationMatrix2D(middle, degrees, scale)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(
        np.asarray(image), matrix, image.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return Pillow.fromarray(np.asarray(moved, np.uint8))


def drop_shadow(ground: Pillow.Image, mask: Pillow.Image, at: tuple[int, int], *, blur: float, dark: float) -> None:
    """Darken the ground where the mask's shadow falls."""
    shade = Pillow.new("L", ground.size)
    shade.paste(mask, at)
    depth = shade.filter(ImageFilter.GaussianBlur(blur)).point(lambda value: value * dark)
    ground.paste(Pillow.new("RGB", ground.size), (0, 0), depth)


def png(image: Pillow.Image) -> bytes:
    """The file of an image, without loss."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def jpeg(image: Pillow.Image, quality: int) -> bytes:
    """The file of an image as a camera, a scanner or a site saves it."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
