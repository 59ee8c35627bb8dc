"""One self-contained HTML page of answers: queries, hits, scores, verdicts, reasons, matched points."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined

from nearsight.cli.main import shown
from nearsight.collection.collection import Collection
from nearsight.collection.search import Hit, Results, query_pixels
from nearsight.files import LocalFiles
from nearsight.images import thumbnail
from nearsight.images.decode import Limits
from nearsight.types import Box, Query

SIDE = 384
"""The longest side of a query on the page."""
MOST_LINES = 60


@dataclass(frozen=True)
class Shown:
    """One hit as the page shows it: `lines` are x0, y0, x1, y1 in 0..1 of the query and of the hit."""

    hit: Hit
    name: str
    image: str
    lines: tuple[tuple[float, float, float, float], ...]
    outline: str


@dataclass(frozen=True)
class Answer:
    """One query with its hits; `lead` is a line above it."""

    title: str
    image: str
    results: Results
    hits: tuple[Shown, ...]
    lead: str = ""

    @classmethod
    def of(
        cls, photos: Collection, picture: Path, results: Results, *, box: Box | None = None, lead: str = ""
    ) -> Answer:
        """The answer to one query, with its pictures packed in."""
        pixels = query_pixels(Query(picture, box), LocalFiles(), Limits())(SIDE)
        hits = tuple(_shown(hit, photos.thumbnail(hit.id)) for hit in results)
        return cls(shown(picture.name), _packed(thumbnail.encode(pixels)), results, hits, lead)


def write(path: Path, title: str, answers: Sequence[Answer], intro: str = "") -> None:
    """Write the page. It asks for nothing from anywhere: styles and pictures are inside."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("nearsight.cli").joinpath("report.html").read_text("utf8"))
    page = template.render(title=shown(title), answers=answers, intro=intro)
    path.write_text(page, "utf8")


def _shown(hit: Hit, image: bytes) -> Shown:
    reason = hit.explanation
    lines: tuple[tuple[float, float, float, float], ...] = ()
    if hit.alike and reason.query_points is not None and reason.hit_points is not None:
        step = max(1, len(reason.query_points) // MOST_LINES)
        pairs = zip(reason.query_points[::step].tolist(), reason.hit_points[::step].tolist(), strict=True)
        lines = tuple((a[0], a[1], b[0], b[1]) for a, b in pairs)
    return Shown(hit, shown(hit.path), _packed(image), lines, _outline(hit))


def _outline(hit: Hit) -> str:
    """Where the query lies in the hit: the corners as an SVG polygon in 0..1, empty where it is not known."""
    if not hit.alike or hit.explanation.homography is None:
        return ""
    corners = hit.explanation.homography @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]])
    corners = (corners[:2] / corners[2]).T
    return " ".join(f"{x:.4f},{y:.4f}" for x, y in corners.tolist())


def _packed(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
