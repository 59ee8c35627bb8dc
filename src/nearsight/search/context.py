"""What refiners may read of a collection while they answer one query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from numpy.typing import NDArray

from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Hits, Ids, Image, Match, Metric

T = TypeVar("T")


@dataclass
class QueryRows:
    """What a refiner may read while one query is answered."""

    snapshot: Snapshot
    plan: Pipeline
    query_vector: Any
    n_images: int
    allow: Ids | None = None
    verified: dict[int, Match] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        return self.plan.metric

    def from_thumbnail(self, image_id: int, make: Callable[[Image], T]) -> T:
        """`make` of a stored thumbnail."""
        made: T = self.snapshot.from_thumbnail(image_id, make)
        return made

    def vector(self, image_id: int) -> NDArray[Any]:
        """The stored row of an image."""
        return self.snapshot.vector(self.plan, image_id)

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """The stored rows `(n, D)` of several images."""
        return self.snapshot.vectors(self.plan, ids)

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and rows of some images, evenly spread."""
        return self.snapshot.sample(self.plan, count)

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - rows (Q, D), or a list of records
        """The k best hits of each row, among those that may be found."""
        return self.snapshot.index(self.plan).search(rows, k, self.allow)
