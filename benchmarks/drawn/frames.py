"""Other pictures in the same ornate frame on the same wall, as mock-ups of a shop and as photographs."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from benchmarks.drawn.canvas import (
    PHOTOGRAPHS,
    as_image,
    drop_shadow,
    expose,
    generator,
    grain,
    jpeg,
    nudge,
    quarter_of,
)

_SIZE, _OUTER, _INNER = (720, 600), (110, 70, 610, 500), (170, 130, 550, 440)
_GOLD = np.array([196, 156, 78], np.float32)


def draw(number: int) -> bytes:
    """A framed picture; every other one was photographed anew, the others are mock-ups of one wall."""
    rng = generator("frame", number)
    image = _wall()
    mask = Pillow.new("L", (_OUTER[2] - _OUTER[0], _OUTER[3] - _OUTER[1]), 255)
    drop_shadow(image, mask, (_OUTER[0] + 8, _OUTER[1] + 12), blur=10, dark=0.5)
    image.paste(_frame(), _OUTER[:2])
    size = _INNER[2] - _INNER[0], _INNER[3] - _INNER[1]
    quarter, which = divmod(number, len(PHOTOGRAPHS))
    image.paste(_paint(quarter_of(PHOTOGRAPHS[which], quarter, size)), _INNER[:2])
    if number % 2:
        turn = rng.normal(0, 0.3)
        image = expose(nudge(image, tuple(rng.normal(0, 3, 2)), degrees=turn), rng, noise=3)
    return jpeg(image, 90)


def _paint(photo: Pillow.Image) -> Pillow.Image:
    """A photograph as if painted: areas of one tone, warm colours."""
    flat = photo.filter(ImageFilter.ModeFilter(5)).filter(ImageFilter.UnsharpMask(2, 80))
    return as_image(np.asarray(flat, np.float32) * [1.0, 0.96, 0.86])


def _wall() -> Pillow.Image:
    """Plaster: a tone with fine grain, and a skirting board."""
    rng = generator("wall")
    plaster = 3 * grain(rng, _SIZE, 7) + 2 * grain(rng, _SIZE, 1)
    image = as_image(np.array([150, 168, 160]) + plaster[..., None])
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 556, 720, 600), (232, 230, 222))
    pen.line((0, 562, 720, 562), (190, 188, 180), 2)
    return image


def _frame() -> Pillow.Image:
    """A gilded frame: mouldings all around, and an ornament every 24 pixels."""
    wide, tall = _OUTER[2] - _OUTER[0], _OUTER[3] - _OUTER[1]
    rows, columns = np.mgrid[:tall, :wide].astype(np.float32)
    depth = np.minimum.reduce([rows, columns, tall - 1 - rows, wide - 1 - columns])
    light = 0.8 + 0.3 * np.sin(depth / 60 * 4 * np.pi) + 0.2 * (0.5 - rows / tall)
    image = as_image(light[..., None] * _GOLD)
    pen = ImageDraw.Draw(image)
    for along in range(10, wide, 24):
        for top in (16, tall - 38):
            _ornament(pen, along, top)
    for along in range(40, tall - 40, 24):
        for left in (16, wide - 38):
            _ornament(pen, left, along)
    return image.filter(ImageFilter.GaussianBlur(0.6))


def _ornament(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
    """A leaf with a bright edge."""
    pen.ellipse((left, top, left + 20, top + 20), (140, 100, 40), (238, 206, 128), 2)
    pen.arc((left + 5, top + 4, left + 15, top + 24), 180, 360, (248, 222, 150), 2)
