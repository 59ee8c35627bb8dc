"""What is asked, in the form that an index and a refiner take."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nearsight.errors import UsageError, naming
from nearsight.files import FileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import DecodedImage, Limits, decode_image, wrap_pixels
from nearsight.pipeline import Pipeline
from nearsight.search.arithmetic import mixed_row, mixes, said
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Image, Query


@dataclass(frozen=True)
class Asked:
    """A query as rows `(V, D)`, or a list of records: its own, those of other views, then of what it may be a copy in.

    `sure` of the rows are no guesses; `image` where there is an image, and `seen` its pixels as they were described.
    `said` is what is said of every hit instead of a judgement, where how near images are to each other does not tell
    how near this query should be.
    """

    rows: Any
    sure: int
    image: Image | None
    seen: Image | None = None
    said: str = ""


def asked(query: Query, plan: Pipeline, snapshot: Snapshot, files: FileSystem, limits: Limits) -> Asked:
    """The query for one plan.

    Raises
    ------
    UsageError
        where the query holds something that the plan cannot serve
    ImageError
        where the query's image cannot be read
    """
    if mixes(query):
        return _asked_mixed(query, plan, snapshot, files, limits)
    if query.colours:
        return _asked_colours(query, plan)
    if query.histogram is not None:
        return _asked_histogram(query, plan)
    if isinstance(query.image, int):
        return _asked_stored(query.image, query, plan, snapshot)
    if query.image is None:
        raise UsageError("nothing to search by: give an image, a text, colours, a histogram or words")
    pixels = query_pixels(query, files, limits)
    return _asked_image(plan, pixels(plan.descriptor.side), pixels(thumbnail.SIDE))


NAMELESS = "the query image"
"""What bytes and pixels are called, which have no name."""


def query_pixels(
    query: Query, files: FileSystem, limits: Limits, *, nameless: str = NAMELESS
) -> Callable[[int], Image]:
    """A function that gives the query's image, or the box of it, at a working side."""
    assert query.image is not None
    assert not isinstance(query.image, int)
    opened = opened_image(query.image, files, limits, full=query.box is not None, nameless=nameless)
    return lambda side: opened.render(side, query.box)


def opened_image(
    image: Path | bytes | Image, files: FileSystem, limits: Limits, *, full: bool, nameless: str = NAMELESS
) -> DecodedImage:
    """A file, its bytes or pixels as an image of which parts can be cut.

    Raises
    ------
    ImageError : it cannot be read; the message calls it by its path, or as `nameless` says
    UsageError : the pixels are not those of an image
    """
    if isinstance(image, np.ndarray):
        return wrap_pixels(image, nameless)
    with naming(nameless if isinstance(image, bytes) else str(image)):
        return decode_image(image if isinstance(image, bytes) else _content(image, files, limits), limits, full=full)


def _content(path: Path, files: FileSystem, limits: Limits) -> bytes:
    return files.read(os.path.realpath(os.fsencode(path)), limits.file)[0]


def _asked_stored(ident: int, query: Query, plan: Pipeline, snapshot: Snapshot) -> Asked:
    """An image of the collection asks with its stored row; its other views are described from its thumbnail."""
    if query.box is not None:
        raise UsageError("a box needs the image itself: give its file instead of its id")
    image, row = thumbnail.decode(snapshot.thumbnail_bytes(ident)), snapshot.vector(plan, ident)
    views, guesses = _views(plan, image)
    if len(views) == 1 and not guesses:
        return Asked([row] if plan.descriptor.variable_length else row[None], 1, image, image)
    made = Asked(plan.descriptor.encode_queries([*views, *guesses]), len(views), image, image)
    made.rows[0] = row
    return made


def _asked_mixed(query: Query, plan: Pipeline, snapshot: Snapshot, files: FileSystem, limits: Limits) -> Asked:
    """Images and texts, plus and minus others; the image of the query is the first of what is wanted."""

    def pixels(image: Path | bytes | Image) -> Image:
        return opened_image(image, files, limits, full=False).render(plan.descriptor.side, None)

    small = own = None
    if isinstance(query.image, int):
        if query.box is not None:
            raise UsageError("a box needs the image itself: give its file instead of its id")
        small, own = thumbnail.decode(snapshot.thumbnail_bytes(query.image)), snapshot.vector(plan, query.image)
    elif query.image is not None:
        cut = query_pixels(query, files, limits)
        small, own = cut(thumbnail.SIDE), plan.descriptor.describe([cut(plan.descriptor.side)])[0]
    return Asked(mixed_row(query, plan, own, pixels)[None], 1, small, said=said(query))


def _asked_colours(query: Query, plan: Pipeline) -> Asked:
    if query.image is not None:
        raise UsageError("ask with an image or with colours, not with both")
    row = plan.descriptor.embed_colours(rgb_shares(query.colours))
    if row is None or plan.rerankers:
        raise UsageError(f"{plan.name} cannot be asked with colours; ask by colour")
    return Asked(row[None], 1, None)


def _asked_histogram(query: Query, plan: Pipeline) -> Asked:
    if query.image is not None:
        raise UsageError("ask with an image or with a histogram, not with both")
    amounts, wanted = np.asarray(query.histogram, np.float64), plan.descriptor.size
    row = plan.descriptor.embed_histogram(amounts)
    if row is None or plan.rerankers:
        raise UsageError(f"{plan.name} cannot be asked with a histogram; ask by colour")
    if amounts.shape != (wanted,) or not (np.isfinite(amounts) & (amounts >= 0)).all() or not amounts.any():
        raise UsageError(
            f"a histogram of {plan.name} is {wanted} numbers of 0 or larger, not all 0; got {amounts.size} "
            f"with sum {amounts.sum():g}"
        )
    return Asked(row[None], 1, None)


def rgb_shares(colours: Mapping[str, float]) -> dict[tuple[int, int, int], float]:
    """Colours written as #rgb or #rrggbb, with their weights, as shares that sum to 1."""
    shares: dict[tuple[int, int, int], float] = {}
    for text, weight in colours.items():
        digits = text.strip().lstrip("#")
        if not re.fullmatch(r"(?:[0-9a-fA-F]{3}){1,2}", digits):
            raise UsageError(f'a colour is written #c33 or #cc3333; got "{text}"')
        if not (np.isfinite(weight) and weight > 0):
            raise UsageError(f"the weight of a colour is a number above 0; got {weight} for {text}")
        wide = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
        rgb = (int(wide[:2], 16), int(wide[2:4], 16), int(wide[4:], 16))
        shares[rgb] = shares.get(rgb, 0.0) + weight
    total = sum(shares.values())
    return {rgb: weight / total for rgb, weight in shares.items()}


def _asked_image(plan: Pipeline, pixels: Image, image: Image) -> Asked:
    views, guesses = _views(plan, pixels)
    return Asked(plan.descriptor.encode_queries([*views, *guesses]), len(views), image, pixels)


def _views(plan: Pipeline, pixels: Image) -> tuple[list[Image], list[Image]]:
    """The views that a plan asks with, and those that the query may be a copy in."""
    views, guesses = [pixels], list[Image]()
    for refiner in plan.rerankers:
        guesses += refiner.speculative_views(pixels)
        views = [view for each in views for view in refiner.query_views(each)]
    return views, guesses
