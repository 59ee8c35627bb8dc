"""What is known while one query is answered: the query as vectors, and what re-rankers may read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from numpy.typing import NDArray

from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Hits, Ids, Image, Match, Metric

T = TypeVar("T")


@dataclass(frozen=True)
class EncodedQuery:
    """A query as vectors `(V, D)`, or a list of records: its own, those of other views, then of speculative views.

    The first `n_primary` vectors are no speculation. `image` is the query's thumbnail where it has an image, and
    `described` the pixels that its vector was made of. `label` is said of every hit instead of a verdict, where the
    distances of random pairs do not tell how near a hit should be.
    """

    vectors: Any
    n_primary: int
    image: Image | None
    described: Image | None = None
    label: str = ""


@dataclass
class QueryContext:
    """What a re-ranker may read of the collection while one query is answered (`types.RerankContext`)."""

    snapshot: Snapshot
    pipeline: Pipeline
    query_vector: Any
    n_images: int
    allow: Ids | None = None
    verified: dict[int, Match] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        return self.pipeline.metric

    def from_thumbnail(self, image_id: int, make: Callable[[Image], T]) -> T:
        """`make` of a stored thumbnail."""
        made: T = self.snapshot.from_thumbnail(image_id, make)
        return made

    def vector(self, image_id: int) -> NDArray[Any]:
        """The stored vector of an image."""
        return self.snapshot.vector(self.pipeline, image_id)

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """The stored vectors `(n, D)` of several images."""
        return self.snapshot.vectors(self.pipeline, ids)

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and vectors of some images, evenly spread."""
        return self.snapshot.sample(self.pipeline, count)

    def search(self, vectors: Any, k: int) -> Hits:  # noqa: ANN401 - vectors (Q, D), or a list of records
        """The k best hits of each vector, among those that may be found."""
        return self.snapshot.index(self.pipeline).search(vectors, k, self.allow)
