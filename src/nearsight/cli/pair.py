"""Two pictures side by side: are they copies of each other, and which points match."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from nearsight.collection.query import query_pixels
from nearsight.files import LocalFiles
from nearsight.images import thumbnail
from nearsight.images.decode import Limits
from nearsight.metrics.l2 import L2
from nearsight.rank.drawing import drawn
from nearsight.rank.verify import Verify
from nearsight.types import Explanation, Hits, Ids, Image, Match, Query

T = TypeVar("T")
SIDE = 640
"""The longest side of a drawn picture."""


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


def compared(a: Path, b: Path) -> tuple[Explanation, tuple[Image, Image]]:
    """The verdict on two pictures, as `search` gives it, and both at a size to draw on."""
    files, limits = LocalFiles(), Limits()
    first, second = (query_pixels(Query(path), files, limits) for path in (a, b))
    rows, ids = _Pair(second(thumbnail.SIDE)), np.zeros(1, np.int64)
    refiner = Verify()
    hits = refiner.refine(first(thumbnail.SIDE), Hits(ids[None], np.zeros((1, 1), np.float32)), rows)
    explanation = refiner.explain(first(thumbnail.SIDE), hits.ids[0], rows)[0]
    assert explanation is not None
    return explanation, (first(SIDE), second(SIDE))


def drawn_to(out: Path, images: tuple[Image, Image], explanation: Explanation) -> None:
    """Write both pictures with the matched points; the format by the name's ending."""
    PillowImage.fromarray(drawn(*images, explanation)).save(out)
