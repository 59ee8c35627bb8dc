"""Trying recipes on a folder: what is judged is what a search answers, refiners included.

The folder is indexed into a collection of its own, by worker processes as ever. Pictures of the collection ask with
their stored rows, many at a time; boxes, other files and altered pictures are described one by one. Each is judged
alone: what a search by a sense also takes from other senses of its collection is left out.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.api.collection import Collection
from nearsight.api.indexing import index
from nearsight.clock import Clock, SystemClock
from nearsight.errors import PictureError, UsageError
from nearsight.evaluation.ground_truth import Answers, GroundTruth, Question
from nearsight.evaluation.redrawing import KINDS
from nearsight.evaluation.report import Example, Shown
from nearsight.evaluation.scoring import SHOWN, Cost, Found, Outcome, Trial, figures, places
from nearsight.files import LocalFiles
from nearsight.images import thumbnail
from nearsight.images.decode import Limits
from nearsight.ingest.run import Progress, Settings, Watch
from nearsight.pipeline import Plan, plans
from nearsight.search.engine import ranked
from nearsight.search.fused import Together, fusion
from nearsight.search.query import query_pixels
from nearsight.senses import SENSES
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.snapshot import Snapshot
from nearsight.types import NO_ID, Box, Descriptor, Hits, Ids, Image, Query

BATCH = 64
"""Stored pictures that ask at once."""
TIMED = 10
"""Queries and pictures that times are taken of."""
ALTERED_SIDE = 1024
"""Pixels of the longest side of a picture that is altered: what happens to a picture on its way through the web."""

EXAMPLE_SIDE = 160
"""Pixels of the longest side of pictures in a report."""


_NOTHING = Hits(np.empty((1, 0), np.int64), np.empty((1, 0), np.float32))


class Bench:
    """A folder indexed by some recipes, and ways to ask it."""

    def __init__(self, photos: Collection, asked_for: Sequence[Plan], clock: Clock) -> None:
        self.photos, self.clock = photos, clock
        self.files, self.limits = LocalFiles(), Limits()
        catalogue = Catalogue(photos.home)
        try:
            self.snapshot = Snapshot(photos.home, catalogue, self.files)
            self.pictures = {os.fsdecode(each.path): each for each in catalogue.pictures()}
        finally:
            catalogue.close()
        self.names = {each.id: name for name, each in self.pictures.items()}
        self.plans = [self.snapshot.ready(plan) for plan in asked_for]

    def ids(self, names: Iterable[str]) -> Ids:
        """The ids of those pictures that could be read, sorted."""
        found = (self.pictures[name].id for name in names if name in self.pictures)
        return np.sort(np.fromiter(found, np.int64))

    def ask(self, plan: Plan | Together, query: Query, k: int, allow: Ids | None = None) -> Hits:
        """The hits `(1, n)` of one query, after the refiners."""
        if isinstance(plan, Together):
            return fusion(plan.how, [self.ask(each, query, k, allow) for each in plan.plans])[0]
        return ranked(self.snapshot, plan, query, k, files=self.files, limits=self.limits, allow=allow).hits

    def ask_stored(self, plan: Plan | Together, idents: Sequence[int], k: int, allow: Ids | None) -> Hits:
        """The hits of pictures of the collection, one row each: from the index at once where there is no refiner."""
        if isinstance(plan, Plan) and not plan.refiners:
            rows: Any = [self.snapshot.row(plan, ident) for ident in idents]
            rows = rows if plan.descriptor.ragged else np.stack(rows)
            return self.snapshot.index(plan).search(rows, k, allow)
        found = [self.ask(plan, Query(ident), k, allow) for ident in idents]
        wide = max(each.ids.shape[1] for each in found)
        ids = np.full((len(found), wide), NO_ID, np.int64)
        scores = np.full((len(found), wide), -np.inf, np.float32)
        for at, hits in enumerate(found):
            ids[at, : hits.ids.shape[1]], scores[at, : hits.ids.shape[1]] = hits.ids[0], hits.scores[0]
        return Hits(ids, scores)

    def pixels(self, picture: Path, side: int, box: Box | None = None) -> Image:
        """A picture, or a box of it, with a longest side of at most `side` pixels."""
        return query_pixels(Query(picture, box), self.files, self.limits)(side)

    def cost(self, plan: Plan | Together, questions: Sequence[Question]) -> Cost:
        """What a recipe costs here: searches as a user makes them, and describing, each over some pictures."""
        plans = plan.plans if isinstance(plan, Together) else (plan,)
        ways: Any = {"recipe": [each.recipe for each in plans]}  # not by sense: others would help
        ways |= {"fuse": plan.how} if isinstance(plan, Together) else {}
        asked_with = questions[:: max(1, len(questions) // TIMED)][:TIMED]

        def search(question: Question) -> object:
            return self.photos.search(question.picture, **ways, k=SHOWN, box=question.box)

        search(asked_with[0])  # the first opens the index
        ask = [self._seconds(lambda each=each: search(each)) for each in asked_with]  # type: ignore[misc]
        describe, width = 0.0, 0
        for each in (one.descriptor for one in plans):
            images = [self.pixels(question.picture, each.side, question.box) for question in asked_with]
            describe += min(self._seconds(partial(each.describe, images)) for _ in range(2))
            width += _bytes(each, images)
        return Cost(1000 * float(np.median(ask)), 1000 * describe / len(asked_with), width)

    def _seconds(self, work: Callable[[], Any]) -> float:
        start = self.clock.elapsed()
        work()
        return self.clock.elapsed() - start


def _bytes(descriptor: Descriptor, images: Sequence[Image]) -> int:
    """Bytes of a row; of records, the mean over some pictures."""
    if descriptor.ragged:
        return round(float(np.mean([row.nbytes for row in descriptor.describe(images)])))
    width: int = descriptor.size * np.dtype(descriptor.dtype).itemsize
    return width


@contextmanager
def bench(
    folder: Path,
    by: Iterable[str],
    recipes: Iterable[str],
    *,
    home: Path | None = None,
    learnt: Iterable[Path] = (),
    watch: Watch | None = None,
    settings: Settings | None = None,
) -> Iterator[Bench]:
    """A folder indexed by some senses and recipes: at `home`, to be used again, or somewhere until the end."""
    wanted = plans(by, recipes)
    names = [each.name for each in wanted]
    if not wanted:
        raise UsageError("nothing to judge: name a recipe, or a sense")
    senses = [name for name in names if name in SENSES]
    others = [name for name in names if name not in SENSES]
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        photos = index(
            folder, senses, others, collection=home or Path(place), learnt=learnt, watch=watch, settings=settings
        )
        with photos:
            if not len(photos):
                raise UsageError(f"{folder} holds no picture that can be read")
            yield Bench(photos, wanted, SystemClock())


def judged(bench: Bench, plan: Plan | Together, truth: GroundTruth, watch: Watch) -> Trial:
    """What one recipe makes of a task. A question that cannot be read finds nothing; where none can, PictureError."""
    outcomes = _answered(bench, plan, truth, watch)
    answered = [each.question for each in outcomes if each.first]
    cost = bench.cost(plan, answered or truth.questions)
    return Trial(plan.name, plan.recipe, figures(truth, outcomes), cost, tuple(outcomes))


def _answered(bench: Bench, plan: Plan | Together, truth: GroundTruth, watch: Watch) -> list[Outcome]:
    """Every question asked, those with stored rows first; in the order of the task."""
    held = bench.ids(truth.pictures)
    allow = None if len(held) == len(bench.pictures) else held
    stored = [_ident(bench, truth, each) for each in truth.questions]
    many = [at for at, ident in enumerate(stored) if ident is not None]
    made: dict[int, list[Outcome]] = {}
    for start in range(0, len(many), BATCH):
        chosen = many[start : start + BATCH]
        hits = bench.ask_stored(plan, [stored[at] or 0 for at in chosen], len(held), allow)
        for at, ids, scores in zip(chosen, hits.ids, hits.scores, strict=True):
            made[at] = _outcomes(bench, truth.questions[at], ids, scores)
        watch(Progress(f"asking by {plan.name}", len(made), len(stored)))
    for at in sorted(set(range(len(stored))) - set(many)):
        hits = _asked_file(bench, plan, truth.questions[at], len(held), allow)
        made[at] = _outcomes(bench, truth.questions[at], hits.ids[0], hits.scores[0])
        watch(Progress(f"asking by {plan.name}", len(made), len(stored)))
    return [each for at in sorted(made) for each in made[at]]


def _asked_file(bench: Bench, plan: Plan | Together, question: Question, k: int, allow: Ids | None) -> Hits:
    """The hits of a question's file, or of the box of it: none where it cannot be read."""
    try:
        return bench.ask(plan, Query(question.picture, question.box), k, allow)
    except PictureError:
        return _NOTHING
    except UsageError as problem:
        raise UsageError(f"{question.picture}: {problem}") from None


