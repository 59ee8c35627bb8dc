"""The query parameters of a search: parsing, validation, and the call of the library."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from fastapi import Depends
from fastapi import Query as Param

from nearsight.api.collection import Collection
from nearsight.errors import UsageError
from nearsight.search.results import Hit, Results
from nearsight.senses import SENSES
from nearsight.server.collections import WORDS
from nearsight.server.decoder import RenderedImage
from nearsight.server.errors import RefusedError, not_found_error
from nearsight.types import Box, Query, make_query
from nearsight.types.query import parse_box

COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})(?::([0-9.eE+-]{1,24}))?")
MAX_COLOURS = 16
MAX_FEEDBACK_IDS = 100
MAX_ID = (1 << 63) - 1


@dataclass(frozen=True)
class SearchParams:
    """A query: an image (an upload or one of the collection), colours, a histogram, texts, words or a filter."""

    upload: str | None = None
    id: int | None = None
    colours: tuple[tuple[str, float], ...] = ()
    histogram: tuple[float, ...] | None = None
    text: tuple[str, ...] = ()
    minus_text: tuple[str, ...] = ()
    words: str = ""
    where: str = ""
    by: tuple[str, ...] = ()
    fuse: str = "reciprocal"
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    k: int = 20
    box: Box | None = None

    def __post_init__(self) -> None:
        if self.upload is not None and self.id is not None:
            raise UsageError("a query has one image: give upload= or id=, not both")
        _ = self.query

    @cached_property
    def query(self) -> Query:
        """The query, checked; empty bytes stand for an image whose pixels are to be decoded."""
        return make_query(
            b"" if self.needs_pixels else self.id,
            by=tuple(each for each in self.by if not (each == WORDS and self.words)),
            fuse=self.fuse,
            k=self.k,
            box=self.box,
            like=self.like,
            unlike=self.unlike,
            colours=dict(self.colours),
            histogram=self.histogram,
            text=self.text,
            minus_text=self.minus_text,
            words=self.words,
            where=self.where,
        )

    @property
    def senses(self) -> tuple[str, ...]:
        """The senses to search by; empty for the default one and for words alone."""
        return self.query.by or ((self.query.default_sense,) if self.query.default_sense else ())

    @property
    def needs_pixels(self) -> bool:
        """Whether the query image must be decoded: a whole stored image has vectors, a box of it has not."""
        return self.upload is not None or (self.id is not None and self.box is not None)

    def as_dict(self) -> dict[str, Any]:
        """Return the query as JSON, for the response."""
        echo = {name: getattr(self, name) for name in ("upload", "id", "words", "where", "fuse", "k", "box")}
        echo |= {"text": list(self.text), "minus_text": list(self.minus_text)}
        feedback = {"by": ",".join(self.by) or None, "like": list(self.like), "unlike": list(self.unlike)}
        return {**echo, **feedback, "colours": dict(self.colours), "histogram": self.histogram and list(self.histogram)}


def parse_colours_param(text: str) -> tuple[tuple[str, float], ...]:
    """Parse `c33:.6,eee:.4` as colours with shares; a missing share is 1. UsageError on anything else."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > MAX_COLOURS:
        raise UsageError(f"a query has at most {MAX_COLOURS} colours; got {len(words)}")
    return tuple(_parse_colour(word) for word in words)


def parse_histogram(text: str) -> tuple[float, ...] | None:
    """Parse comma-separated numbers; None for an empty text. UsageError on anything else."""
    if not text.strip():
        return None
    values = tuple(_parse_number(word) for word in text.split(","))
    if not all(map(math.isfinite, values)):
        raise UsageError(f"a histogram is a comma-separated list of numbers; got {text[:60]!r}")
    return values


