"""The duplicates that were found last in a collection, as decisions leave them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nearsight.applications.duplicates.decisions import Decisions, review
from nearsight.applications.duplicates.results import DuplicateGroup, Duplicates
from nearsight.storage.records import DecisionRecord

STATES = ("open", "decided", "all")


@dataclass(frozen=True)
class ReviewPage:
    """Some groups with their numbers, and how many there are: of this state, and open and decided ones."""

    groups: tuple[tuple[int, DuplicateGroup], ...]
    total: int
    n_open: int
    n_decided: int


@dataclass(frozen=True)
class Review:
    """What was found; its groups are numbered from 0 in the order in which they were found."""

    found: Duplicates

    def page(self, decisions: Sequence[DecisionRecord], state: str, offset: int, limit: int) -> ReviewPage:
        """The groups of a state, `open`, `decided` or `all`, with what was decided about them until now."""
        known = Decisions(decisions)
        groups = [(number, review(group, known)) for number, group in enumerate(self.found.groups)]
        n_decided = sum(group.decided for _, group in groups)
        chosen = [each for each in groups if state == "all" or each[1].decided == (state == "decided")]
        return ReviewPage(tuple(chosen[offset : offset + limit]), len(chosen), len(groups) - n_decided, n_decided)
