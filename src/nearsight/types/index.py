"""How rows are searched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.metric import Metric
from nearsight.types.values import Arrays, Hits, Ids


class SearchableIndex(Protocol):
    """An index with rows in it. Adding and removing return a new one; the old one goes on answering."""

    def add(self, ids: Ids, rows: NDArray[Any]) -> SearchableIndex:
        """With these rows `(N, D)` too."""
        ...

    def remove(self, ids: Ids) -> SearchableIndex:
        """Without these ids; unknown ones are ignored."""
        ...

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> Hits:  # noqa: ANN401 - or lists of records
        """The k best rows for `queries (Q, D)`, only among `allow` (sorted ids) where given; ties by id."""
        ...


class Index(Method, ABC):
    """How rows are searched. Its `metric` field is None for the descriptor's natural one.

    An approximate index is fitted once, on a sample, and keeps something of each row; both are arrays that the
    collection stores and gives back. It sets `cache_params` and writes `fit`, `keep` and `join` too.
    """

    metric: Metric | None
    variable_length: ClassVar[bool] = False
    """Whether rows are lists of records (`visual_words`)."""
    summary: ClassVar[str] = "the rows near the query are compared"
    """How it finds what it finds, in words."""
    cache_params: ClassVar[tuple[str, ...]] = ()
    """The parameters on which what it keeps depends; none: it keeps nothing, and is exact."""

    @property
    def exact_below(self) -> int:
        """With fewer rows than this an exact search is as good, and the collection uses one."""
        return 0

    @property
    def sample_size(self) -> int:
        """How many rows `fit` is best given."""
        return 0

    def supports_metric(self, metric: Metric) -> bool:
        """Whether it can rank by this metric."""
        return True

    @abstractmethod
    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> SearchableIndex:
        """An index without rows that ranks by `metric`; `kept` is what it need not make of rows that are added."""

    def train(self, sample: NDArray[Any], metric: Metric) -> Arrays:
        """What is to be learnt of rows before any is kept, from a sample `(N, D)` of them."""
        return {}

    def encode(self, ids: Ids, rows: NDArray[Any], metric: Metric, fitted: Arrays) -> Arrays:
        """What it keeps of these rows `(N, D)`; `ids` among it says of which."""
        return {"ids": ids}

    def merge(self, kept: Sequence[Arrays], without: Ids) -> Arrays:
        """What was kept at several times as one, without some ids (sorted)."""
        return {}
