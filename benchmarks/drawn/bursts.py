"""Frames of one scene: from a tripod with moved objects, and from the hand with parallax; each with its own noise."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter

from benchmarks.drawn.canvas import PHOTOGRAPHS, drop_shadow, expose, generator, jpeg, nudge, part_of

FRAMES = 5
"""Frames of one scene; the next number begins another."""
_SIZE = 720, 480
_THINGS = 3


def draw_tripod(number: int) -> bytes:
    """The background stays where it is; the objects have moved by a tenth of the width and more."""
    scene, frame = divmod(number, FRAMES)
    rng = generator("tripod", scene, frame)
    image = _background("tripod", scene)
    for thing in range(_THINGS):
        across = (0.12 + 0.27 * thing + frame * (0.11 + 0.03 * thing)) % 0.85
        place = across * _SIZE[0], _SIZE[1] * (0.5 + 0.1 * thing) + rng.normal(0, 6)
        _put(image, "tripod", (scene, thing), place)
    return jpeg(expose(image, rng, noise=3.5), int(rng.integers(82, 93)))


def draw_hand_held(number: int) -> bytes:
    """The camera has moved and turned a little: what is nearer moves further; one object moves by itself."""
    scene, frame = divmod(number, FRAMES)
    rng = generator("hand", scene, frame)
    sway = rng.normal(0, 5, 2)
    image = nudge(_background("hand", scene), tuple(sway))
    for thing in range(_THINGS):
        own = frame * 22 if thing == 0 else 0
        nearer = 1.6 + 0.5 * thing
        place = _SIZE[0] * (0.08 + 0.3 * thing) + nearer * sway[0] + own, 210 + 24 * thing + nearer * sway[1]
        _put(image, "hand", (scene, thing), place)
    turned = nudge(image, (0, 0), degrees=rng.normal(0, 0.6), scale=1.03)
    return jpeg(expose(turned, rng, noise=3.5), int(rng.integers(82, 93)))


def _background(kind: str, scene: int) -> Pillow.Image:
    """Even scenes are a photograph, odd ones a drawn street."""
    rng = generator(f"{kind} background", scene)
    if scene % 2 == 0:
        return part_of(PHOTOGRAPHS[(2 + scene // 2 + 2 * (kind == "hand")) % len(PHOTOGRAPHS)], _SIZE, rng, least=0.8)
    return _street(rng)


def _street(rng: np.random.Generator) -> Pillow.Image:
    """Houses with windows below a sky, a pavement and a road."""
    image = Pillow.new("RGB", _SIZE, (168, 196, 224))
    pen, left = ImageDraw.Draw(image), -20
    while left < _SIZE[0]:
        wide, top = int(rng.integers(90, 170)), int(rng.integers(30, 130))
        tone = tuple(int(each) for each in rng.integers(90, 210, 3))
        pen.rectangle((left, top, left + wide, 330), tone)
        for across in range(left + 14, left + wide - 24, 34):
            for down in range(top + 18, 300, 46):
                pen.rectangle((across, down, across + 18, down + 28), (54, 64, 84), (228, 226, 218), 2)
        left += wide + 3
    pen.rectangle((0, 330, 720, 370), (150, 146, 140))
    pen.rectangle((0, 370, 720, 480), (84, 86, 90))
    for across in range(10, 720, 90):
        pen.rectangle((across, 420, across + 44, 427), (226, 224, 210))
    grain = rng.normal(128, 22, (_SIZE[1], _SIZE[0], 3)).astype(np.uint8)
    return Pillow.blend(image, Pillow.fromarray(grain).filter(ImageFilter.GaussianBlur(1)), 0.15)


def _put(image: Pillow.Image, kind: str, which: tuple[int, int], place: tuple[float, float]) -> None:
    """Put an object into the scene: a piece of another photograph, cut out as an ellipse, with its shadow."""
    rng = generator(f"{kind} thing", *which)
    size = int(rng.integers(80, 120)), int(rng.integers(80, 120))
    piece = part_of(PHOTOGRAPHS[(sum(which) + 4) % len(PHOTOGRAPHS)], size, rng, least=0.3)
    mask = Pillow.new("L", size)
    ImageDraw.Draw(mask).ellipse((3, 3, size[0] - 4, size[1] - 4), 255)
    at = round(place[0]), round(place[1])
    drop_shadow(image, mask, (at[0] + 6, at[1] + 10), blur=7, dark=0.4)
    image.paste(piece, at, mask.filter(ImageFilter.GaussianBlur(1)))
