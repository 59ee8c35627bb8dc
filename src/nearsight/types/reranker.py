"""The contract of re-rankers, and what they may read of the collection."""

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
    """What a re-ranker may read of the collection while one query is answered."""

    n_images: int
    """Images in the collection."""
    memo: dict[Any, Any]
    """What a re-ranker keeps between `rerank` and `explain` of the same query."""
    query_vector: Any
    """The query's vector, or its records; a re-ranker may replace it for those that follow."""
    identical: frozenset[int]
    """The images whose files are the query's, byte for byte."""
    verified: dict[int, Match]
    """The hits that a re-ranker has verified to show the same thing as the query, and where."""
    report: Callable[[Reranker, Hits], None] | None
    """What a re-ranker calls while it judges, with itself and what it would return now; None where nobody watches.

    It raises what ends the search.
    """

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        ...

    def vector(self, ident: int) -> NDArray[Any]:
        """The stored vector of an image, or its records."""
        ...

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """The stored vectors `(n, D)` of images, in the order of `ids`."""
        ...

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and vectors `(n, D)` of at most `count` images, evenly spread over the collection; always the same."""
        ...

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - rows (Q, D), or a list of records
        """The k best hits of each vector, among those that may be found."""
        ...

    def from_thumbnail(self, ident: int, make: Callable[[Image], T]) -> T:
        """`make` of the stored thumbnail (256 pixels at the longest side) of one image.

        It may be kept for later queries, so `make` is a function of a module and its result is never changed.
        """
        ...

    def query_pixels(self, side: int) -> Image:
        """The query at a longest side, or smaller where it has less."""
        ...

    def pixels(self, ident: int, side: int) -> Image | None:
        """The file of one image at a longest side; None where it cannot be opened as it was indexed."""
        ...

    def may_share_details(self, ident: int) -> bool:
        """False where an index of local features knows that next to none of the query's are in one image."""
        ...

    def has_same_pixels(self, ident: int) -> bool:
        """Whether the file of one image, and the query as a whole, decode to the same pixels at full size."""
        ...


class Reranker(Method, ABC):
    """Maps hits to better hits, one query at a time."""

    variable_length: ClassVar[bool] = False
    """Whether it needs records of visual words."""
    vectors: ClassVar[bool] = False
    """Whether it needs float32 vectors and a metric with a Euclidean form (`Metric.to_euclidean`)."""
    gives_verdict: ClassVar[bool] = False
    """Whether it judges hits; otherwise the distance does, as without re-rankers."""

    @property
    def depth(self) -> int:
        """The least number of hits that it needs from the index."""
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
        """The explanation of each of these hits; None for those that this re-ranker has not examined."""