def parse_ids(text: str) -> tuple[int, ...]:
    """Parse comma-separated ids of images. UsageError on anything else."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > MAX_FEEDBACK_IDS or not all(re.fullmatch("[0-9]{1,18}", word) for word in words):
        limit = f"at most {MAX_FEEDBACK_IDS}"
        raise UsageError(f"like= and unlike= are comma-separated image ids, {limit}; got {text[:60]!r}")
    return tuple(map(int, words))


def _parse_colour(word: str) -> tuple[str, float]:
    match = COLOUR.fullmatch(word)
    share = _parse_number(match[2] or "1") if match else math.nan
    if not match or not 0 < share <= 1e6:
        raise UsageError(f"a colour is three or six hex digits and a share above 0, such as c33:.6; got {word!r}")
    return "#" + match[1].lower(), share


def _parse_number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def require_senses(collection: Collection, params: SearchParams) -> None:
    """RefusedError (422) if the collection is not indexed by a sense of the query."""
    for each in params.senses:
        require_sense(collection, each)


def require_sense(collection: Collection, name: str | None) -> None:
    """RefusedError (422) if the collection is not indexed by that sense; None is the default one."""
    indexed = collection.senses
    if name is not None and name not in indexed:
        hint = f"start a job by {name}" if name in SENSES else f"use one of: {', '.join(indexed)}"
        raise RefusedError(422, f"this collection is not indexed by {name!r}", hint)


def search_with_params(
    collection: Collection,
    params: SearchParams,
    image: RenderedImage | None,
    watch: Callable[[Results], None] | None = None,
) -> Results:
    """Search a collection; `watch` gets provisional results. UsageError if the query is invalid."""
    query = params.query
    if image is not None:
        pixels, box = image.pixels(), None
        if params.box is not None:
            box = scale_box_param(params.box, (image.width, image.height), (pixels.shape[1], pixels.shape[0]))
        query = replace(query, image=pixels, box=box, sha256=image.sha256, pixel_digest=image.pixel_digest)
    return collection.answer(query, watch)


def scale_box_param(box: Box, size: tuple[int, int], reduced: tuple[int, int]) -> Box:
    """Scale a box from pixels of the full image to those of the reduced one. UsageError if it is not inside."""
    x0, y0, x1, y1 = box
    width, height = size
    if not (-1 <= x0 < x1 <= width + 1 and -1 <= y0 < y1 <= height + 1):
        raise UsageError(
            f"a box is x0,y0,x1,y1 within the image of {width} x {height} pixels, with x0 < x1 and y0 < y1; "
            f"got {','.join(f'{value:g}' for value in box)}"
        )
    x, y = reduced[0] / width, reduced[1] / height
    return x0 * x, y0 * y, x1 * x, y1 * y


def find_hit(results: Results, image_id: int) -> Hit:
    """Return the hit of an image id. RefusedError (404) if it is not among the hits."""
    for hit in results:
        if hit.id == image_id:
            return hit
    raise not_found_error(f"image {image_id} among the hits", "explain a hit of the same search")


async def read_search_params(
    upload: Annotated[str | None, Param(pattern="^[0-9a-f]{32}$", description="id of an upload")] = None,
    id: Annotated[int | None, Param(ge=1, le=MAX_ID, description="id of an image of the collection")] = None,
    colours: Annotated[str, Param(max_length=500, description="colours with shares", examples=["c33:.6,eee:.4"])] = "",
    histogram: Annotated[str, Param(max_length=16000, description="bins of a colour histogram, comma-separated")] = "",
    text: Annotated[
        list[Annotated[str, Param(max_length=500)]] | None,
        Param(max_length=8, description="text that the image should match; repeatable", examples=[["a dog"]]),
    ] = None,
    minus_text: Annotated[
        list[Annotated[str, Param(max_length=500)]] | None,
        Param(max_length=8, description="text that it should not match; repeatable"),
    ] = None,
    words: Annotated[
        str,
        Param(max_length=500, description="words in file names, folders, cameras, dates, captions, tags and labels"),
    ] = "",
    where: Annotated[
        str, Param(max_length=2000, description="a filter: taken >= 2012 and folder like 'moscow/%'")
    ] = "",
    by: Annotated[
        list[Annotated[str, Param(max_length=500)]] | None,
        Param(max_length=8, description="the sense, the default one if empty; repeatable"),
    ] = None,
    fuse: Annotated[
        Literal["reciprocal", "scores"], Param(description="how the rankings by several senses are fused")
    ] = "reciprocal",
    like: Annotated[str, Param(max_length=2000, description="ids of images to find more like", examples=["3,17"])] = "",
    unlike: Annotated[str, Param(max_length=2000, description="ids of images to find less like")] = "",
    k: Annotated[int, Param(ge=1, le=1000, description="number of hits")] = 20,
    box: Annotated[str, Param(max_length=120, description="x0,y0,x1,y1 in pixels of the upright image")] = "",
) -> SearchParams:
    """Read the query parameters of a search."""
    return SearchParams(
        upload,
        id,
        parse_colours_param(colours),
        parse_histogram(histogram),
        text=_strip_text_params(text),
        minus_text=_strip_text_params(minus_text),
        words=words.strip(),
        where=where.strip(),
        by=tuple(each for each in by or () if each),
        fuse=fuse,
        like=parse_ids(like),
        unlike=parse_ids(unlike),
        k=k,
        box=parse_box(box),
    )


def _strip_text_params(texts: list[str] | None) -> tuple[str, ...]:
    return tuple(each.strip() for each in texts or () if each.strip())


SearchQuery: TypeAlias = Annotated[SearchParams, Depends(read_search_params)]
