"""What is asked for, from the words of an address to the call of the library."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.api.collection import Collection
from nearsight.errors import UsageError
from nearsight.search.results import Hit, Results
from nearsight.senses import SENSES
from nearsight.server.collections import WORDS
from nearsight.server.decoder import Rendered
from nearsight.server.errors import RefusedError, not_found
from nearsight.types import Box, Explanation, Floats

COLOUR = re.compile(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})(?::([0-9.eE+-]{1,24}))?")
MOST_COLOURS = 16
MOST_MARKS = 100


@dataclass(frozen=True)
class Question:
    """One query: an image (an upload or one of the collection), colours, a histogram, words; at least one of them."""

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
            raise UsageError("ask with one image: upload= or id=, not both")
        if self.has_image and self.by_colour:
            raise UsageError("ask with an image or with colours, not with both")
        if not (self.has_image or self.by_colour or self.text or self.minus_text or self.words or self.where):
            raise UsageError("nothing is asked for: give upload=, id=, colours=, histogram=, text=, words= or where=")
        if self.box is not None and not self.has_image:
            raise UsageError("a box is a part of an image: give upload= or id= too")
        if (self.like or self.unlike) and not (self.has_image or self.by_colour or self.text):
            raise UsageError("marks refine an answer: give upload=, id=, colours=, histogram= or text= too")

    @property
    def senses(self) -> tuple[str, ...]:
        """The senses that are meant; none for the default one, and for words."""
        named = tuple(each for each in self.by if not (each == WORDS and self.words))
        usual = "colour" if self.by_colour else "meaning" if self.text or self.minus_text else ""
        return named or ((usual,) if usual else ())

    @property
    def by_colour(self) -> bool:
        """Whether it asks with colours or a histogram."""
        return bool(self.colours) or self.histogram is not None

    @property
    def needs_pixels(self) -> bool:
        """Whether its image must be decoded: one of the collection has its rows already, but a box of it has none."""
        return self.upload is not None or (self.id is not None and self.box is not None)

    @property
    def has_image(self) -> bool:
        """Whether it asks with an image."""
        return self.upload is not None or self.id is not None

    def as_dict(self) -> dict[str, Any]:
        """What was asked, for the answer."""
        named = {name: getattr(self, name) for name in ("upload", "id", "words", "where", "fuse", "k", "box")}
        named |= {"text": list(self.text), "minus_text": list(self.minus_text)}
        marks = {"by": ",".join(self.by) or None, "like": list(self.like), "unlike": list(self.unlike)}
        return {**named, **marks, "colours": dict(self.colours), "histogram": self.histogram and list(self.histogram)}


def parse_colours(text: str) -> tuple[tuple[str, float], ...]:
    """`c33:.6,eee:.4` as colours with their shares; a share is 1 where none is named. UsageError on anything else."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > MOST_COLOURS:
        raise UsageError(f"at most {MOST_COLOURS} colours can be asked for; got {len(words)}")
    return tuple(_colour(word) for word in words)


def parse_histogram(text: str) -> tuple[float, ...] | None:
    """Numbers with commas between them; None for nothing. UsageError on anything else."""
    if not text.strip():
        return None
    values = tuple(_number(word) for word in text.split(","))
    if not all(map(math.isfinite, values)):
        raise UsageError(f"a histogram is numbers with commas between them; got {text[:60]!r}")
    return values


