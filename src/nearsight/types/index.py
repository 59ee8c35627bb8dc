"""The contract of indexes: how vectors are searched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.metric import Metric
from nearsight.types.values import Arrays, Hits, Ids


class SearchableIndex(Protocol):
    """An index with vectors in it. Adding and removing return a new one; the old one stays valid."""

    def add(self, ids: Ids, rows: NDArray[Any]) -> SearchableIndex:
        """Return an index with these vectors `(N, D)` too."""
        ...

    def remove(self, ids: Ids) -> SearchableIndex:
        """Return an index without these ids; unknown ones are ignored."""
        ...

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> Hits:  # noqa: ANN401 - or lists of records
        """The k best vectors for `queries (Q, D)`, only among `allow` (sorted ids) where given; ties by id."""
        ...


class Index(Method, ABC):
    """A way to search vectors. Its `metric` field is None for the descriptor's natural one.

    An approximate index is trained once, on a sample, and encodes each vector; the collection stores the trained
    arrays and the codes. Such an index sets `cache_params` and writes `train`, `encode` and `merge` too.
    """

    metric: Metric | None
    variable_length: ClassVar[bool] = False
    """Whether it searches lists of records (`visual_words`)."""
    summary: ClassVar[str] = "the rows near the query are compared"
    """How it searches, in words."""
    cache_params: ClassVar[tuple[str, ...]] = ()
    """The parameters that its codes depend on; an index without any stores no codes and is exact."""

    @property
    def exact_below(self) -> int:
        """A collection of fewer vectors than this is searched exactly."""
        return 0

    @property
    def sample_size(self) -> int:
        """How many vectors `train` should be given."""
        return 0

    def supports_metric(self, metric: Metric) -> bool:
        """Whether it can rank by this metric."""
        return True

    @abstractmethod
    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> SearchableIndex:
        """An index without vectors that ranks by `metric`; `kept` are stored codes of vectors that will be added."""

    def train(self, sample: NDArray[Any], metric: Metric) -> Arrays:
        """Train on a sample `(N, D)` of the vectors; returns the trained arrays."""
        return {}

    def encode(self, ids: Ids, rows: NDArray[Any], metric: Metric, fitted: Arrays) -> Arrays:
        """The codes of these vectors `(N, D)`; the array `ids` says whose they are."""
        return {"ids": ids}

    def merge(self, kept: Sequence[Arrays], without: Ids) -> Arrays:
        """Several parts of codes as one, without some ids (sorted)."""
        return {}
