"""The effect of re-ranking vectors, of fusion and of marks (relevance feedback) on Corel-1k.

    python -m benchmarks ranking --folder COREL1K [--out docs/evaluation.md]

Vectors of three descriptors, 1,000 images; every fifth is a query for the other 99 of its class. The time is that of
the ranking alone: queries are stored images, so nothing is described.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import one_core
from nearsight.errors import ModelMissingError, UsageError
from nearsight.evaluation.benchmark import Bench, open_bench
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.measures import average_precision
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.search.fusion import FusedPipeline
from nearsight.types import Hits, Query

PROTOCOL = "corel1k"
BASES = ("hog | flat(metric=l2)", "gist | pca(dim=128) | flat", "onnx | flat")
WAYS = (
    "",
    "aqe",
    "augment",
    "aqe | augment",
    "diffuse",
    "diffuse(alpha=0.9)",
    "aqe | diffuse",
    "reciprocal",
    "background",
    "background(beta=0.5)",
)
TOGETHER = (("hog | flat(metric=l2)", "gist | pca(dim=128) | flat"), BASES)
ASKED = 200
MARKED = 3
"""Right and wrong ones among the first hits that are marked."""
SEEN = 20
"""Hits that whoever marks has looked at."""

Ask = Callable[[int], tuple[Hits, tuple[int, ...]]]
"""From the id that asks to the hits, and ids that do not count."""


def usable_descriptors() -> list[str]:
    """The descriptors whose model is on this machine, or that need none."""
    found = []
    for recipe in BASES:
        with suppress(ModelMissingError):
            build_pipeline(recipe).descriptor.load()
            found.append(recipe)
    return found


def lines(ready: Bench, truth: GroundTruth) -> Iterator[list[str]]:
    """The lines of the table."""
    total = len(ready.images)
    plans = {each.name: each for each in ready.pipelines}

    def way(how: Pipeline | FusedPipeline) -> Ask:
        return lambda ident: (ready.search(how, Query(ident), total), ())

    for base, own in plans.items():
        shown = base.partition(" | flat")[0]
        for refiner in WAYS:
            chosen = ready.snapshot.trained_pipeline(build_pipeline(f"{base} | {refiner}")) if refiner else own
            yield _line(ready, truth, shown, refiner or "plain", way(chosen))
        for name, marks in (
            ("plain, what is marked left out", False),
            (f"{MARKED} right and {MARKED} wrong marks", True),
        ):
            yield _line(ready, truth, shown, name, _make_feedback_query(ready, truth, own, marks=marks))
    for bases in (each for each in TOGETHER if set(each) <= set(plans)):
        name = " + ".join(base.partition(" | flat")[0] for base in bases)
        for how in ("reciprocal", "scores"):
            together = FusedPipeline(tuple(plans[base] for base in bases), how)
            yield _line(ready, truth, name, f"fused by {how}", way(together))


def _make_feedback_query(ready: Bench, truth: GroundTruth, own: Pipeline, *, marks: bool) -> Ask:
    """Asks, marks some of the first hits by what they are, and asks again, with the marks or not; they do not count."""
    labels = {ready.images[name].id: label for name, label in truth.labels.items() if name in ready.images}

    def ask(ident: int) -> tuple[Hits, tuple[int, ...]]:
        seen = [each for each in ready.search(own, Query(ident), SEEN).ids[0].tolist() if each != ident]
        right = tuple(each for each in seen if labels[each] == labels[ident])[:MARKED]
        wrong = tuple(each for each in seen if labels[each] != labels[ident])[:MARKED]
        query = Query(ident, like=right, unlike=wrong) if marks else Query(ident)
        return ready.search(own, query, len(ready.images)), (*right, *wrong)

    return ask


def _line(ready: Bench, truth: GroundTruth, base: str, way: str, ask: Ask) -> list[str]:
    """Mean average precision, error of the first hit, and milliseconds a query."""
    precisions, wrong, took = [], [], []
    for question in truth.queries:
        ident = ready.images[question.name].id
        answers = question.relevance[next(iter(question.relevance))]
        start = time.perf_counter()
        hits, left_out = ask(ident)
        took.append(time.perf_counter() - start)
        wanted = set(ready.ids(answers.relevant_names).tolist()) - set(left_out)
        order = [each for each in hits.ids[0].tolist() if each not in (ident, *left_out)]
        places = [at for at, each in enumerate(order) if each in wanted]
        precisions.append(average_precision(places, len(wanted)))
        wrong.append(0 not in places)
    figures = (100 * np.mean(precisions), 100 * np.mean(wrong))
    shown = [
        f"<code>{each.replace('|', '&#124;')}</code>" for each in (base, way)
    ]  # as GitHub and the site both take it
    return [
        shown[0],
        shown[1] if way in WAYS else way,
        *(f"{value:.1f}" for value in figures),
        f"{1000 * np.median(took):.0f}",
    ]


def measure_section(options: Options) -> str:
    """The section's text."""
    if options.folder is None:
        raise UsageError("--folder says where Corel-1k lies: its images 0.jpg to 999.jpg")
    truth = load_ground_truth(PROTOCOL, options.folder)
    truth = truth.subsample(options.of(ASKED, 10))
    with (
        open_bench(truth.folder, (), usable_descriptors()[:1] if options.quick else usable_descriptors()) as ready,
        one_core(),
    ):
        rows = list(lines(ready, truth))
    return TEXT.format(machine=machine(), asked=len(truth.queries), rows=table(HEAD, rows), marked=MARKED, seen=SEEN)


HEAD = ["rows", "ranked by", "mAP, %", "1-NN error, %", "ms a query"]
TEXT = """## Re-ranking

Corel-1k: {asked} of the 1,000 images are queries; the positives of each are the other 99 of its class. Measured on
{machine}, on one core. The first column is the recipe of the vectors; the second is the re-ranker that follows it, with
default parameters where none are given. Times are medians. The queries are stored images, so the times include no
description of an image; all images are ranked, which is more than a search for 20 does.

{rows}

*Marks* (relevance feedback): of the first {seen} hits, {marked} right and {marked} wrong ones are marked, where there
are so many, and the query is repeated (`like=`, `unlike=`); the time includes both searches. Marked images are left out
of the figures, so compare these with the line above, where they are left out too.
"""

if __name__ == "__main__":
    main("ranking", __doc__, measure_section)