def parse_marks(text: str) -> tuple[int, ...]:
    """Ids with commas between them. UsageError on anything else."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if len(words) > MOST_MARKS or not all(re.fullmatch("[0-9]{1,18}", word) for word in words):
        raise UsageError(f"marks are ids of images with commas between them, at most {MOST_MARKS}; got {text[:60]!r}")
    return tuple(map(int, words))


def _colour(word: str) -> tuple[str, float]:
    found = COLOUR.fullmatch(word)
    share = _number(found[2] or "1") if found else math.nan
    if not found or not 0 < share <= 1e6:
        raise UsageError(f"a colour is three or six hex digits and a share above 0, such as c33:.6; got {word!r}")
    return "#" + found[1].lower(), share


def parse_box(text: str) -> Box | None:
    """`x0,y0,x1,y1` in pixels of the upright image; None for nothing. UsageError on anything else."""
    if not text.strip():
        return None
    values = [_number(word) for word in text.split(",")]
    if len(values) != 4 or not all(map(math.isfinite, values)):
        raise UsageError(f"a box is four numbers, x0,y0,x1,y1; got {text[:60]!r}")
    x0, y0, x1, y1 = values
    return x0, y0, x1, y1


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def check(photos: Collection, question: Question) -> None:
    """RefusedError (422) where this collection is not indexed by that sense."""
    for each in question.senses:
        check_sense(photos, each)


def check_sense(photos: Collection, wanted: str | None) -> None:
    """RefusedError (422) where this collection is not indexed by that sense; None is the default one."""
    held = photos.senses
    if wanted is not None and wanted not in held:
        hint = f"start a job by {wanted}" if wanted in SENSES else f"ask by one of: {', '.join(held)}"
        raise RefusedError(422, f"this collection is not indexed by {wanted!r}", hint)


def ask(photos: Collection, question: Question, image: Rendered | None) -> Results:
    """Search. UsageError where the question cannot be served."""
    box, pixels = None, None if image is None else image.pixels()
    if image is not None and pixels is not None and question.box is not None:
        box = scaled(question.box, (image.width, image.height), (pixels.shape[1], pixels.shape[0]))
    return photos.search(
        pixels,
        by=question.senses,
        fuse=question.fuse,
        k=question.k,
        box=box,
        like=[*([question.id] if pixels is None and question.id is not None else []), *question.like],
        unlike=question.unlike,
        colours=dict(question.colours),
        histogram=question.histogram,
        text=question.text,
        minus_text=question.minus_text,
        words=question.words,
        where=question.where,
    )


def scaled(box: Box, size: tuple[int, int], kept: tuple[int, int]) -> Box:
    """A box of the full image, in pixels of the reduced one. UsageError where it is not within the image."""
    x0, y0, x1, y1 = box
    width, height = size
    if not (-1 <= x0 < x1 <= width + 1 and -1 <= y0 < y1 <= height + 1):
        raise UsageError(
            f"a box is x0,y0,x1,y1 within the image of {width} x {height} pixels, with x0 < x1 and y0 < y1; "
            f"got {','.join(f'{value:g}' for value in box)}"
        )
    across, down = kept[0] / width, kept[1] / height
    return x0 * across, y0 * down, x1 * across, y1 * down


def found(results: Results, ident: int) -> Hit:
    """The hit of an id. RefusedError (404) where it is not among the hits."""
    for hit in results:
        if hit.id == ident:
            return hit
    raise not_found(f"image {ident} among these hits", "explain one of the hits of the same search")


def explained(reason: Explanation, box: Box | None, size: tuple[int, int] | None) -> dict[str, Any]:
    """An explanation as JSON; points in the box come out in unit coordinates of the whole query.

    Shares stay as they are: those of the query lie over what was asked with, the box or all of it.
    """
    placed = np.eye(3)
    if box is not None and size is not None:
        x0, y0, x1, y1 = (value / side for value, side in zip(box, (*size, *size), strict=True))
        placed = np.array([[x1 - x0, 0, x0], [0, y1 - y0, y0], [0, 0, 1]])
    points, homography = reason.query_points, reason.homography
    return {
        "sentence": reason.sentence,
        "verdict": reason.verdict,
        "alike": reason.alike,
        "query_points": None if points is None else (points @ placed[:2, :2].T + placed[:2, 2]).tolist(),
        "hit_points": _listed(reason.hit_points),
        "homography": None if homography is None else (homography @ np.linalg.inv(placed)).tolist(),
        "query_shares": _listed(reason.query_shares),
        "hit_shares": _listed(reason.hit_shares),
    }


def _listed(points: Floats | None) -> list[Any] | None:
    return None if points is None else points.tolist()


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same with None for numbers that JSON does not know."""
    return {
        name: None if isinstance(each, float) and not math.isfinite(each) else each for name, each in values.items()
    }
