"""What local features find in an image, drawn into it."""

from __future__ import annotations

import dataclasses
import html
import io
from functools import cache
from typing import Any, cast

import cv2
import numpy as np
from PIL import Image as PillowImage

from docs_build import gallery
from nearsight.errors import ModelMissingError
from nearsight.registry import methods
from nearsight.types import Image, LocalDescriptor, LocalFeatures

SHOWN = ("coffee", "china")
MOST = 150
"""So many features are drawn, the strongest."""
_TWICE = 2
_INK, _EDGE = (87, 211, 155), (10, 30, 20)


@cache
def found(name: str, image: str) -> LocalFeatures:
    """The features of a photograph, at most `MOST`; ModelMissingError where the method's model is not here."""
    made = dataclasses.replace(cast(Any, methods("features")[name]()), n=MOST)
    assert isinstance(made, LocalDescriptor)
    made.load()
    return made.describe([gallery.photographs()[image]])[0]


def drawn(image: Image, features: LocalFeatures) -> Image:
    """Twice as large and pale, with a circle of each feature's diameter and a line along its angle."""
    size = (_TWICE * image.shape[1], _TWICE * image.shape[0])
    sheet = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC) // 2 + 40
    for ink, width in ((_EDGE, 4), (_INK, 2)):
        for (x, y), scale, angle in zip(features.points, features.scales, np.radians(features.angles), strict=True):
            radius = max(2.0, _TWICE * scale / 2)
            middle = (round(float(_TWICE * x)), round(float(_TWICE * y)))
            end = (round(middle[0] + float(radius * np.cos(angle))), round(middle[1] + float(radius * np.sin(angle))))
            cv2.circle(sheet, middle, round(float(radius)), ink, width, cv2.LINE_AA)
            cv2.line(sheet, middle, end, ink, width, cv2.LINE_AA)
    return np.asarray(sheet, np.uint8)


def figure(name: str, to_root: str) -> str:
    """The figure of a method's page; ModelMissingError where its model is not here."""
    each = "".join(
        f'<li><img src="{to_root}{_address(name, image)}" alt="{html.escape(f"{image}, {name}")}" loading="lazy">'
        f"<span>{len(found(name, image))}</span></li>"
        for image in SHOWN
    )
    return f'<figure class="points"><ol>{each}</ol></figure>'


def images() -> dict[str, bytes]:
    """Every drawn image as a JPEG, by the address that the pages show it from."""
    made = {}
    for name, cls in methods("features").items():
        if not cls.__module__.startswith("nearsight."):
            continue
        try:
            sheets = {each: drawn(gallery.photographs()[each], found(name, each)) for each in SHOWN}
        except ModelMissingError:
            continue
        made.update({_address(name, each): as_jpeg(sheet) for each, sheet in sheets.items()})
    return made


def _address(name: str, image: str) -> str:
    return f"{gallery.MADE}/points-{gallery.slug(image)}-{name}.jpg"


def as_jpeg(image: Image) -> bytes:
    """The image as a file."""
    out = io.BytesIO()
    PillowImage.fromarray(image).save(out, "JPEG", quality=80, optimize=True)
    return out.getvalue()
