"""A query: everything that a search can be asked, made and checked here, whichever face it comes from."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.types.values import Box, Image

if TYPE_CHECKING:
    from PIL import Image as Pillow

ImageSource: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Pillow.Image | NDArray[Any]"
)
"""An image to ask with: a path, the bytes of a file, a file opened for reading bytes, an image of Pillow, or pixels
`(H, W)`, `(H, W, 3)` or `(H, W, 4)`."""
ImageId: TypeAlias = int | str
"""An image of the collection: its id, or its path relative to the folder."""

FUSION_METHODS = ("reciprocal", "scores")
_TERM = re.compile(r"(?:^|(?<=\s))([+-])(?=\S)")


@dataclass(frozen=True)
class Query:
    """One query. A part that a pipeline cannot serve is an error, never ignored.

    Raises
    ------
    UsageError : its parts contradict each other, or one of them is impossible
    """

    image: Path | bytes | Image | int | None = None
    """A file, its bytes, pixels, or the id of an image of the collection."""
    box: Box | None = None
    plus_texts: tuple[str, ...] = ()
    minus_texts: tuple[str, ...] = ()
    """Positive and negative texts, for a descriptor that embeds texts."""
    plus_images: tuple[Path | bytes | Image, ...] = ()
    minus_images: tuple[Path | bytes | Image, ...] = ()
    """Further positive images, and negative images."""
    minus_weight: float = 1.0
    """The weight of each negative text or image, where a positive one has weight 1."""
    colours: Mapping[str, float] = field(default_factory=dict)
    """Colours, written #c33 or #cc3333, with their weights."""
    histogram: Sequence[float] | None = None
    """Amounts of a histogram descriptor's bins, in any unit."""
    words: str = ""
    where: str = ""
    like: tuple[ImageId, ...] = ()
    unlike: tuple[ImageId, ...] = ()
    """Relevance feedback: images of the collection that are similar, and that are not; the latter are left out."""
    by: tuple[str, ...] = ()
    recipes: tuple[str, ...] = ()
    fuse: str = "reciprocal"
    k: int = 20
    sha256: bytes | None = None
    pixel_digest: bytes | None = None
    """Digests of the image's file and of all its pixels, where the image is given as pixels."""

    def __post_init__(self) -> None:
        problem = next(filter(None, (self._contradiction(), self._impossible_value())), "")
        if problem:
            raise UsageError(problem)
        check_fusion_method(self.fuse)
        colour_shares(self.colours)

    @property
    def by_colour(self) -> bool:
        """Whether colours or a histogram are the query."""
        return bool(self.colours) or self.histogram is not None

    @property
    def has_texts(self) -> bool:
        """Whether it holds texts."""
        return bool(self.plus_texts or self.minus_texts)

    @property
    def is_sum(self) -> bool:
        """Whether it adds and subtracts texts and images; a text alone is such a sum too."""
        return self.has_texts or bool(self.plus_images or self.minus_images)

    @property
    def is_visual(self) -> bool:
        """Whether vectors are compared; otherwise words or a filter are all of it."""
        return self.image is not None or self.by_colour or self.is_sum or bool(self.like)

    @property
    def default_sense(self) -> str:
        """The sense that its parts imply; empty where any serves."""
        return "colour" if self.by_colour else "meaning" if self.has_texts else ""

    def _contradiction(self) -> str:
        """What is wrong with its parts together; empty where nothing is."""
        parts = {"an image": self.image is not None, "colours": bool(self.colours)}
        parts |= {"a histogram": self.histogram is not None, "texts or several images": self.is_sum}
        given = [name for name, there in parts.items() if there]
        if self.by_colour and len(given) > 1:
            return f"a query is by image and text, by colours or by a histogram: one of them; got {' and '.join(given)}"
        if self.box is not None and (isinstance(self.image, int) or (self.image is None and self.like)):
            return "a box needs the image itself: give its file instead of its id"
        if self.box is not None and self.image is None:
            return "a box is a part of an image: give the image too"
        if self.unlike and not self.is_visual:
            return "relevance feedback refines a query: give an image, a text, colours or a histogram too"
        if not (self.is_visual or self.words or self.where):
            return "the query is empty: give an image, a text, colours, a histogram, words or a filter"
        if self.is_sum and not (self.image is not None or self.like or self.plus_texts or self.plus_images):
            return "a query needs at least one positive image or text"
        return ""

    def _impossible_value(self) -> str:
        """What is wrong with one of its values; empty where nothing is."""
        if self.k < 1:
            return f"k is the number of hits, at least 1; got {self.k}"
        if not (math.isfinite(self.minus_weight) and self.minus_weight > 0):
            return f"minus_weight is a number above 0; got {self.minus_weight}"
        return ""


