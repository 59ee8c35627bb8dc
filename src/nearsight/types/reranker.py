"""How hits become better hits, and what may be read of the collection for that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, TypeVar

from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.metric import Metric
from nearsight.types.values import Explanation, Hits, Ids, Image, Match

T = TypeVar("T")


class RerankContext(Protocol):
    """What a refiner may read of the collection while one query is answered."""

    n_images: int
    """Images in the collection."""
    memo: dict[Any, Any]
    """Whatever a refiner wants to keep between `rerank` and `explain` of the same query."""
    query_vector: Any
    """The row that is asked with, or its records; a refiner may put a better one in its place for those that follow."""
    verified: dict[int, Match]
    """The hits that a refiner has found to show the same thing as the query, and where."""

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        ...

    def vector(self, ident: int) -> NDArray[Any]:
        """The stored row of an image, or its records."""
        ...

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """The stored rows `(n, D)` of several images, in the order of their ids as given."""
        ...

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and rows `(n, D)` of at most so many images, spread evenly over the collection; always the same."""
        ...

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - rows (Q, D), or a list of records
        """The k best hits of each row, among those that may be found."""
        ...

    def from_thumbnail(self, ident: int, make: Callable[[Image], T]) -> T:
        """`make` of the stored thumbnail (256 pixels at the longest side) of one image.

        It may be kept for later queries, so `make` is a function of a module and its result is never changed.
        """
        ...


class Reranker(Method, ABC):
    """Maps hits to better hits, one query at a time."""

    variable_length: ClassVar[bool] = False
    """Whether it needs rows that are records of visual words."""
    vectors: ClassVar[bool] = False
    """Whether it needs rows of numbers, float32, with a metric that can be straightened (`Metric.to_euclidean`)."""
    gives_verdict: ClassVar[bool] = False
    """Whether it says what is alike; otherwise the distance says it, as without refiners."""

    @property
    def depth(self) -> int:
        """How many hits it wants from the index, at least."""
        return 0

    def query_views(self, image: Image) -> list[Image]:
        """The images that the index is asked with for this query; the best score of a hit counts."""
        return [image]

    def speculative_views(self, image: Image) -> list[Image]:
        """Further views the query may be a copy in. Their hits count only where nearer than all others."""
        return []

    @abstractmethod
    def rerank(self, image: Image, hits: Hits, rows: RerankContext) -> Hits:
        """Re-ranked hits `(1, k)` for one query image; it may ask the index for others."""

    @abstractmethod
    def explain(self, image: Image, ids: Ids, rows: RerankContext) -> list[Explanation | None]:
        """Why, for each of these ids; None where this refiner has not looked at the hit."""
