"""One query answered by several plans, and their answers fused into one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nearsight.errors import UsageError
from nearsight.files import FileSystem
from nearsight.images.decode import Limits
from nearsight.pipeline import Pipeline
from nearsight.search.engine import Hit, Results, Searched, ranked, verdict
from nearsight.search.rank_fusion import FUSIONS
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Explanation, Hits, Ids, Query

DEPTH = 1000
"""So many hits of each plan are fused."""
USUAL = "reciprocal"


@dataclass(frozen=True)
class Together:
    """Several plans that answer as one."""

    plans: tuple[Pipeline, ...]
    how: str

    @property
    def name(self) -> str:
        """What it is called."""
        return label([each.name for each in self.plans], self.how)

    @property
    def recipe(self) -> str:
        """The recipes, written out."""
        return label([each.recipe for each in self.plans], self.how)


def fused(
    snapshot: Snapshot,
    paths: Callable[[list[int]], dict[int, bytes]],
    plans: Sequence[Pipeline],
    query: Query,
    k: int,
    *,
    how: str,
    files: FileSystem,
    limits: Limits,
    allow: Ids | None = None,
) -> Results:
    """The k best hits of several plans together; raises as `search` does, and UsageError for an unknown `how`."""
    if k < 1:
        raise UsageError(f"k is the number of hits, at least 1; got {k}")
    made = [ranked(snapshot, each, query, max(k, DEPTH), files=files, limits=limits, allow=allow) for each in plans]
    together, least, most = fusion(how, [each.hits for each in made])
    ids = together.ids[0][:k]
    names = paths(ids.tolist())
    parts = [_Part(each, each.told(ids, names), each.hits.ids[0].tolist()) for each in made]
    found = []
    for at, (ident, score) in enumerate(zip(ids.tolist(), together.scores[0].tolist(), strict=False)):
        share = min(1.0, max(0.0, (score - least) / (most - least))) if most > least else 1.0
        reason = _reason(at, ident, parts, share)
        path = os.fsdecode(names[ident])
        found.append(
            Hit(at + 1, ident, path, share, 1 - share, how, reason.verdict, reason.alike, reason.sentence, reason)
        )
    return Results(label([each.plan.recipe for each in made], how), verdict(found), tuple(found), snapshot.total)


def fusion(how: str, lists: Sequence[Hits]) -> tuple[Hits, float, float]:
    """The lists as one, and the least and largest score that could have been."""
    known(how)
    return FUSIONS[how](lists)


def known(how: str) -> None:
    """UsageError where there is no such way to fuse."""
    if how not in FUSIONS:
        raise UsageError(f'answers are fused by {" or ".join(FUSIONS)}; got "{how}"')


def label(recipes: Sequence[str], how: str) -> str:
    """What the fusion of some recipes or senses is called."""
    return f"{' + '.join(recipes)}, fused by {how}"


@dataclass(frozen=True)
class _Part:
    """What one plan says of the hits that are shown, and all ids that it found, in its order."""

    searched: Searched
    told: Sequence[Hit]
    order: list[int]

    def why(self, at: int, ident: int) -> str:
        """Its word on the hit shown at a place."""
        place = f"hit {self.order.index(ident) + 1}, {self.told[at].why}" if ident in self.order else "not found"
        return f"{self.searched.plan.name}: {place}"


def _reason(at: int, ident: int, parts: Sequence[_Part], share: float) -> Explanation:
    """Alike where one of the plans says so, as the first of these says it; not alike where all say that."""
    told = [part.told[at] for part in parts]
    shown = next((hit for hit in told if hit.alike), told[0])
    alike = shown.alike or (False if all(hit.alike is False for hit in told) else None)
    said = "; ".join(part.why(at, ident) for part in parts)
    verdict = "" if alike is None else shown.verdict
    return replace(shown.explanation, sentence=said, verdict=verdict, alike=alike, similarity=share)
