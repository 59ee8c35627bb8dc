"""Diverse results: the first hits are not ten shots of one thing."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import NO_ID, Explanation, Hits, Ids, Image, RerankContext, Reranker

SIDE = 16
"""Hits are compared at this many pixels a side."""


@dataclass(frozen=True)
class Vary(Reranker):
    """Moves hits back that repeat a hit before them, so that the first ones differ from each other.

    1. The first hit stays first. Of the first `n`, ranks become relevance: 1 for the first, falling evenly to 0.
    2. Next comes the hit with the largest (1 - `weight`) relevance - `weight` similarity of those left; similarity
       is the largest correlation of its thumbnail, in 16 x 16 pixels, with that of a hit chosen before it.
    3. Hits beyond the first `n` follow as they were. Scores stay with the ranks, so they still fall.

    Parameters
    ----------
    n : hits that are put into a new order, 2 or more
    weight : how much variety counts against nearness, 0 to 1; 0 leaves the order as it is

    Returns
    -------
    Hits `(1, k)`: the same ids in another order

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    J. Carbonell and J. Goldstein, The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
    Summaries, SIGIR 1998, doi:10.1145/290941.291025.

    Notes
    -----
    Departures: relevance is taken from the rank and not from the score, because scores of different metrics have
    different scales.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> left = np.repeat(np.arange(0, 256, 16, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(16, axis=0)
    >>> images = [left, left, np.ascontiguousarray(left.transpose(1, 0, 2))]
    >>> context = SimpleNamespace(from_thumbnail=lambda image_id, make: make(images[image_id]))
    >>> hits = Hits(np.array([[0, 1, 2]]), np.array([[-1, -2, -3]], np.float32))
    >>> Vary().rerank(left, hits, context).ids.tolist()
    [[0, 2, 1]]
    """

    n: int = 50
    weight: float = 0.5

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"n is 2 hits or more; got {self.n}")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight is 0 to 1; got {self.weight}")

    @property
    def depth(self) -> int:
        """As many hits as it puts into order."""
        return self.n

    def rerank(self, image: Image, hits: Hits, context: RerankContext) -> Hits:
        """The same hits, the first `n` re-ranked."""
        ids = hits.ids[0]
        count = min(self.n, int((ids != NO_ID).sum()))
        small = [context.from_thumbnail(image_id, _small) for image_id in ids[:count].tolist()]
        order = _order(np.array(small), self.weight) if count else []
        moved = [ids[:count][order], ids[count:]]
        return Hits(np.concatenate(moved)[None], hits.scores)

    def explain(self, image: Image, ids: Ids, context: RerankContext) -> list[Explanation | None]:
        """None: a single hit has no explanation."""
        return [None for _ in ids]


def _small(image: Image) -> NDArray[np.float32]:
    """`(768,) float32` of norm 1 and mean 0, so that a product of two is their correlation; zeros where flat."""
    pixels = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
    pixels -= pixels.mean()
    norm = float(np.linalg.norm(pixels))
    return pixels / np.float32(norm) if norm > 1e-3 else np.zeros_like(pixels)


def _order(small: NDArray[np.float32], weight: float) -> list[int]:
    """Places in the order of maximal marginal relevance; equal ones as they were."""
    count = len(small)
    relevance = 1 - np.arange(count) / max(1, count - 1)
    similarity = np.full(count, -1.0)
    order, left = [0], list(range(1, count))
    while left:
        similarity = np.maximum(similarity, small @ small[order[-1]])
        worth = (1 - weight) * relevance[left] - weight * similarity[left]
        order.append(left.pop(int(np.argmax(worth))))
    return order
