"""Groups of copies: each has a head, with which every member was compared.

That one image is like a second, and this like a third, does not make the first like the third: nobody is a member by
way of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nearsight.applications.duplicates.comparison import IdPair, PairVerdict

__all__ = ["Group", "find_groups"]

Compare = Callable[[Iterable[IdPair]], Iterator[tuple[IdPair, PairVerdict]]]


@dataclass
class Group:
    """A head, and its members with what each is to the head, in the order in which they were found."""

    head: int
    members: dict[int, PairVerdict] = field(default_factory=dict)


def find_groups(
    order: Sequence[int],
    neighbours: Mapping[int, Mapping[int, float]],
    compare: Compare,
    *,
    accepts: Callable[[PairVerdict], bool],
    likely: float = 0.0,
    apart: Callable[[int, int], bool] = lambda image, other: False,
) -> list[Group]:
    """The groups of images among which some may be copies, in the order of their heads.

    1. An image that comes before all of its candidates that are in no group becomes a head.
    2. It is compared with them, and with the likely candidates of those that it accepts, as far as these reach. Many
       heads are compared at a time; what several accept belongs to the first of these.
    3. What no head accepts becomes a head itself, in its turn.

    Parameters
    ----------
    order : all images, those that are better heads first
    neighbours : for each image those that may be copies of it, and how much speaks for that; mutual
    compare : compares pairs of a head and another image; it may leave some out
    accepts : whether a comparison makes a member
    likely : how much speaks for a likely candidate at least
    apart : whether two images may not be in one group; symmetric
    """
    ranks = {image: rank for rank, image in enumerate(order)}
    run = _Grouping(ranks, neighbours, compare, accepts, likely, apart)
    waiting = [image for image in order if neighbours.get(image)]
    while waiting or run.open:
        waiting = run.start_heads(waiting)
        run.compare_once()
    return sorted((group for group in run.closed if group.members), key=lambda group: ranks[group.head])


class _Grouping:
    """The state of a run: which images are in a group, and which heads are being compared."""

    def __init__(
        self,
        ranks: Mapping[int, int],
        neighbours: Mapping[int, Mapping[int, float]],
        compare: Compare,
        accepts: Callable[[PairVerdict], bool],
        likely: float,
        apart: Callable[[int, int], bool],
    ) -> None:
        self._ranks, self._neighbours, self._likely, self._apart = ranks, neighbours, likely, apart
        self._compare, self._accepts = compare, accepts
        self._assigned, self._tried = set[int](), set[int]()
        self._asked: dict[int, set[int]] = {}
        self.open: dict[int, Group] = {}
        self._frontiers: dict[int, set[int]] = {}
        self.closed: list[Group] = []

    def start_heads(self, waiting: Sequence[int]) -> list[int]:
        """Start every head that has no better one beside it; returns those that still wait."""
        claimed = set[int]().union(*self._frontiers.values()) if self._frontiers else set[int]()
        left = list[int]()
        for image in waiting:
            if image in self._assigned or image in self._tried:
                continue
            rivals = (each for each in self._neighbours[image] if each not in self._assigned)
            if image in claimed or any(
                each not in self._tried and self._ranks[each] < self._ranks[image] for each in rivals
            ):
                left.append(image)
                continue
            self._tried.add(image)
            self._assigned.add(image)
            self.open[image] = Group(image)
            self._asked.setdefault(image, set()).add(image)
            self._frontiers[image] = self._unasked(image, image)
            claimed |= self._frontiers[image]
        return left

    def _unasked(self, head: int, image: int) -> set[int]:
        """The candidates of an image that are in no group, and that its head was not compared with."""
        least = 0 if head == image else self._likely
        reached = {each for each, weight in self._neighbours[image].items() if weight >= least}
        return reached - self._assigned - self._asked[head]

    def compare_once(self) -> None:
        """Compare all heads with what they reach now; close those that reach nothing."""
        pairs = [
            (head, each)
            for head, reached in self._frontiers.items()
            for each in sorted(reached - self._assigned, key=self._ranks.__getitem__)
        ]
        for head, each in pairs:
            self._asked[head].add(each)
            self._asked.setdefault(each, set()).add(head)  # what one refuses need not ask the other
        found = dict(self._compare(pair for pair in pairs if not self._apart(*pair)))
        for head, each in sorted(found, key=lambda pair: self._ranks[pair[0]]):
            members = self.open[head].members
            if (
                each not in self._assigned
                and self._accepts(found[head, each])
                and not any(self._apart(each, member) for member in members)
            ):
                self._assigned.add(each)
                members[each] = found[head, each]
        for head in list(self.open):
            group = self.open[head]
            reached = set[int]().union(*(self._unasked(head, each) for each in (head, *group.members)))
            if reached:
                self._frontiers[head] = reached
                continue
            if not group.members:
                self._assigned.discard(head)  # it may still belong to another one
            self.closed.append(self.open.pop(head))
            del self._frontiers[head]
