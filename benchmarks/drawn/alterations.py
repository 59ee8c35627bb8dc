"""True copies of a drawn image, and the verdicts that are right for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageOps

from benchmarks.drawn.canvas import font, jpeg, png, words

_COPY = ("copy", "identical image")


@dataclass(frozen=True)
class Alteration:
    """One way of making a copy of an image, and the verdicts that say what was done."""

    alter: Callable[[Pillow.Image, np.random.Generator], bytes]
    right: tuple[str, ...]


def _save(image: Pillow.Image, quality: int = 90) -> bytes:
    """As a JPEG, or without loss where something is transparent."""
    return png(image) if image.mode == "RGBA" else jpeg(image, quality)


def _save_again(image: Pillow.Image, rng: np.random.Generator) -> bytes:
    """JPEG 80; what was transparent becomes white."""
    ground = Pillow.new("RGB", image.size, "white")
    ground.paste(image, (0, 0), _opaque(image))
    return jpeg(ground, 80)


def _opaque(image: Pillow.Image) -> Pillow.Image:
    return image.convert("RGBA").getchannel("A")


def _scale(image: Pillow.Image, rng: np.random.Generator) -> bytes:
    size = round(0.7 * image.width), round(0.7 * image.height)
    return _save(image.resize(size, Pillow.Resampling.LANCZOS))


def _crop(image: Pillow.Image, rng: np.random.Generator) -> bytes:
    """A fifth of the area is removed; where the rest lies is drawn."""
    wide, tall = round(image.width * 0.8**0.5), round(image.height * 0.8**0.5)
    left, top = int(rng.integers(image.width - wide + 1)), int(rng.integers(image.height - tall + 1))
    return _save(image.crop((left, top, left + wide, top + tall)))


def _mirror(image: Pillow.Image, rng: np.random.Generator) -> bytes:
    return _save(ImageOps.mirror(image))


def _stick(image: Pillow.Image, rng: np.random.Generator) -> bytes:
    """A round yellow label, a sixth of the shorter side wide and at least 20 pixels, somewhere within."""
    size = max(20, min(image.size) // 6)
    label = Pillow.new("L", (4 * size, 4 * size))
    ImageDraw.Draw(label).ellipse((0, 0, 4 * size - 1, 4 * size - 1), 255)
    left, top = (int(rng.integers(side // 6, side - size - side // 6)) for side in image.size)
    changed = image.copy()
    changed.paste((250, 214, 40), (left, top), label.resize((size, size), Pillow.Resampling.LANCZOS))
    ImageDraw.Draw(changed).text((left + size / 2, top + size / 2), "-20%", (170, 20, 20), font(size / 3), "mm")
    return _save(changed)


def _place(image: Pillow.Image, rng: np.random.Generator) -> bytes:
    """Within a page of a site that is a good half wider and higher, below its bar and beside some lines."""
    wide, tall = max(320, round(image.width / 0.6)), max(240, round(image.height / 0.6))
    page = Pillow.new("RGB", (wide, tall), (246, 246, 244))
    pen, letters = ImageDraw.Draw(page), font(max(11, tall / 34))
    pen.rectangle((0, 0, wide, tall // 9), (38, 44, 58))
    pen.text((14, tall / 18), "The daily harbour      news   images   contact", "white", letters, "lm")
    at = round(0.05 * wide), tall // 6
    page.paste(image, at, _opaque(image))
    for line in range(8):
        if line * tall / 20 < image.height - tall / 30:
            pen.text((at[0] + image.width + 16, at[1] + line * tall / 20), words(rng, 4), (60, 60, 60), letters)
        pen.text((at[0], at[1] + image.height + 12 + line * tall / 20), words(rng, 9), (60, 60, 60), letters)
    return png(page)


ALTERATIONS: dict[str, Alteration] = {
    "saved again": Alteration(_save_again, _COPY),
    "scaled": Alteration(_scale, _COPY),
    "mirrored": Alteration(_mirror, _COPY),
    "cropped": Alteration(_crop, ("part",)),
    "sticker": Alteration(_stick, ("edited copy",)),
    "in a page": Alteration(_place, ("contains",)),
}
