"""Which places of a query and of a hit make their likeness: found only for hits that somebody looks at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from nearsight.pipeline import Pipeline
from nearsight.search.contributions import shares, tells
from nearsight.types import Descriptor, Explanation, Image


@dataclass(frozen=True)
class Trace:
    """What it takes: how images are described, the query's pixels, and both rows `(D,)`."""

    descriptor: Descriptor
    query: Image
    asked: NDArray[Any]
    held: NDArray[Any]

    def explained(self, reason: Explanation, hit: Image, query: Image | None = None) -> Explanation:
        """The reason with the shares of the places of both images; `query` instead of the pixels that are kept."""
        asking = self.query if query is None else query
        places = shares(self.descriptor, asking, self.held), shares(self.descriptor, hit, self.asked)
        return replace(reason, query_shares=places[0], hit_shares=places[1])


def traceable(plan: Pipeline) -> bool:
    """Whether the score of a plan is a sum over places: a cosine of sums, and nothing that ranks anew."""
    return tells(plan.descriptor) and plan.metric_name == "cosine" and not plan.rerankers
