"""Grey images of chests, as an X-ray shows them: all alike, each of another patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from benchmarks.drawn.canvas import as_image, font, generator, grain, jpeg

_SIZE = 560, 640
Grid = NDArray[np.float32]


def draw(number: int) -> bytes:
    """A chest: body, lungs, spine, ribs, heart and diaphragm; sizes and places differ from patient to patient."""
    rng = generator("radiograph", number)
    rows, columns = np.mgrid[: _SIZE[1], : _SIZE[0]].astype(np.float32)
    x, y = (columns - 280 - rng.normal(0, 8)) / 280, (rows - 320 - rng.normal(0, 8)) / 320
    light = 30 + 120 * _blob(x, y, (0, 0.15), (rng.normal(0.86, 0.03), rng.normal(1.05, 0.03)), 0.12)
    light += 60 * _blob(x, y, (rng.normal(0, 0.01), 0), (0.1, 1.3), 0.05)
    wide, tall = rng.normal(0.29, 0.02), rng.normal(0.56, 0.03)
    for side in (-1, 1):
        light -= 88 * _blob(x, y, (side * rng.normal(0.4, 0.02), rng.normal(-0.06, 0.02)), (wide, tall), 0.08)
        light += 50 * _blob(x, y, (side * 0.45, rng.normal(0.72, 0.03)), (0.42, 0.28), 0.1)
    light += 46 * _blob(x, y, (rng.normal(0.14, 0.02), rng.normal(0.24, 0.02)), (rng.normal(0.27, 0.02), 0.27), 0.08)
    light += _ribs(rng)
    return jpeg(_film(light, rng), 90)


def _blob(x: Grid, y: Grid, at: tuple[float, float], size: tuple[float, float], soft: float) -> Grid:
    """1 within an ellipse, 0 outside, with a soft edge."""
    radius = np.hypot((x - at[0]) / size[0], (y - at[1]) / size[1])
    return np.asarray(1 / (1 + np.exp(np.clip((radius - 1) / soft, -40, 40))), np.float32)


def _ribs(rng: np.random.Generator) -> Grid:
    """Nine pairs of arcs and the collar bones."""
    plate = Pillow.new("L", _SIZE)
    pen, gap, tilt = ImageDraw.Draw(plate), rng.normal(44, 2), rng.normal(0, 6)
    for rib in range(9):
        top, reach = 90 + rib * gap + rng.normal(0, 2), 150 + 9 * rib - 0.9 * rib**2
        for side in (-1, 1):
            middle = 280 + side * reach / 2
            box = middle - reach * 0.62, top + side * tilt, middle + reach * 0.62, top + side * tilt + 130
            pen.arc(box, 190, 350, 150, 13)
    for side in (-1, 1):
        pen.line((280 + side * 30, 120, 280 + side * 210, 92 + rng.normal(0, 6)), 170, 15)
    return np.asarray(plate.filter(ImageFilter.GaussianBlur(4)), np.float32) * 0.2


def _film(light: Grid, rng: np.random.Generator) -> Pillow.Image:
    """Fine marks of the tissue, the grain of the film, and the letter of the side."""
    film = as_image(light + 2.5 * grain(rng, _SIZE, 11) + 3.5 * grain(rng, _SIZE, 1))
    ImageDraw.Draw(film).text((500, 40), "L", 235, font(36))
    return film