def _ident(bench: Bench, truth: GroundTruth, question: Question) -> int | None:
    name = truth.stored(question)
    return bench.pictures[name].id if name in bench.pictures else None


def _outcomes(bench: Bench, question: Question, ids: Ids, scores: NDArray[np.float32]) -> list[Outcome]:
    """What one ranking is worth at each level that has right answers."""
    ranked, scores = ids[ids != NO_ID], scores[ids != NO_ID]
    made = []
    for level, answers in question.answers.items():
        if not answers.wanted:
            continue
        found, counts = places(ranked, bench.ids(answers.wanted), bench.ids(answers.ignored))
        first = zip(ranked[counts][:SHOWN].tolist(), scores[counts][:SHOWN].tolist(), strict=True)
        right = set(found.tolist())
        shown = tuple(Found(bench.names[id], score, at in right) for at, (id, score) in enumerate(first))
        made.append(Outcome(question, level, tuple(found.tolist()), len(answers.wanted), shown))
    return made


def attacked(
    bench: Bench, kinds: Sequence[str], count: int, watch: Watch, more: Sequence[Plan | Together] = ()
) -> dict[str, list[Outcome]]:
    """Some pictures, altered in every way, ask for themselves: the outcomes of each plan, or fusion, by its name.

    `more` are asked beside the plans of the bench; a fusion takes what its plans have answered.

    The pictures are spread evenly over the folder. Files of the same bytes are all right answers.
    """
    names = sorted(bench.pictures)
    count = min(count, len(names))
    chosen = [names[at * len(names) // count] for at in range(count)]
    every: tuple[Plan | Together, ...] = (*bench.plans, *more)
    made: dict[str, list[Outcome]] = {plan.name: [] for plan in every}
    for number, name in enumerate(chosen):
        image = bench.pixels(bench.photos.root / name, ALTERED_SIDE)
        same = {each for each, held in bench.pictures.items() if held.sha256 == bench.pictures[name].sha256}
        for kind in kinds:
            altered = KINDS[kind](image)
            question = Question(name, bench.photos.root / name, {"": Answers(frozenset(same))}, None, kind, kind)
            answers: dict[str, Hits] = {}
            for plan in every:
                if isinstance(plan, Together):
                    hits = fusion(plan.how, [answers[each.name] for each in plan.plans])[0]
                else:
                    hits = bench.ask(plan, Query(altered), SHOWN)
                answers[plan.name] = hits
                made[plan.name] += _outcomes(bench, question, hits.ids[0], hits.scores[0])
        watch(Progress("asking with altered pictures", number + 1, len(chosen)))
    return made


def example(bench: Bench, trial: str, outcome: Outcome, count: int = 6) -> Example:
    """A question with its first answers, as small JPEGs."""
    question = outcome.question
    if question.altered:
        image = KINDS[question.altered](bench.pixels(question.picture, ALTERED_SIDE))
    else:
        image = bench.pixels(question.picture, thumbnail.SIDE, question.box)
    hits = (
        Shown(found.name, _small(thumbnail.decode(bench.photos.thumbnail(bench.pictures[found.name].id))), found.right)
        for found in outcome.first[:count]
    )
    return Example(trial, outcome, _small(image), tuple(hits))


def _small(image: Image) -> bytes:
    """A JPEG small enough for pages with hundreds of them."""
    return thumbnail.encode(query_pixels(Query(image), LocalFiles(), Limits())(EXAMPLE_SIDE))
