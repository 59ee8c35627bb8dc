"""App icons of one style: the same rounded square, other symbols, in three colours and several sizes."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image as Pillow
from PIL import ImageDraw

from benchmarks.drawn.canvas import png

GROUNDS = ((38, 110, 214), (224, 84, 60), (52, 150, 96))
SIZES = (256, 192, 128, 96, 64)
_FULL, _WHITE = 1000, (255, 255, 255)
Shape = tuple[str, tuple[int, ...]]
"""What is drawn and where, on a square of a hundred; a shape that begins with "no " takes away."""

SYMBOLS: tuple[tuple[Shape, ...], ...] = (
    (("box", (20, 32, 80, 70)), ("no line", (20, 32, 50, 55, 80, 32))),
    (("area", (50, 20, 82, 48, 82, 82, 18, 82, 18, 48)), ("no box", (42, 58, 58, 82))),
    (("disc", (22, 22, 66, 66)), ("no disc", (31, 31, 57, 57)), ("line", (60, 60, 80, 80))),
    (("disc", (24, 28, 52, 56)), ("disc", (48, 28, 76, 56)), ("area", (25, 48, 75, 48, 50, 80))),
    (("area", (34, 22, 80, 50, 34, 78)),),
    (("line", (22, 52, 42, 72, 80, 30)),),
    (("box", (20, 34, 80, 74)), ("no disc", (36, 40, 64, 68)), ("disc", (42, 46, 58, 62)), ("box", (34, 26, 54, 36))),
    (("box", (28, 46, 72, 80)), ("ring", (34, 20, 66, 62)), ("no disc", (45, 56, 55, 66))),
    (("ring", (20, 20, 80, 80)), ("line", (50, 30, 50, 52, 66, 60))),
    (("disc", (36, 20, 64, 48)), ("arch", (20, 52, 80, 110))),
    (("box", (18, 62, 32, 80)), ("box", (42, 44, 56, 80)), ("box", (66, 24, 80, 80))),
    (("box", (20, 30, 44, 40)), ("box", (20, 36, 80, 76)), ("no line", (20, 46, 80, 46))),
    (("line", (50, 20, 50, 80)), ("line", (20, 50, 80, 50))),
    (("disc", (18, 44, 50, 74)), ("disc", (34, 28, 68, 66)), ("disc", (54, 46, 84, 74)), ("box", (34, 58, 70, 74))),
    (("disc", (22, 20, 80, 78)), ("no disc", (38, 14, 92, 68))),
    (("disc", (36, 36, 64, 64)), ("rays", (50, 50, 24, 33))),
    (("box", (18, 26, 82, 66)), ("area", (30, 62, 50, 62, 30, 84)), ("no line", (30, 40, 70, 40, 70, 52, 30, 52))),
    (("area", (50, 16, 60, 40, 86, 40, 65, 56, 73, 82, 50, 66, 27, 82, 35, 56, 14, 40, 40, 40)),),
    (("disc", (22, 62, 42, 82)), ("line", (40, 70, 40, 24, 74, 24, 74, 66)), ("disc", (56, 58, 76, 78))),
    (("line", (28, 18, 28, 84)), ("area", (30, 20, 78, 34, 30, 52))),
    (("disc", (28, 16, 72, 60)), ("area", (30, 46, 70, 46, 50, 86)), ("no disc", (41, 29, 59, 47))),
    (("box", (20, 24, 80, 80)), ("no line", (24, 38, 76, 38)), ("no box", (32, 50, 68, 62))),
    (("box", (16, 36, 76, 64)), ("box", (78, 44, 86, 56)), ("no box", (50, 40, 72, 60))),
    (("box", (30, 34, 70, 84)), ("box", (24, 22, 76, 30)), ("no line", (50, 44, 50, 74))),
)  # fmt: skip


def draw(number: int) -> bytes:
    """One icon; every other one is transparent around the rounded square, the others lie on white."""
    ground = GROUNDS[number % len(GROUNDS)]
    icon = Pillow.new("RGBA", (_FULL, _FULL), (0, 0, 0, 0) if number % 2 else (*_WHITE, 255))
    ImageDraw.Draw(icon).rounded_rectangle((40, 40, 960, 960), 210, ground)
    ImageDraw.Draw(icon).rounded_rectangle((40, 40, 960, 540), 210, tuple(min(255, each + 14) for each in ground))
    icon.paste(_WHITE, (0, 0), symbol(number))
    size = SIZES[number // 2 % len(SIZES)]
    small = icon.resize((size, size), Pillow.Resampling.LANCZOS)
    return png(small if number % 2 else small.convert("RGB"))


def symbol(number: int) -> Pillow.Image:
    """Where the symbol of that number is."""
    mask = Pillow.new("L", (_FULL, _FULL))
    pen = ImageDraw.Draw(mask)
    for name, points in SYMBOLS[number % len(SYMBOLS)]:
        _SHAPES[name.removeprefix("no ")](pen, tuple(10 * each for each in points), 0 if "no " in name else 255)
    return mask


def _rays(pen: ImageDraw.ImageDraw, at: tuple[int, ...], ink: int) -> None:
    """Eight strokes around a point, between two radii."""
    x, y, inner, outer = at
    for dx, dy in ((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7)):
        pen.line((x + dx * inner, y + dy * inner, x + dx * outer, y + dy * outer), ink, 60)


_SHAPES: dict[str, Callable[[ImageDraw.ImageDraw, tuple[int, ...], int], None]] = {
    "box": lambda pen, at, ink: pen.rounded_rectangle(at, 30, ink),
    "disc": lambda pen, at, ink: pen.ellipse(at, ink),
    "ring": lambda pen, at, ink: pen.ellipse(at, outline=ink, width=80),
    "arch": lambda pen, at, ink: pen.pieslice(at, 180, 360, ink),
    "area": lambda pen, at, ink: pen.polygon(at, ink),
    "line": lambda pen, at, ink: pen.line(at, ink, 70, joint="curve"),
    "rays": _rays,
}
