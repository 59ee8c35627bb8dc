"""Slides of one presentation, tickets of one issuer, charts of one style: one form, other contents."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from benchmarks.drawn.canvas import font, generator, jpeg, png, words

_NAVY, _ORANGE, _GREY, _INK = (24, 44, 84), (232, 126, 42), (120, 124, 130), (44, 46, 52)
_CITIES = ("Lisbon", "Bergen", "Turin", "Graz", "Leeds", "Porto", "Lyon", "Malmo", "Basel", "Delft")


def draw_slide(number: int) -> bytes:
    """A title and some points within the bars and the logo of the template."""
    rng = generator("slide", number)
    slide = Pillow.new("RGB", (960, 540), "white")
    pen = ImageDraw.Draw(slide)
    pen.rectangle((0, 0, 960, 84), _NAVY)
    pen.rectangle((0, 84, 960, 90), _ORANGE)
    pen.ellipse((880, 16, 932, 68), _ORANGE)
    pen.text((906, 42), "N", "white", font(34), "mm")
    pen.text((40, 42), words(rng, 4).capitalize(), "white", font(36), "lm")
    for at in range(int(rng.integers(3, 7))):
        pen.ellipse((60, 146 + 58 * at, 72, 158 + 58 * at), _ORANGE)
        pen.text((92, 152 + 58 * at), words(rng, int(rng.integers(4, 9))), _INK, font(25), "lm")
    pen.line((40, 500, 920, 500), _GREY, 1)
    pen.text((40, 518), "Annual meeting, Northern Institute", _GREY, font(14), "lm")
    pen.text((920, 518), str(number + 3), _GREY, font(14), "rm")
    return png(slide)


def draw_ticket(number: int) -> bytes:
    """A train ticket: other places, date, seat, price and code."""
    rng = generator("ticket", number)
    ticket = Pillow.new("RGB", (840, 360), (250, 246, 232))
    pen = ImageDraw.Draw(ticket)
    pen.rectangle((0, 0, 840, 58), (150, 34, 44))
    pen.text((28, 29), "COASTAL RAILWAYS", "white", font(28), "lm")
    pen.line((600, 58, 600, 360), (180, 170, 150), 2)
    day = f"{rng.integers(1, 29):02}.{rng.integers(1, 13):02}.2024"
    start, end = rng.choice(_CITIES, 2, replace=False)
    for at, (label, value) in enumerate((
        ("FROM", start), ("TO", end), ("DATE", day), ("SEAT", f"{rng.integers(1, 80)}{rng.choice(list('ABCD'))}"),
        ("TRAIN", f"CR {rng.integers(100, 999)}"), ("PRICE", f"{rng.integers(9, 120)}.50"),
    )):  # fmt: skip
        left, top = 28 + at % 2 * 280, 80 + at // 2 * 90
        pen.text((left, top), label, _GREY, font(15))
        pen.text((left, top + 22), str(value), _INK, font(32))
    _code(ticket, rng)
    pen.text((720, 328), f"{rng.integers(10**8, 10**9)}", _INK, font(18), "mm")
    return jpeg(ticket, 85)


def _code(ticket: Pillow.Image, rng: np.random.Generator) -> None:
    """A code of squares with three corner marks."""
    cells = rng.random((25, 25)) < 0.5
    mark = np.pad(np.pad(np.ones((3, 3), bool), 1), 1, constant_values=True)
    for down, across in ((0, 0), (0, 18), (18, 0)):
        cells[down : down + 7, across : across + 7] = mark
    ticket.paste(Pillow.fromarray(np.where(cells, 0, 255).astype(np.uint8)).resize((200, 200), 0), (620, 90))


def draw_chart(number: int) -> bytes:
    """Bars or lines between the same axes, with the same legend."""
    rng = generator("chart", number)
    chart = Pillow.new("RGB", (800, 500), "white")
    pen = ImageDraw.Draw(chart)
    for step in range(6):
        height = 420 - 64 * step
        pen.line((80, height, 760, height), (222, 224, 228), 1)
        pen.text((70, height), str(20 * step), _GREY, font(15), "rm")
    pen.text((400, 36), f"{words(rng, 2).title()}, per cent", _INK, font(24), "mm")
    values = np.clip(rng.uniform(8, 70, 2)[:, None] + rng.normal(0, 8, (2, 12)).cumsum(1), 2, 98)
    (_bars if number % 2 else _lines)(pen, 420 - 3.2 * values)
    for at, (name, colour) in enumerate((("this year", _NAVY), ("last year", _ORANGE))):
        pen.rectangle((300 + 130 * at, 466, 316 + 130 * at, 482), colour)
        pen.text((324 + 130 * at, 474), name, _INK, font(15), "lm")
    return png(chart)


def _bars(pen: ImageDraw.ImageDraw, tops: np.ndarray) -> None:
    for month, (one, two) in enumerate(tops.T):
        left = 92 + 56 * month
        pen.rectangle((left, one, left + 18, 420), _NAVY)
        pen.rectangle((left + 20, two, left + 38, 420), _ORANGE)


def _lines(pen: ImageDraw.ImageDraw, tops: np.ndarray) -> None:
    for row, colour in zip(tops, (_NAVY, _ORANGE), strict=True):
        points = [(110 + 56 * month, float(top)) for month, top in enumerate(row)]
        pen.line(points, colour, 3, joint="curve")
        for x, y in points:
            pen.ellipse((x - 4, y - 4, x + 4, y + 4), colour)