def make_query(
    image: ImageSource | int | None = None,
    *,
    sketch: ImageSource | None = None,
    by: str | Sequence[str] | None = None,
    recipe: str | Sequence[str] | None = None,
    like: ImageId | Sequence[ImageId] | None = None,
    unlike: ImageId | Sequence[ImageId] = (),
    text: str | Sequence[str] | None = (),
    minus_text: str | Sequence[str] | None = (),
    plus: ImageSource | Sequence[ImageSource] | None = (),
    minus: ImageSource | Sequence[ImageSource] | None = (),
    **parts: Any,  # noqa: ANN401 - the other fields of Query, as they are
) -> Query:
    """The query of what a user names: one or several of each, paths as text, texts with signs, a sketch.

    Raises
    ------
    UsageError : as `Query`, or a sketch is not alone
    """
    senses, recipes = _tuple_of(by, str), _tuple_of(recipe, str)
    if sketch is not None:
        others = [image is not None, like is not None, *map(bool, (text, minus_text, plus, minus))]
        if any(others) or parts.get("colours") or parts.get("histogram") is not None:
            raise UsageError("a sketch is a query of its own: leave out image, texts, colours and histogram")
        image, senses = sketch, senses or (() if recipes else ("sketch",))
    signed = [split_signs(each) for each in _tuple_of(text, str)]
    negative = [each for _, others in signed for each in others] + [t.strip() for t in _tuple_of(minus_text, str)]
    return Query(
        image=None if image is None else _query_source(image),
        plus_texts=tuple(each for positive, _ in signed for each in positive),
        minus_texts=tuple(filter(None, negative)),
        plus_images=tuple(_query_source(each) for each in _tuple_of(plus, str | Path | bytes | np.ndarray)),
        minus_images=tuple(_query_source(each) for each in _tuple_of(minus, str | Path | bytes | np.ndarray)),
        like=_tuple_of(like, int | str),
        unlike=_tuple_of(unlike, int | str),
        by=senses,
        recipes=recipes,
        **parts,
    )


def check_fusion_method(method: str) -> None:
    """Raise UsageError where several rankings cannot be fused so."""
    if method not in FUSION_METHODS:
        raise UsageError(f'answers are fused by {" or ".join(FUSION_METHODS)}; got "{method}"')


def split_signs(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The positive and the negative texts of one: "red bicycle" as it is, "+snow -people" by its signs.

    Signs count where the text begins with one; then each stands at the beginning of a word.
    """
    text = text.strip()
    if text[:1] not in ("+", "-"):
        return ((text,) if text else ()), ()
    _, *parts = _TERM.split(text)
    terms = [(sign, term.strip()) for sign, term in zip(parts[::2], parts[1::2], strict=True)]
    plus, minus = (tuple(term for sign, term in terms if sign == wanted and term) for wanted in "+-")
    return plus, minus


def parse_box(text: str | None) -> Box | None:
    """A box written `x0,y0,x1,y1`, in pixels of the upright image; None for none. UsageError on anything else."""
    if text is None or not text.strip():
        return None
    try:
        x0, y0, x1, y1 = (float(number) for number in text.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = math.nan
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        raise UsageError(f"a box is x0,y0,x1,y1 in pixels, such as 10,20,300,200; got {text[:60]!r}")
    return x0, y0, x1, y1


def split_commas(names: Sequence[str] | None) -> list[str]:
    """Names given one after another, or with commas."""
    return [word.strip() for each in names or () for word in each.split(",") if word.strip()]


def colour_shares(colours: Mapping[str, float]) -> dict[tuple[int, int, int], float]:
    """Colours written as #rgb or #rrggbb, with their weights, as shares of (r, g, b) that sum to 1.

    Raises
    ------
    UsageError : a colour is written otherwise, or its weight is no number above 0
    """
    shares: dict[tuple[int, int, int], float] = {}
    for text, weight in colours.items():
        digits = text.strip().lstrip("#")
        if not re.fullmatch(r"(?:[0-9a-fA-F]{3}){1,2}", digits):
            raise UsageError(f'a colour is written #c33 or #cc3333; got "{text}"')
        if not (math.isfinite(weight) and weight > 0):
            raise UsageError(f"the weight of a colour is a number above 0; got {weight} for {text}")
        wide = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
        rgb = (int(wide[:2], 16), int(wide[2:4], 16), int(wide[4:], 16))
        shares[rgb] = shares.get(rgb, 0.0) + weight
    total = sum(shares.values())
    return {rgb: weight / total for rgb, weight in shares.items()}


def _query_source(image: Any) -> Any:  # noqa: ANN401 - a path as text becomes a path; bytes, pixels and ids stay
    return Path(image) if isinstance(image, str) else image


def _tuple_of(given: Any, single: Any) -> tuple[Any, ...]:  # noqa: ANN401 - None, one, or several of a kind
    return () if given is None else (given,) if isinstance(given, single) else tuple(given)
