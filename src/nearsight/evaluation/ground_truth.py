"""Ground truth: the queries of a protocol with their positives and junk. Images are paths; nothing is decoded here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nearsight.errors import UsageError
from nearsight.types import Box
from nearsight.wording import plural

__all__ = ["EvaluationQuery", "GroundTruth", "Relevance", "box_from_numbers"]


@dataclass(frozen=True)
class Relevance:
    """The positives of one query by name, and the junk, which is removed from the ranking.

    A name in both is junk: the queries of a class in a leave-one-out protocol share one set of positives.
    """

    positives: frozenset[str]
    junk: frozenset[str] = frozenset()

    @property
    def relevant_names(self) -> frozenset[str]:
        """The positives that are not junk."""
        return self.positives - self.junk


@dataclass(frozen=True)
class EvaluationQuery:
    """A query image, or a `box` of it, with its relevance by level, "" where a protocol has only one.

    `group` is its class, landmark or kind of alteration. `alteration` is the kind of query made from the image.
    """

    name: str
    image: Path
    relevance: Mapping[str, Relevance]
    box: Box | None = None
    group: str = ""
    alteration: str = ""


@dataclass(frozen=True)
class GroundTruth:
    """A protocol's task: the database images, the queries and the measures.

    Parameters
    ----------
    name : of the protocol
    folder : what the names of `images` are relative to
    images : the names of the database images; others in the folder are not searched
    queries : at least one
    measures : names of `scoring.MEASURES`
    labels : the class of each image, where there are classes
    """

    name: str
    folder: Path
    images: tuple[str, ...]
    queries: tuple[EvaluationQuery, ...]
    measures: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.images or not self.queries:
            raise UsageError(
                f"{self.name} needs images to search and queries; got {plural(len(self.images), 'image')} "
                f"and {plural(len(self.queries), 'query', 'queries')} in {self.folder}"
            )

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of its queries, in their order."""
        return tuple(dict.fromkeys(level for each in self.queries for level in each.relevance))

    def name_in_collection(self, query: EvaluationQuery) -> str | None:
        """The name of a query's image among the database images; None for a box or an image from elsewhere."""
        if query.box is not None or not query.image.is_relative_to(self.folder):
            return None
        return query.image.relative_to(self.folder).as_posix()

    def subsample(self, max_queries: int) -> GroundTruth:
        """The task with at most `max_queries` queries, spread evenly over all."""
        if max_queries < 1:
            raise UsageError(f"a task has at least 1 query; got {max_queries}")
        total = len(self.queries)
        chosen = (
            sorted({at * total // max_queries for at in range(max_queries)}) if max_queries < total else range(total)
        )
        return replace(self, queries=tuple(self.queries[at] for at in chosen))


def box_from_numbers(numbers: Sequence[Any], where: Path) -> Box:
    """Four numbers as a box. Raises UsageError that names `where`."""
    try:
        x0, y0, x1, y1 = (float(number) for number in numbers)
    except (TypeError, ValueError):
        x0 = y0 = x1 = y1 = math.nan
    if not (math.isfinite(x0 + y0) and x0 < x1 < math.inf and y0 < y1 < math.inf):
        raise UsageError(f"{where}: a box is four numbers x0, y0, x1, y1 in pixels; got {', '.join(map(str, numbers))}")
    return x0, y0, x1, y1
