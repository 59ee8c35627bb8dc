"""What is right: the questions of a protocol, and which answers count. Images are paths; nothing is decoded here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nearsight.errors import UsageError
from nearsight.types import Box

__all__ = ["EvaluationQuery", "GroundTruth", "Relevance", "box_from_numbers"]


@dataclass(frozen=True)
class Relevance:
    """The right answers to one question by name, and those that count neither as right nor as wrong.

    A name that is in both is ignored: the classes of a leave-one-out protocol share one set of positives.
    """

    positives: frozenset[str]
    ignored: frozenset[str] = frozenset()

    @property
    def relevant_names(self) -> frozenset[str]:
        """The right answers that count."""
        return self.positives - self.ignored


@dataclass(frozen=True)
class EvaluationQuery:
    """One image to ask with, or the `box` of it; its answers by level, "" where a protocol has only one.

    `group` is its class, its landmark, or the way in which it was altered; `alteration` the kind of query that is made of
    the image before it asks.
    """

    name: str
    image: Path
    relevance: Mapping[str, Relevance]
    box: Box | None = None
    group: str = ""
    alteration: str = ""


@dataclass(frozen=True)
class GroundTruth:
    """A protocol's task: the images to search among, what is asked, and how it is scored.

    Parameters
    ----------
    name : of the protocol
    folder : what the names of `images` are relative to
    images : the names that are searched among; whatever else lies in the folder is not
    questions : at least one
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
                f"{self.name} needs images to search among and questions; got {len(self.images)} images and "
                f"{len(self.queries)} questions in {self.folder}"
            )

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of its questions, in their order."""
        return tuple(dict.fromkeys(level for each in self.queries for level in each.relevance))

    def name_in_collection(self, question: EvaluationQuery) -> str | None:
        """The name by which a question's own image is searched among; None where it is not, or only a box asks."""
        if question.box is not None or not question.image.is_relative_to(self.folder):
            return None
        return question.image.relative_to(self.folder).as_posix()

    def subsample(self, max_queries: int) -> GroundTruth:
        """With at most `max_queries` questions, spread evenly over all."""
        if max_queries < 1:
            raise UsageError(f"a task has at least 1 question; got {max_queries}")
        total = len(self.queries)
        chosen = (
            sorted({at * total // max_queries for at in range(max_queries)}) if max_queries < total else range(total)
        )
        return replace(self, queries=tuple(self.queries[at] for at in chosen))


def box_from_numbers(numbers: Sequence[Any], where: Path) -> Box:
    """Four numbers of a list as a box. Raises UsageError that says where they stand."""
    try:
        x0, y0, x1, y1 = (float(number) for number in numbers)
    except (TypeError, ValueError):
        x0 = y0 = x1 = y1 = math.nan
    if not (math.isfinite(x0 + y0) and x0 < x1 < math.inf and y0 < y1 < math.inf):
        raise UsageError(f"{where}: a box is four numbers x0, y0, x1, y1 in pixels; got {', '.join(map(str, numbers))}")
    return x0, y0, x1, y1
