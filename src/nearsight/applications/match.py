"""Two pictures side by side: do both show the same, and which points match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearsight.encoded import Encoded
from nearsight.errors import UsageError
from nearsight.files import LocalFiles
from nearsight.geometry import matching
from nearsight.geometry.homography import estimated
from nearsight.images import thumbnail
from nearsight.images.decode import Limits
from nearsight.metrics.l2 import L2
from nearsight.pipeline import plan_of
from nearsight.recipe import parse
from nearsight.registry import build
from nearsight.rerankers.spatial import Seen, explained
from nearsight.rerankers.verify import Verify
from nearsight.search.contributions import shares
from nearsight.search.query import query_pixels
from nearsight.senses import COMPARING
from nearsight.types import Box, Explanation, Hits, Ids, Image, LocalDescriptor, LocalFeatures, Match, Query

T = TypeVar("T")
Pixels = Callable[[int], Image]
"""A picture at a longest side."""

FEATURES = "sift(n=2000)"
RATIO = 0.9
"""How much nearer the best match is than the second."""
POSED, PLACED, PAIRED = (8, 0.02), (15, 0.02), (24, 0.006)
"""How many matches must agree, and how far each may miss, in units of the longest side: of features that say how large
they are or how they are turned; of those that do not; and of pairs that a network chose, which agree on much that is
not there. `python -m benchmarks agreement` measures how many do in pictures of other buildings."""


class _Pair:
    """A collection of one picture, for the refiner."""

    def __init__(self, image: Image) -> None:
        self.total, self.memo, self.image = 1, dict[object, object](), image
        self.question, self.verified, self.metric = None, dict[int, Match](), L2()

    def derived(self, ident: int, make: Callable[[Image], T]) -> T:
        """What is made of the picture, whichever id."""
        return make(self.image)

    def row(self, ident: int) -> NDArray[Any]:
        """It has none."""
        raise KeyError(ident)

    def rows(self, ids: Ids) -> NDArray[Any]:
        """It has none."""
        raise KeyError(ids)

    def spread(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """There are none."""
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - of any kind
        """Nothing else is there."""
        return Hits(np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0), np.float32))


def match(
    a: Path | str, b: Path | str, by: str = "copy", features: str = FEATURES, box: Box | None = None
) -> Explanation:
    """Whether two pictures show the same, and the points that match.

    Parameters
    ----------
    a, b : files
    by : "copy": is b an altered copy of a, or a of b? "object": do both show the same thing, or place, from wherever?
        "category": how much is a of the kind of b? That is not judged: what is near, only a collection can tell
    features : for "object", the local features to match, such as "akaze" or "sift(n=5000)"
    box : the part of a that is asked with, `(x0, y0, x1, y1)` in pixels

    Raises
    ------
    UsageError
        where `by` is another sense, or no local features are named
    PictureError
        where a picture cannot be read
    """
    return compared(a, b, by, features, box)[0]


def compared(
    a: Path | str, b: Path | str, by: str, features: str, box: Box | None
) -> tuple[Explanation, tuple[Pixels, Pixels]]:
    """What `match` gives, and both pictures to draw on."""
    if by not in COMPARING:
        *others, last = (f'"{sense}"' for sense in COMPARING)
        raise UsageError(f'two pictures are compared by {", ".join(others)} or {last}; got "{by}"')
    if features != FEATURES and by != "object":
        raise UsageError('features are matched by "object": say so too')
    files, limits = LocalFiles(), Limits()
    first = query_pixels(Query(Path(a), box=box), files, limits)
    second = query_pixels(Query(Path(b)), files, limits)
    if by == "copy":
        return copied(first(thumbnail.SIDE), second(thumbnail.SIDE)), (first, second)
    if by == "category":
        descriptor = category()
        return of_a_kind(descriptor, first(descriptor.side), second(descriptor.side)), (first, second)
    local = _local(features)
    return same_thing(local, first(local.side), second(local.side)), (first, second)


def copied(first: Image, second: Image) -> Explanation:
    """Whether one picture is the other, altered: the verdict of `verify` on their thumbnails."""
    rows, ids, refiner = _Pair(second), np.zeros(1, np.int64), Verify()
    hits = refiner.refine(first, Hits(ids[None], np.zeros((1, 1), np.float32)), rows)
    explanation = refiner.explain(first, hits.ids[0], rows)[0]
    assert explanation is not None
    return explanation


def category() -> Encoded:
    """What pictures are described by; ModelMissingError where its model is not on this machine."""
    found = plan_of("category").descriptor
    assert isinstance(found, Encoded)
    found.load()
    return replace(found, fitted=({},) * len(found.encoders))


def of_a_kind(descriptor: Encoded, first: Image, second: Image) -> Explanation:
    """How much two pictures are of one kind: the cosine of their rows, and what each place adds to it."""
    query, hit = descriptor.describe([first, second])
    cosine = float(query @ hit)
    places = shares(descriptor, first, hit), shares(descriptor, second, query)
    sentence = f"cosine {cosine:.3f}: 1 is the same, and only a collection can tell what is near"
    return Explanation(sentence, similarity=(1 + cosine) / 2, query_shares=places[0], hit_shares=places[1])


def _local(text: str) -> LocalDescriptor:
    """The local features of a recipe's text."""
    components = build(parse(text))
    if len(components) > 1 or not isinstance(components[0], LocalDescriptor):
        raise UsageError(f"features are one method that finds points, such as sift or akaze; got {text}")
    return components[0]


def same_thing(local: LocalDescriptor, first: Image, second: Image) -> Explanation:
    """Whether two pictures show the same thing, by the local features of both that match."""
    local.load()
    query, hit = local.describe([first, second])
    seen, fewest = agreeing(local, query, hit)
    return explained(seen, fewest, query.size, hit.size)


def agreeing(local: LocalDescriptor, query: LocalFeatures, hit: LocalFeatures) -> tuple[Seen, int]:
    """How many features match and those that agree on one homography, and how many must."""
    pairs = local.pairs(query, hit)
    found = matching.mutual(query, hit, RATIO) if pairs is None else matching.paired(query, hit, pairs)
    tentative = matching.by_longest_side(found, query, hit)
    fewest, tolerance = PAIRED if pairs is not None else POSED if tentative.posed else PLACED
    return (len(tentative), estimated(tentative, tolerance)), fewest
