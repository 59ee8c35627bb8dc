"""Evaluates recipes on a folder by the rankings of real searches, re-rankers included.

The folder is indexed into its own collection by worker processes. Query images in the collection use their stored
vectors, in batches; boxes, other files and altered images are described one by one. Each recipe is evaluated alone:
candidates that a search by a sense takes from other senses of the collection are left out, but of those it requires.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.api.collection import Collection
from nearsight.api.indexing import index
from nearsight.clock import Clock, SystemClock
from nearsight.errors import ImageError, UsageError
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth, Relevance
from nearsight.evaluation.report import Example, ExampleHit
from nearsight.evaluation.scoring import (
    MAX_ANSWERS,
    Cost,
    Outcome,
    ScoredAnswer,
    Trial,
    compute_figures,
    positive_ranks,
)
from nearsight.evaluation.simulated_queries import QUERY_KINDS
from nearsight.files import LocalFileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import open_image
from nearsight.ingest.run import IngestProgress, IngestSettings, Watch
from nearsight.pipeline import Pipeline, build_pipelines
from nearsight.search.engine import rank
from nearsight.search.fusion import FusedPipeline, fuse, search_fused
from nearsight.senses import SENSES
from nearsight.storage.snapshot import SnapshotReader
from nearsight.types import NO_ID, Box, Descriptor, Hits, Ids, Image, Query

BATCH = 64
"""Stored images that are searched with at once."""
N_TIMED = 10
"""Queries and images that are timed."""
ALTERED_SIDE = 1024
"""Longest side in pixels of an image before it is altered, as images are shared on the web."""

EXAMPLE_SIDE = 160
"""Pixels of the longest side of images in a report."""


_NO_HITS = Hits(np.empty((1, 0), np.int64), np.empty((1, 0), np.float32))


class Bench:
    """A folder indexed by some recipes, and searches in it."""

    def __init__(self, collection: Collection, pipelines: Sequence[Pipeline], clock: Clock) -> None:
        self.collection, self.clock = collection, clock
        self.reader = SnapshotReader(collection.index_dir, LocalFileSystem())
        self.snapshot = self.reader.snapshot()
        self.images = {os.fsdecode(each.path): each for each in self.reader.catalogue.images()}
        self.names = {each.id: name for name, each in self.images.items()}
        self.pipelines = [self._trained(pipeline) for pipeline in pipelines]

    def _trained(self, pipeline: Pipeline) -> Pipeline:
        """A pipeline, and its candidate sources, with their trained states."""
        sources = tuple(self.snapshot.trained_pipeline(each) for each in pipeline.candidate_sources)
        return replace(self.snapshot.trained_pipeline(pipeline), candidate_sources=sources)

    def ids(self, names: Iterable[str]) -> Ids:
        """The sorted ids of the images that could be read."""
        found = (self.images[name].id for name in names if name in self.images)
        return np.sort(np.fromiter(found, np.int64))

    def search(self, pipeline: Pipeline | FusedPipeline, query: Query, k: int, allow: Ids | None = None) -> Hits:
        """The hits `(1, n)` of one query, after re-ranking."""
        if isinstance(pipeline, FusedPipeline):
            return fuse(pipeline.method, [self.search(each, query, k, allow) for each in pipeline.pipelines])[0]
        return rank(self.reader, self.snapshot, pipeline, query, k, allow=allow).hits

    def search_by_ids(
        self, pipeline: Pipeline | FusedPipeline, image_ids: Sequence[int], k: int, allow: Ids | None
    ) -> Hits:
        """The hits of stored images, one row each: in one search of the index where there is no re-ranker."""
        if isinstance(pipeline, Pipeline) and not pipeline.rerankers:
            rows: Any = [self.snapshot.vector(pipeline, ident) for ident in image_ids]
            rows = rows if pipeline.descriptor.variable_length else np.stack(rows)
            return self.snapshot.index(pipeline).search(rows, k, allow)
        found = [self.search(pipeline, Query(ident), k, allow) for ident in image_ids]
        wide = max(each.ids.shape[1] for each in found)
        ids = np.full((len(found), wide), NO_ID, np.int64)
        scores = np.full((len(found), wide), -np.inf, np.float32)
        for at, hits in enumerate(found):
            ids[at, : hits.ids.shape[1]], scores[at, : hits.ids.shape[1]] = hits.ids[0], hits.scores[0]
        return Hits(ids, scores)

    def load_pixels(self, image: Path, side: int, box: Box | None = None) -> Image:
        """An image, or a box of it, with a longest side of at most `side` pixels."""
        return open_image(image, full=box is not None, files=self.reader.files).render(side, box)

    def measure_cost(self, pipeline: Pipeline | FusedPipeline, queries: Sequence[EvaluationQuery]) -> Cost:
        """The measured cost of a recipe: whole searches, and describing, over some images."""
        pipelines = pipeline.pipelines if isinstance(pipeline, FusedPipeline) else (pipeline,)
        asked_with = queries[:: max(1, len(queries) // N_TIMED)][:N_TIMED]

        def search(query: EvaluationQuery) -> object:
            asked = Query(query.image, query.box, k=MAX_ANSWERS)
            if isinstance(pipeline, FusedPipeline):
                return search_fused(self.reader, self.snapshot, pipelines, replace(asked, fuse=pipeline.method))
            ranking = rank(self.reader, self.snapshot, pipeline, asked, MAX_ANSWERS)
            return ranking.to_results(MAX_ANSWERS, self.reader)

        search(asked_with[0])  # the first opens the index
        ask = [self._time(lambda each=each: search(each)) for each in asked_with]  # type: ignore[misc]
        describe, width = 0.0, 0
        for each in (one.descriptor for made in pipelines for one in (made, *made.candidate_sources)):
            images = [self.load_pixels(query.image, each.side, query.box) for query in asked_with]
            describe += min(self._time(partial(each.describe, images)) for _ in range(2))
            width += _vector_bytes(each, images)
        return Cost(1000 * float(np.median(ask)), 1000 * describe / len(asked_with), width)

    def _time(self, work: Callable[[], Any]) -> float:
        start = self.clock.monotonic()
        work()
        return self.clock.monotonic() - start


def _vector_bytes(descriptor: Descriptor, images: Sequence[Image]) -> int:
    """Bytes of a vector; of records, the mean over some images."""
    if descriptor.variable_length:
        return round(float(np.mean([row.nbytes for row in descriptor.describe(images)])))
    width: int = descriptor.size * np.dtype(descriptor.dtype).itemsize
    return width


@contextmanager
def open_bench(
    folder: Path,
    by: Iterable[str],
    recipes: Iterable[str],
    *,
    index_dir: Path | None = None,
    trained: Iterable[Path] = (),
    watch: Watch | None = None,
    settings: IngestSettings | None = None,
) -> Iterator[Bench]:
    """Index a folder by some senses and recipes: at `index_dir`, to be reused, or in a temporary folder."""
    wanted = build_pipelines(by, recipes)
    names = [each.name for each in wanted]
    if not wanted:
        raise UsageError("nothing to evaluate: name a recipe, or a sense")
    senses = [name for name in names if name in SENSES]
    others = [name for name in names if name not in SENSES]
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        photos = index(
            folder, senses, others, collection=index_dir or Path(place), trained=trained, watch=watch, settings=settings
        )
        with photos:
            if not len(photos):
                raise UsageError(f"{folder} holds no image that can be read")
            yield Bench(photos, wanted, SystemClock())


def evaluate_pipeline(bench: Bench, pipeline: Pipeline | FusedPipeline, truth: GroundTruth, watch: Watch) -> Trial:
    """Evaluate a recipe. A query that cannot be read retrieves nothing; ImageError where none can be read."""
    outcomes = _run_queries(bench, pipeline, truth, watch)
    answered = [each.query for each in outcomes if each.first_answers]
    cost = bench.measure_cost(pipeline, answered or truth.queries)
    return Trial(pipeline.name, pipeline.recipe, compute_figures(truth, outcomes), cost, tuple(outcomes))


def _run_queries(bench: Bench, pipeline: Pipeline | FusedPipeline, truth: GroundTruth, watch: Watch) -> list[Outcome]:
    """Search with every query, stored ones first; the outcomes are in the order of the task."""
    held = bench.ids(truth.images)
    allow = None if len(held) == len(bench.images) else held
    stored = [_query_image_id(bench, truth, each) for each in truth.queries]
    many = [at for at, ident in enumerate(stored) if ident is not None]
    made: dict[int, list[Outcome]] = {}
    for start in range(0, len(many), BATCH):
        chosen = many[start : start + BATCH]
        hits = bench.search_by_ids(pipeline, [stored[at] or 0 for at in chosen], len(held), allow)
        for at, ids, scores in zip(chosen, hits.ids, hits.scores, strict=True):
            made[at] = _score_ranking(bench, truth.queries[at], ids, scores)
        watch(IngestProgress(f"asking by {pipeline.name}", len(made), len(stored)))
    for at in sorted(set(range(len(stored))) - set(many)):
        hits = _benchmark_search(bench, pipeline, truth.queries[at], len(held), allow)
        made[at] = _score_ranking(bench, truth.queries[at], hits.ids[0], hits.scores[0])
        watch(IngestProgress(f"asking by {pipeline.name}", len(made), len(stored)))
    return [each for at in sorted(made) for each in made[at]]


def _benchmark_search(
    bench: Bench, pipeline: Pipeline | FusedPipeline, query: EvaluationQuery, k: int, allow: Ids | None
) -> Hits:
    """The hits of a query's file or box: none where it cannot be read."""
    try:
        return bench.search(pipeline, Query(query.image, query.box), k, allow)
    except ImageError:
        return _NO_HITS
    except UsageError as problem:
        raise UsageError(f"{query.image}: {problem}") from None


