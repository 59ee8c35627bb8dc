"""A pair of images for each verdict of `copy`, drawn with the areas that differ: figures of the page on senses."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

import nearsight as ns
from docs_build import gallery
from docs_build.points import as_jpeg
from nearsight.evaluation.attacks import ATTACKS
from nearsight.geometry.drawing import draw_matches
from nearsight.images.decode import open_image
from nearsight.types import Image

Pair = tuple[bytes, bytes]
"""Two image files."""
FIRST = "coffee"
_PAPER, _INK = (244, 240, 230), (40, 36, 32)


def _png(image: Image) -> bytes:
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())


def _altered(kind: str) -> Callable[[], Pair]:
    """The photograph as it was altered, and as it is."""
    return lambda: (_png(np.asarray(ATTACKS[kind](_photo()))), _png(_photo()))


def _photo() -> Image:
    return gallery.photographs()[FIRST]


def _same_file() -> Pair:
    return _png(_photo()), _png(_photo())


def _same_pixels() -> Pair:
    encoded = cv2.imencode(".bmp", cv2.cvtColor(_photo(), cv2.COLOR_RGB2BGR))[1]
    return bytes(encoded.tobytes()), _png(_photo())


def _edited() -> Pair:
    """A text over the photograph."""
    written = _photo().copy()
    cv2.putText(written, "Monday", (150, 60), cv2.FONT_HERSHEY_DUPLEX, 1.6, (255, 255, 255), 3, cv2.LINE_AA)
    return _png(written), _png(_photo())


def _form(lines: tuple[str, ...]) -> Image:
    """A card of a catalogue: what is printed on it, and what is written into it."""
    card = np.full((420, 300, 3), _PAPER, np.uint8)
    cv2.rectangle(card, (0, 0), (300, 46), (30, 50, 92), -1)
    cv2.putText(card, "ACCESSION", (20, 32), cv2.FONT_HERSHEY_DUPLEX, 0.9, _PAPER, 1, cv2.LINE_AA)
    for row, (label, line) in enumerate(zip(("Title", "Maker", "Year", "Place", "State"), lines, strict=True)):
        top = 70 + 68 * row
        cv2.putText(card, label, (20, top + 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _INK, 1, cv2.LINE_AA)
        cv2.rectangle(card, (20, top + 14), (280, top + 52), _INK, 1)
        cv2.putText(card, line, (30, top + 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (40, 40, 130), 1, cv2.LINE_AA)
    return card


def _forms() -> Pair:
    return (
        _png(_form(("Two cups", "unknown", "1911", "Lisbon", "chipped"))),
        _png(_form(("A harbour", "J. Berg", "1874", "Bergen", "restored"))),
    )


def _on_one_table() -> Pair:
    """Two objects before one background."""
    table = gallery.photographs()["brick"]
    pair = []
    for name in ("chelsea", "astronaut"):
        thing = cv2.resize(gallery.photographs()[name], (270, 270), interpolation=cv2.INTER_AREA)
        shown = np.array(table[:420, :420])
        shown[75:345, 75:345] = thing
        pair.append(_png(np.ascontiguousarray(shown)))
    return pair[0], pair[1]


def _a_moment_later() -> Pair:
    """A photograph, and what it might show a moment later: everything has moved a little, each part by itself."""
    photo = gallery.photographs()["china"]
    rows, columns = np.mgrid[: photo.shape[0], : photo.shape[1]].astype(np.float32)
    across, down = 2 * np.sin(rows / 9) * np.cos(columns / 14), 2 * np.sin(columns / 11)
    moved = cv2.remap(photo, columns + across, rows + down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return _png(np.asarray(moved, np.uint8)), _png(photo)


def _other() -> Pair:
    return _png(_photo()), _png(gallery.photographs()["china"])


def _plain() -> Pair:
    return tuple(_png(np.full((300, 420, 3), level, np.uint8)) for level in (200, 120))  # type: ignore[return-value]


PAIRS: dict[str, Callable[[], Pair]] = {
    "identical file": _same_file,
    "identical image": _same_pixels,
    "copy": _altered("jpeg20"),
    "edited copy": _edited,
    "part": _altered("crop50"),
    "contains": _altered("screenshot"),
    "same template": _forms,
    "same surroundings": _on_one_table,
    "same scene": _a_moment_later,
    "not a copy": _other,
    "too plain to judge": _plain,
}
"""Two images for each verdict: what the first is to the second."""


@cache
def judged() -> dict[str, tuple[bytes, ns.Explanation]]:
    """For each verdict that should be given, the pair as a JPEG, and what is given."""
    found = {}
    with TemporaryDirectory() as place:
        for verdict, make in PAIRS.items():
            pair, first, second = make(), Path(place, "first"), Path(place, "second")
            first.write_bytes(pair[0])
            second.write_bytes(pair[1])
            explanation = ns.match(first, second)
            plain = replace(explanation, query_points=None, hit_points=None)
            images = [open_image(data).render(gallery.SIDE) for data in pair]
            found[verdict] = as_jpeg(draw_matches(images[0], images[1], plain)), explanation
    return found


def images() -> dict[str, bytes]:
    """Every drawn pair by the address that the page shows it from."""
    return {_address(verdict): jpeg for verdict, (jpeg, _) in judged().items()}


def figure() -> str:
    """All pairs, each with its verdict and its sentence."""
    items = []
    for verdict, (_, explanation) in judged().items():
        alt = html.escape(f"two images, verdict: {verdict}")
        image = f'<img src="{_address(verdict)}" alt="{alt}" loading="lazy">'
        shown = ' class="alike"' if explanation.alike else ""
        name = f"<b{shown}>{html.escape(explanation.verdict)}</b>"
        items.append(f"<li>{image}{name}<span>{html.escape(explanation.sentence)}</span></li>")
    return f'<figure class="points verdicts"><ol>{"".join(items)}</ol></figure>'


def _address(verdict: str) -> str:
    return f"{gallery.MADE}/verdict-{verdict.replace(' ', '-')}.jpg"
