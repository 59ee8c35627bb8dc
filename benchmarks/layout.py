"""How long a map takes, and how well it preserves distances.

    python -m benchmarks.layout [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

Vectors of small images, parts of the bundled photographs or of those of the folder, laid out as by `nearsight map`: the
distances from the landmarks to all, then the scaling and the measures of its quality.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import one_core, time_call
from nearsight.applications.map import landmark_count
from nearsight.applications.mds import landmark_mds
from nearsight.registry import require_method
from nearsight.types import Descriptor, Metric

COUNTS = (1_000, 2_000, 20_000)
DESCRIPTORS = ("gist", "colour_histogram")
SIDE, BATCH = 96, 1024


def describe_crops(name: str, options: Options, count: int) -> NDArray[Any]:
    """Rows `(count, D)`."""
    descriptor = require_method(name)()
    assert isinstance(descriptor, Descriptor)
    crops = images.crops(images.photographs(options.folder), count, SIDE)
    parts = iter(lambda: [crop for _, crop in zip(range(BATCH), crops, strict=False)], [])
    return np.concatenate([descriptor.describe(part) for part in parts])


def layout_row(name: str, rows: NDArray[Any]) -> list[str]:
    """A line of the table."""
    natural = require_method(name)().metric  # type: ignore[attr-defined]
    metric = require_method(natural)()
    assert isinstance(metric, Metric)
    count = landmark_count(len(rows), metric, natural)
    found: dict[str, Any] = {}
    with one_core():
        measuring = time_call(lambda: found.update(distances=metric.distances(rows[:count], rows)))
        scaling = time_call(lambda: found.update(map=landmark_mds(found["distances"])))
    took = [f"{measuring.cpu:.1f}", f"{scaling.cpu:.1f}"]
    shown = [f"{value:.2f}" for value in (found["map"].explained, found["map"].stress, found["map"].trustworthiness)]
    return [f"`{name}`, {natural}", f"{len(rows):,}", f"{count:,}", *took, *shown]


def measure_section(options: Options) -> str:
    """The section's text."""
    counts = [options.of(count, count // 100) for count in COUNTS]
    lines = []
    for name in DESCRIPTORS:
        rows = describe_crops(name, options, max(counts))
        lines += [layout_row(name, rows[:count]) for count in counts]
    return TEXT.format(machine=machine(), table=table(HEAD, lines))


HEAD = ["rows, metric", "images", "landmarks", "distances, s", "scaling, s", "explained", "stress", "trustworthiness"]
TEXT = """## The map

Measured on {machine}; seconds of CPU time, on one core, one thread in every library. Up to 2,000 images, all are
landmarks (classical multidimensional scaling). *Explained* is the share of two dimensions in the landmarks'
eigenvalues; *stress* is 0 where all distances are shown in proportion; *trustworthiness* is 1 where the ten nearest on
the map are the nearest, .5 by chance.

{table}
"""

if __name__ == "__main__":
    main("layout", __doc__, measure_section)