def _query_image_id(bench: Bench, truth: GroundTruth, query: EvaluationQuery) -> int | None:
    name = truth.name_in_collection(query)
    return bench.images[name].id if name in bench.images else None


def _score_ranking(bench: Bench, query: EvaluationQuery, ids: Ids, scores: NDArray[np.float32]) -> list[Outcome]:
    """Score one ranking at each level that has positives."""
    ranked, scores = ids[ids != NO_ID], scores[ids != NO_ID]
    made = []
    for level, answers in query.relevance.items():
        if not answers.relevant_names:
            continue
        found, counts = positive_ranks(ranked, bench.ids(answers.relevant_names), bench.ids(answers.junk))
        first = zip(ranked[counts][:MAX_ANSWERS].tolist(), scores[counts][:MAX_ANSWERS].tolist(), strict=True)
        right = set(found.tolist())
        shown = tuple(ScoredAnswer(bench.names[id], score, at in right) for at, (id, score) in enumerate(first))
        made.append(Outcome(query, level, tuple(found.tolist()), len(answers.relevant_names), shown))
    return made


def evaluate_attacks(
    bench: Bench, kinds: Sequence[str], n_images: int, watch: Watch, extra: Sequence[Pipeline | FusedPipeline] = ()
) -> dict[str, list[Outcome]]:
    """Search with altered copies of some images: the outcomes of each pipeline or fusion, by its name.

    `extra` are evaluated besides the pipelines of the bench; a fusion combines the hits of its pipelines.

    The images are spread evenly over the folder. The positives of a copy are all files of the original's bytes.
    """
    names = sorted(bench.images)
    n_images = min(n_images, len(names))
    chosen = [names[at * len(names) // n_images] for at in range(n_images)]
    every: tuple[Pipeline | FusedPipeline, ...] = (*bench.pipelines, *extra)
    made: dict[str, list[Outcome]] = {pipeline.name: [] for pipeline in every}
    for number, name in enumerate(chosen):
        image = bench.load_pixels(bench.collection.root / name, ALTERED_SIDE)
        same = {each for each, held in bench.images.items() if held.sha256 == bench.images[name].sha256}
        for kind in kinds:
            altered = QUERY_KINDS[kind](image)
            query = EvaluationQuery(
                name, bench.collection.root / name, {"": Relevance(frozenset(same))}, None, kind, kind
            )
            answers: dict[str, Hits] = {}
            for pipeline in every:
                if isinstance(pipeline, FusedPipeline):
                    hits = fuse(pipeline.method, [answers[each.name] for each in pipeline.pipelines])[0]
                else:
                    hits = bench.search(pipeline, Query(altered), MAX_ANSWERS)
                answers[pipeline.name] = hits
                made[pipeline.name] += _score_ranking(bench, query, hits.ids[0], hits.scores[0])
        watch(IngestProgress("asking with altered images", number + 1, len(chosen)))
    return made


def make_example(bench: Bench, trial: str, outcome: Outcome, max_hits: int = 6) -> Example:
    """A query with its first hits, as small JPEGs."""
    query = outcome.query
    if query.alteration:
        image = QUERY_KINDS[query.alteration](bench.load_pixels(query.image, ALTERED_SIDE))
    else:
        image = bench.load_pixels(query.image, thumbnail.SIDE, query.box)
    hits = (
        ExampleHit(
            found.name,
            _small_jpeg(thumbnail.decode(bench.collection.thumbnail(bench.images[found.name].id))),
            found.right,
        )
        for found in outcome.first_answers[:max_hits]
    )
    return Example(trial, outcome, _small_jpeg(image), tuple(hits))


def _small_jpeg(image: Image) -> bytes:
    """A JPEG small enough for pages with hundreds of them."""
    return thumbnail.encode(open_image(image).render(EXAMPLE_SIDE))
