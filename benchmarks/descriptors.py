"""What each descriptor costs an image, and each metric a query.

    python -m benchmarks.descriptors [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

Every method with its defaults, on one core. Descriptors get batches of images at their working side; GIST also images
of 32 x 32. Metrics compute the distances of one query to all vectors of the descriptor whose natural metric they are,
and the exact index finds the first twenty by them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.search import map_rows, mapped_ids
from benchmarks.timing import best_times, one_core
from nearsight.errors import ModelMissingError
from nearsight.images.decode import wrap_pixels
from nearsight.registry import methods, natural_metric, require_method
from nearsight.types import Descriptor, Image, Index, Method, Metric

BATCH = 64
ROWS = 50_000
ROUNDS, QUERY_ROUNDS = 15, 100
BARRED = 5
"""What a bar is set for is measured so many times as often."""
DISTINCT = 500
GIST_BAR = 0.5
HASH_BAR, BAR_OF = 1, "combined_hash"
FIRST = 20
DESCRIBED_BY = {
    "hamming": "dhash",
    **dict.fromkeys(("chi2", "intersection", "hellinger", "emd", "circular_emd"), "colour_histogram"),
    **dict.fromkeys(("ssd", "warp", "shift"), "tiny"),
}
"""What metrics are asked with that are not, or not only, one descriptor's natural one; the others get GIST."""
WITHOUT_MODEL = {"weighted_bytes": "phash"}
"""What a metric is asked with where the model of its own descriptor is not here."""
COSTLY_ROWS = 200
"""As many rows are measured by a costly metric; the time is told for all."""


def make_methods(*kinds: str) -> Iterator[tuple[str, Method]]:
    """Every method of these kinds that needs no parameters, by name."""
    for name, cls in methods(*kinds).items():
        try:
            method = cls()
            if isinstance(method, Descriptor):
                method.load()
        except (TypeError, ModelMissingError):  # it cannot be made without parameters, or its model is not here
            continue
        yield name, method


def batch(photos: list[Image], side: int, count: int) -> list[Image]:
    """Images with a longest side of `side`, as far as the photographs are that large."""
    shown = [wrap_pixels(photo).render(side) for photo in photos[:count]]
    return [shown[number % len(shown)] for number in range(count)]


