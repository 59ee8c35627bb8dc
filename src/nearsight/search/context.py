"""What refiners may read of a collection while they answer one query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from numpy.typing import NDArray

from nearsight.pipeline import Plan
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Hits, Ids, Image, Match, Metric

T = TypeVar("T")


@dataclass
class QueryRows:
    """What a refiner may read while one query is answered."""

    snapshot: Snapshot
    plan: Plan
    question: Any
    total: int
    allow: Ids | None = None
    verified: dict[int, Match] = field(default_factory=dict)
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        return self.plan.metric

    def derived(self, ident: int, make: Callable[[Image], T]) -> T:
        """`make` of a stored thumbnail."""
        made: T = self.snapshot.derived(ident, make)
        return made

    def row(self, ident: int) -> NDArray[Any]:
        """The stored row of a picture."""
        return self.snapshot.row(self.plan, ident)

    def rows(self, ids: Ids) -> NDArray[Any]:
        """The stored rows `(n, D)` of several pictures."""
        return self.snapshot.rows(self.plan, ids)

    def spread(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and rows of some pictures, evenly spread."""
        return self.snapshot.spread(self.plan, count)

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - rows (Q, D), or a list of records
        """The k best hits of each row, among those that may be found."""
        return self.snapshot.index(self.plan).search(rows, k, self.allow)
