"""Pages of one book, scanned: another text in one layout, with skew, the tint of the paper, noise and JPEG."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from benchmarks.drawn.canvas import as_image, expose, font, generator, jpeg, nudge, words

_SIZE, _MARGIN, _LEADING, _LETTERS = (820, 1180), 110, 29, 20


def draw(number: int) -> bytes:
    """A page of 33 lines under the title of the book; every fifth one begins a chapter."""
    rng = generator("page", number)
    page = Pillow.new("L", _SIZE, 255)
    pen = ImageDraw.Draw(page)
    pen.text((410, 60), "A HISTORY OF THE COAST", 60, font(17), "mm")
    pen.text((410, 1130), str(40 + number), 60, font(17), "mm")
    top = 110
    if number % 5 == 0:
        pen.text((410, 190), words(rng, 2).title(), 40, font(34), "mm")
        top = 270
    _fill(pen, rng, top)
    return jpeg(_scan(page, rng), 78)


def _fill(pen: ImageDraw.ImageDraw, rng: np.random.Generator, top: int) -> None:
    """Lines of words as wide as the column; a paragraph ends now and then."""
    letters, width = font(_LETTERS), _SIZE[0] - 2 * _MARGIN
    for at in range(top, 1090, _LEADING):
        line, most = "", width * (rng.uniform(0.2, 0.8) if rng.random() < 0.15 else 1)
        while pen.textlength(longer := f"{line} {words(rng, 1)}".strip(), letters) <= most:
            line = longer
        pen.text((_MARGIN, at), line, 45, letters)


def _scan(page: Pillow.Image, rng: np.random.Generator) -> Pillow.Image:
    """What a scanner makes of it."""
    ink = np.asarray(page.filter(ImageFilter.GaussianBlur(0.6)), np.float32)[..., None] / 255
    paper = np.array([243, 236, 218]) + rng.normal(0, 2, 3)
    fold = 1 - 0.16 * np.exp(-np.arange(_SIZE[0]) / 40)[None, :, None]
    tinted = as_image((ink * paper + (1 - ink) * 38) * fold)
    shift = rng.normal(0, 5), rng.normal(0, 5)
    return expose(nudge(tinted, shift, degrees=rng.normal(0, 0.4)), rng, noise=3)
