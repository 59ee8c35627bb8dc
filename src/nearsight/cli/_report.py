"""Self-contained HTML pages: of answers, with hits, verdicts, reasons and matched points; of groups of duplicates."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from nearsight.api.collection import Collection
from nearsight.applications.duplicates.results import Duplicates
from nearsight.geometry.drawing import draw_matches
from nearsight.images import thumbnail
from nearsight.images.decode import open_image
from nearsight.search.results import Hit, Results
from nearsight.types import Box, Explanation, Image, ImageSource, colour_shares
from nearsight.wording import plural, to_printable

MAX_GROUPS = 500
"""Groups of duplicates on a page; --json and --csv have all."""
SIDE = 384
"""The longest side of a query on the page."""


@dataclass(frozen=True)
class PageHit:
    """One hit on the page. `matched` shows both images side by side with what `drawn` names, or is empty."""

    hit: Hit
    name: str
    image: str
    matched: str
    drawn: str


@dataclass(frozen=True)
class PageAnswer:
    """One query with its hits; `lead` is a line above it, `swatches` are the query's colours with their per cent."""

    title: str
    query_image: str
    results: Results
    hits: tuple[PageHit, ...]
    lead: str = ""
    swatches: tuple[tuple[str, float], ...] = ()

    @classmethod
    def of(
        cls,
        photos: Collection,
        image: ImageSource | None,
        results: Results,
        *,
        title: str,
        box: Box | None = None,
        colours: Mapping[str, float] | None = None,
        lead: str = "",
    ) -> PageAnswer:
        """Return the answer to one query with its images embedded; a query by colours or words has no image."""
        opened = None if image is None else open_image(image, full=box is not None)
        small = None if opened is None else opened.render(thumbnail.SIDE, box)
        hits = tuple(_report_page_hit(small, hit, photos.thumbnail(hit.id), photos.explain(hit)) for hit in results)
        swatches = tuple((f"rgb{rgb}", 100 * share) for rgb, share in colour_shares(colours or {}).items())
        query_image = _data_address(thumbnail.encode(opened.render(SIDE, box))) if opened else ""
        return cls(to_printable(title), query_image, results, hits, lead, swatches)


def write_page(path: Path, title: str, answers: Sequence[PageAnswer], intro: str = "") -> None:
    """Write the page. It loads nothing: styles and images are inside."""
    _render("report.html", path, title=to_printable(title), answers=answers, intro=intro, plural=plural)


def _render(template: str, path: Path, **values: Any) -> None:  # noqa: ANN401 - of the template's names
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made = environment.from_string(files("nearsight.cli").joinpath(template).read_text("utf8"))
    path.write_text(made.render(values), "utf8")


def write_groups_page(path: Path, photos: Collection, found: Duplicates, title: str) -> None:
    """Write the page of the first groups of duplicates: thumbnails, what differs framed, sizes, and which to keep."""
    ids = {os.fsdecode(image.path): image.id for image in photos.images()}
    groups = [
        {
            "keep": to_printable(group.keep),
            "keep_why": to_printable(group.keep_why),
            "same": any(each.same_as_kept for each in group.members),
            "members": [
                {
                    "member": each,
                    "name": to_printable(each.path),
                    "image": _data_address(photos.thumbnail(ids[each.path])) if each.path in ids else "",
                }
                for each in group.members
            ],
        }
        for group in found.groups[:MAX_GROUPS]
    ]
    shown = f"the first {MAX_GROUPS:,} of " if len(found.groups) > MAX_GROUPS else ""
    intro = f"{shown}{plural(len(found.groups), 'group')} among {plural(found.n_images, 'image')}. Nothing was deleted."
    _render("duplicates.html", path, title=to_printable(title), intro=intro, groups=groups)


def _report_page_hit(query: Image | None, hit: Hit, stored: bytes, reason: Explanation) -> PageHit:
    matched, why = "", ""
    if query is not None and hit.alike and reason.query_points is not None:
        why = "with the points that match"
    if query is not None and reason.changes:
        why = "framed where they differ"
    if query is not None and hit.alike is not False and reason.query_shares is not None:
        why = "warm where they are alike"
    if query is not None and why:
        matched = _data_address(thumbnail.encode(draw_matches(query, thumbnail.decode(stored), reason)))
    return PageHit(hit, to_printable(hit.path), _data_address(stored), matched, why)


def _data_address(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
