"""The images of the documentation: the photographs of `nearsight demo`, altered copies, and who is near to whom."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

import nearsight as ns
from docs_build import asked
from nearsight.cli.demo import NEGATIVES, PHOTOGRAPHS
from nearsight.evaluation.attacks import ATTACKS
from nearsight.images.decode import open_image
from nearsight.registry import natural_metric, require_method
from nearsight.types import Descriptor, Image, Metric

SIDE, THUMBNAIL = 512, 240
QUERIES = ("chelsea", "china", "coffee")
ALTERED = {"crop30": "cropped", "mirror": "mirrored", "rotate90": "turned", "grey": "without colour"}
NEIGHBOURS = 4
MADE = "images/made"


@dataclass(frozen=True)
class Shown:
    """An image with the lines below it; the first line stands out."""

    name: str
    lines: tuple[str, ...]
    alike: bool | None = None


@cache
def photographs() -> dict[str, Image]:
    """The photographs by their names, at most 512 pixels at the longest side."""
    found = {}
    for package, names in [*PHOTOGRAPHS.items(), *NEGATIVES.items()]:
        for name in names:
            data = files(package).joinpath(name).read_bytes()
            found[Path(name).stem.replace("_", " ")] = open_image(data).render(SIDE)
    return found


@cache
def gallery() -> dict[str, Image]:
    """The photographs, and altered copies of those that are asked with."""
    altered = {
        f"{name}, {said}": np.asarray(ATTACKS[kind](photographs()[name]))
        for name in QUERIES
        for kind, said in ALTERED.items()
    }
    return photographs() | altered


def nearest(descriptor: str, query: str) -> list[tuple[str, float]]:
    """The nearest images of the gallery by a descriptor and its natural metric, with their distances."""
    names, distances = _distances(descriptor)
    row = distances[names.index(query)]
    order = [at for at in np.argsort(row, kind="stable").tolist() if names[at] != query]
    return [(names[at], float(row[at])) for at in order[:NEIGHBOURS]]


@cache
def _distances(descriptor: str) -> tuple[list[str], np.ndarray]:
    cls = require_method(descriptor)
    assert issubclass(cls, Descriptor)
    metric = natural_metric(cls())
    assert isinstance(metric, Metric)
    rows = ns.describe(list(gallery().values()), descriptor)
    return list(gallery()), metric.distances(rows, rows)


def neighbours(descriptor: str, to_root: str) -> str:
    """The figure of a descriptor's page."""
    rows = [
        row(
            Shown(query, (query,)),
            [Shown(name, (plain(name, query), f"{far:.3g}")) for name, far in nearest(descriptor, query)],
            to_root,
        )
        for query in QUERIES
    ]
    return figure(rows)


def plain(name: str, query: str) -> str:
    """What a neighbour is called below its query."""
    return name.removeprefix(f"{query}, ")


def figure(rows: Sequence[str]) -> str:
    """Rows of images, as a figure."""
    return '<figure class="neighbours">\n' + "\n".join(rows) + "\n</figure>"


def row(query: Shown | None, found: Sequence[Shown], to_root: str) -> str:
    """A query and what was found, best first; without a query, just images."""
    asked = f'<div class="asked">{_image(query, to_root)}</div>' if query else ""
    each = "".join(f"<li>{_image(one, to_root)}</li>" for one in found)
    return f'<div class="row">{asked}<ol>{each}</ol></div>'


def _image(shown: Shown, to_root: str) -> str:
    first, *others = (html.escape(line) for line in shown.lines)
    state = {True: ' class="alike"', False: ' class="other"', None: ""}[shown.alike]
    lines = f"<b{state}>{first}</b>" + "".join(f"<span>{line}</span>" for line in others)
    source = f"{to_root}{MADE}/{slug(shown.name)}.jpg"
    return f'<img src="{source}" alt="{html.escape(shown.name)}" loading="lazy">{lines}'


def slug(name: str) -> str:
    """An image's name as a file is called."""
    return name.replace(", ", "-").replace(" ", "-")


def thumbnails() -> dict[str, bytes]:
    """Every image that is shown as a small JPEG, by the address that the pages show it from."""
    shown = {**gallery(), "two colours": asked.swatches(), "a drawing": asked.drawing()}
    return {f"{MADE}/{slug(name)}.jpg": _jpeg(image) for name, image in shown.items()}


def _jpeg(image: Image) -> bytes:
    out = io.BytesIO()
    small = PillowImage.fromarray(image)
    small.thumbnail((THUMBNAIL, THUMBNAIL), PillowImage.Resampling.LANCZOS)
    small.save(out, "JPEG", quality=86, optimize=True)
    return out.getvalue()