def squares(photos: list[Image], side: int, count: int) -> list[Image]:
    """Images of `side` x `side`."""
    return [np.asarray(crop[:side, :side]) for crop in images.crops(photos, count, side * 3 // 2)]


def per_image(descriptor: Descriptor, images: list[Image], rounds: int) -> float:
    """Milliseconds of the processor an image."""
    describe = partial(descriptor.describe, images)
    describe()
    return 1000 * best_times({"": describe}, rounds)[""].cpu / len(images)


def descriptor_rows(photos: list[Image], count: int, rounds: int) -> list[list[str]]:
    """A row for each descriptor; GIST has another of images of 32 x 32."""
    rows = []
    for name, descriptor in make_methods("descriptors", "hashes"):
        assert isinstance(descriptor, Descriptor)
        took = per_image(descriptor, batch(photos, descriptor.side, count), rounds)
        rows.append([f"`{name}`", f"longest side {descriptor.side}", f"{took:.3f}", *_size(descriptor)])
    gist = require_method("gist")
    assert issubclass(gist, Descriptor)
    took = per_image(gist(), squares(photos, 32, count), BARRED * rounds)
    return [*rows, [f"`gist`, bar {GIST_BAR} ms", "32 x 32", f"**{took:.3f}**", *_size(gist())]]


def _size(descriptor: Descriptor) -> list[str]:
    dtype = np.dtype(descriptor.dtype)
    return [f"{descriptor.size} {dtype}", f"{descriptor.size * dtype.itemsize:,}"]


def descriptor_for(name: str) -> tuple[str, Descriptor]:
    """The descriptor whose rows a metric is measured on."""
    found = [(each, made) for each, made in make_methods("descriptors", "hashes") if isinstance(made, Descriptor)]
    natural = next((each for each, made in found if made.metric.split("(")[0] == name), WITHOUT_MODEL.get(name, "gist"))
    wanted = DESCRIBED_BY.get(name, natural)
    return next(pair for pair in found if pair[0] == wanted)


def metric_rows(photos: list[Image], count: int, distinct: int, rounds: int) -> list[list[str]]:
    """A row for each metric."""
    crops = list(images.crops(photos, distinct + 1, 96))
    described: dict[str, NDArray[Any]] = {}
    rows = []
    for name, metric in make_methods("metrics"):
        assert isinstance(metric, Metric)
        by, descriptor = descriptor_for(name)
        if descriptor.metric.startswith(f"{name}("):
            metric = natural_metric(descriptor)
        if by not in described:
            described = {by: descriptor.describe(crops)}
        asked, others = described[by][:1], described[by][1:]
        stored = np.resize(others, (COSTLY_ROWS if metric.is_expensive else count, descriptor.size))
        took = best_times({"": partial(metric.distances, asked, stored)}, rounds)[""].cpu * count / len(stored)
        often = rounds * BARRED if by == BAR_OF else rounds
        through = "" if metric.is_expensive else f"{1000 * search_time(metric, asked, stored, often):,.2f}"
        shown = [f"`{name}`", f"`{by}`", *_size(descriptor)[:1], f"{1000 * took:,.2f}", through]
        rows.append(shown if by != BAR_OF else [f"{shown[0]}, bar {HASH_BAR} ms", *shown[1:-1], f"**{through}**"])
    return rows


def search_time(metric: Metric, asked: NDArray[Any], rows: NDArray[Any], rounds: int) -> float:
    """Seconds of the processor in which the exact index finds the nearest among rows mapped from a file."""
    flat = require_method("flat")()
    assert isinstance(flat, Index)
    with tempfile.TemporaryDirectory() as box:
        stored = map_rows(Path(box), rows)
        index = flat.empty(metric).add(mapped_ids(stored), stored)
        return best_times({"": partial(index.search, asked, FIRST)}, rounds)[""].cpu


def measure_section(options: Options) -> str:
    """The section's text."""
    photos = images.photographs(options.folder)
    count, rounds, queries = options.of(ROWS, 500), options.of(ROUNDS, 1), options.of(QUERY_ROUNDS, 1)
    together, distinct = options.of(BATCH, 4), options.of(DISTINCT, 40)
    methods()
    with one_core():
        described, compared = descriptor_rows(photos, together, rounds), metric_rows(photos, count, distinct, queries)
    return TEXT.format(
        machine=machine(),
        batch=together,
        rounds=rounds,
        queries=queries,
        barred=BARRED,
        count=count,
        costly=COSTLY_ROWS,
        distinct=distinct,
        first=FIRST,
        descriptors=table(HEAD, described),
        metrics=table(METRIC_HEAD, compared),
    )


HEAD = ["descriptor", "images", "ms an image", "values", "bytes an image"]
METRIC_HEAD = ["metric", "rows of", "values", "ms, all distances", "ms, first 20 by `flat`"]
TEXT = """## Descriptors and metrics

Measured on {machine}; pinned to one core, one thread in every library, CPU time, best of {rounds}, for queries best of
{queries}; {barred} times as many runs where a bar is set. Each descriptor with its defaults, in batches of {batch}
decoded images at its working side (decoding is not included):

{descriptors}

Each metric, one query and {count:,} vectors, which are those of {distinct} images repeated: all distances (`emd`,
`warp`, `shift` are measured on {costly} and extrapolated; in a collection the lower bound of `emd` makes most of its
distances unnecessary), and a complete search by the exact index for the first {first}, with the vectors mapped from a
file as in a collection:

{metrics}
"""

if __name__ == "__main__":
    main("descriptors", __doc__, measure_section)
