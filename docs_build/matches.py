"""What two images have in common, drawn: a photograph, and a view of it from elsewhere."""

from __future__ import annotations

import html
from functools import cache
from typing import Any, cast

import cv2
import numpy as np

from docs_build import gallery
from docs_build.points import as_jpeg
from nearsight.applications.match import explain_copy, explain_object
from nearsight.errors import ModelMissingError
from nearsight.geometry.drawing import draw_matches
from nearsight.images.decode import open_image
from nearsight.registry import methods
from nearsight.types import Explanation, Image, LocalDescriptor

SHOWN, BEHIND = "coffee", "rocket"
REFINERS = {"spatial": "sift", "verify": ""}
"""Re-rankers that match points, and their features; `verify` has its own."""
_VIEW = np.array([[0.62, -0.16, 150], [0.2, 0.6, 30], [0.0004, 0.0002, 1]])


@cache
def _pair() -> tuple[Image, Image]:
    """The photograph, and another one on which it lies as an image that is seen aslant."""
    photo, back = (gallery.photographs()[each] for each in (SHOWN, BEHIND))
    size = (photo.shape[1], photo.shape[0])
    table = cv2.resize(back, size, interpolation=cv2.INTER_AREA)
    seen = cv2.warpPerspective(photo, _VIEW, size, dst=table, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT)
    return photo, np.asarray(seen, np.uint8)


@cache
def _found(name: str) -> Explanation:
    """What matches by these features, or by this re-ranker; ModelMissingError where the method's model is not here."""
    features = REFINERS.get(name, name)
    if not features:
        first, second = (open_image(each).render for each in _pair())
        return explain_copy(first, second)
    local = cast(Any, methods("features")[features])()
    assert isinstance(local, LocalDescriptor)
    local.load()
    return explain_object(local, *_pair())


def figure(name: str, to_root: str) -> str:
    """The figure of a method's page; ModelMissingError where its model is not here."""
    said = _found(name)
    alt = html.escape(f"{SHOWN} and another view of it, what matches by {name}")
    image = f'<img src="{to_root}{_address(name)}" alt="{alt}" loading="lazy">'
    return f'<figure class="matches"><ol><li>{image}<span>{html.escape(said.sentence)}</span></li></ol></figure>'


def images() -> dict[str, bytes]:
    """Every drawn pair as a JPEG, by the address that the pages show it from."""
    own = [name for name, cls in methods("features").items() if cls.__module__.startswith("nearsight.")]
    made = {}
    for name in (*own, *REFINERS):
        try:
            made[_address(name)] = as_jpeg(draw_matches(*_pair(), _found(name)))
        except ModelMissingError:
            continue
    return made


def _address(name: str) -> str:
    return f"{gallery.MADE}/matches-{name}.jpg"
