"""Two images as a collection of one: what `verify` may read while it compares them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearsight.metrics.l2 import L2
from nearsight.types import Hits, Ids, Image, Match, Reranker

__all__ = ["PairContext", "PixelLoader"]

T = TypeVar("T")
PixelLoader = Callable[[int], Image]
"""An image at a longest side."""


class PairContext:
    """A collection of one image, the hit, as context of a re-ranker (`types.RerankContext`).

    Parameters
    ----------
    query, hit : each image at a longest side; None of the hit where its file cannot be opened as it was indexed
    from_thumbnail : what a function makes of the hit's thumbnail
    same_pixels : whether both decode to the same pixels at full size
    """

    def __init__(
        self,
        query: PixelLoader,
        hit: Callable[[int], Image | None],
        from_thumbnail: Callable[[Callable[[Image], Any]], Any],
        same_pixels: Callable[[], bool],
    ) -> None:
        self.n_images, self.memo = 1, dict[Any, Any]()
        self._query, self._hit, self._from_thumbnail, self._same_pixels = query, hit, from_thumbnail, same_pixels
        self.identical = frozenset[int]()
        self.report: Callable[[Reranker, Hits], None] | None = None
        self.query_vector, self.verified, self.metric = None, dict[int, Match](), L2()

    def may_share_details(self, image_id: int) -> bool:
        """There is no index of details."""
        return True

    def from_thumbnail(self, image_id: int, make: Callable[[Image], T]) -> T:
        """What is made of the hit's thumbnail, whichever id."""
        made: T = self._from_thumbnail(make)
        return made

    def query_pixels(self, side: int) -> Image:
        """The query at a longest side."""
        return self._query(side)

    def pixels(self, image_id: int, side: int) -> Image | None:
        """The hit at a longest side, whichever id."""
        return self._hit(side)

    def has_same_pixels(self, image_id: int) -> bool:
        """Whether both decode to the same pixels."""
        return self._same_pixels()

    def vector(self, image_id: int) -> NDArray[Any]:
        """It has none."""
        raise KeyError(image_id)

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """It has none."""
        raise KeyError(ids)

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """There are none."""
        return np.empty(0, np.int64), np.empty((0, 0), np.float32)

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - of any kind
        """Nothing else is there."""
        return Hits(np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0), np.float32))
