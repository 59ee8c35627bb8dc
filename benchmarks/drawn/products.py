"""One product in several colours and with several prints: mugs before one studio ground, with one shadow."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from benchmarks.drawn.canvas import as_image, drop_shadow, expose, font, generator, jpeg, nudge

COLOURS = ((200, 44, 40), (36, 84, 170), (240, 238, 232), (46, 120, 70), (240, 190, 50), (60, 60, 66))
PRINTS = ("plain", "stripes", "dots", "HELLO")
_SIZE = 640, 640


def draw_render(number: int) -> bytes:
    """As a shop renders its variants: nothing but the colour and the print differs."""
    return jpeg(_mug(number), 90)


def draw_photograph(number: int) -> bytes:
    """As a studio photographs them: each mug is put there by hand, and has its own exposure."""
    rng = generator("product", number)
    turn, size = rng.normal(0, 0.5), rng.normal(1, 0.004)
    placed = nudge(_mug(number), (rng.normal(0, 3), rng.normal(0, 1.5)), degrees=turn, scale=size)
    return jpeg(expose(placed, rng, noise=2.5), 88)


def _mug(number: int) -> Pillow.Image:
    colour, name = COLOURS[number % len(COLOURS)], PRINTS[number // len(COLOURS) % len(PRINTS)]
    image, mask = _studio(), _outline()
    drop_shadow(image, mask, (24, 34), blur=22, dark=0.42)
    paint = Pillow.new("RGB", _SIZE, colour)
    _print(paint, name, (250, 248, 244) if sum(colour) < 560 else (40, 44, 60))
    image.paste(_shade(paint), (0, 0), mask)
    rim = ImageDraw.Draw(image)
    rim.ellipse((170, 140, 430, 196), tuple(int(0.55 * each) for each in colour), tuple(colour), 7)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def _studio() -> Pillow.Image:
    """A seamless ground, lit from the upper left."""
    rows, columns = np.mgrid[: _SIZE[1], : _SIZE[0]].astype(np.float32)
    light = 238 - 0.045 * rows - 0.02 * columns - 10 * (rows > 430) * np.minimum(1, (rows - 430) / 60)
    return as_image(light[..., None] * np.array([1, 0.99, 0.97]))


def _outline() -> Pillow.Image:
    mask = Pillow.new("L", _SIZE)
    pen = ImageDraw.Draw(mask)
    pen.ellipse((390, 220, 530, 420), outline=255, width=34)
    pen.rectangle((170, 168, 430, 480), 255)
    pen.ellipse((170, 140, 430, 196), 255)
    pen.ellipse((170, 452, 430, 508), 255)
    return mask


def _print(paint: Pillow.Image, name: str, ink: tuple[int, int, int]) -> None:
    """What is printed on the mug."""
    pen = ImageDraw.Draw(paint)
    if name == "stripes":
        for top in range(250, 430, 50):
            pen.rectangle((170, top, 430, top + 22), ink)
    elif name == "dots":
        for at in range(24):
            left, top = 186 + at % 6 * 42, 240 + at // 6 * 52
            pen.ellipse((left, top, left + 22, top + 22), ink)
    elif name != "plain":
        pen.text((300, 330), name, ink, font(68), "mm")


def _shade(paint: Pillow.Image) -> Pillow.Image:
    """The light on a cylinder: a soft highlight left of the middle, dark edges."""
    across = (np.arange(_SIZE[0]) - 300) / 190
    light = (
        0.55 + 0.5 * np.sqrt(np.clip(1 - (across + 0.15) ** 2, 0, 1)) + 0.25 * np.exp(-(((across + 0.35) / 0.08) ** 2))
    )
    return as_image(np.asarray(paint, np.float32) * light[None, :, None])
