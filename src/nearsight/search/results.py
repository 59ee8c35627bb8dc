"""The answer to a query: hits, best first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, overload

from nearsight.search.heat_map import HeatMapInputs
from nearsight.types import Explanation

FOUND = "found"
NOTHING = "nothing like it here"
TOO_PLAIN = "too plain to judge"
"""The query has too little structure for a verdict on any hit."""
NO_MATCH = "no image matches"
"""No hit at all: the words or the filter leave no image."""


@dataclass(frozen=True)
class Hit:
    """One image that was found.

    `score` in 0..1; `distance` in the unit of `metric`; `alike` and `verdict` are the method's verdict, `why` a
    sentence; `explanation` holds the matched points, if any. If there is a `heat_map`, `Collection.explain` returns
    what each region of both images adds to the score.
    """

    rank: int
    id: int
    path: str
    score: float
    distance: float
    metric: str
    verdict: str
    alike: bool | None
    why: str
    explanation: Explanation = field(repr=False)
    heat_map: HeatMapInputs | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """What `search --json` prints for a hit."""
        names = ("rank", "id", "path", "score", "distance", "metric", "verdict", "alike", "why")
        changes = [asdict(change) for change in self.explanation.changes]
        return {**{name: getattr(self, name) for name in names}, "changes": changes}


@dataclass(frozen=True)
class Hint:
    """A sense that looks further where nothing is alike: its name, and what it looks for.

    `command` indexes the collection by it, empty where it is indexed already.
    """

    sense: str
    looks_for: str
    command: str = ""


@dataclass(frozen=True)
class Results(Sequence[Hit]):
    """The hits of one query, best first.

    `verdict` is "found", "nothing like it here" (no hit that was judged is alike), "too plain to judge", "no image
    matches" (no hit at all), or empty (no verdict). `hint` names a sense that would look further, if there is one.
    `empty_because` says what left no image: the words, the filter, or both; it is empty where there are hits.
    """

    recipe: str
    verdict: str
    hits: tuple[Hit, ...]
    total: int
    hint: Hint | None = None
    empty_because: str = ""

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, at: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[at]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)
