"""How long vocabularies take to train and to assign words, and how near the words are to the descriptors.

    python -m benchmarks.vocabularies [--folder FOLDER] [--quick] [--out docs/benchmarks.md]

1. RootSIFT of parts of the bundled photographs, or of those of the folder, rotated and with changed brightness: 200,000
   descriptors to train on, mapped from a file, and 5,000 of further parts.
2. k-means, approximate k-means and the vocabulary tree each train as many words, and assign them to the others.
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
from benchmarks.search import map_rows
from benchmarks.timing import best_times, one_core, time_call
from nearsight.clustering import nearest_centroids
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods, require_method
from nearsight.types import Floats, Image, LocalDescriptor, Vocabulary

LEARNT, OTHERS, ONCE = 200_000, 5_000, 1_000
SIDE, FEATURES = 480, 1_000
ROUNDS = 5
WORDS = {1_000: "hkm(branch=10, depth=3)", 20_000: "hkm(branch=27, depth=3)"}
QUICK = {36: "hkm(branch=6, depth=2)", 100: "hkm(branch=10, depth=2)"}
"""Trees with as many leaves, or nearly."""


def parts(photos: list[Image]) -> Iterator[Floats]:
    """Descriptors of one part of a photograph after another."""
    sift = require_method("sift")(n=FEATURES)  # type: ignore[call-arg]
    assert isinstance(sift, LocalDescriptor)
    for image in images.crops(photos, 1 << 30, SIDE):
        yield sift.features(image).descriptors


def gather_descriptors(found: Iterator[Floats], count: int) -> Floats:
    """The first `count` descriptors, in an order of chance."""
    kept, have = [], 0
    while have < count:
        kept.append(next(found))
        have += len(kept[-1])
    return np.asarray(np.random.default_rng(0).permutation(np.concatenate(kept)[:count]))


def error(rows: Floats, centres: Floats, words: NDArray[Any]) -> float:
    """The mean squared distance of descriptors to the centres of their words."""
    return float(np.square(rows - centres[words], dtype=np.float64).sum(axis=1).mean())


def hits(rows: Floats, centres: Floats, words: NDArray[Any]) -> float:
    """The share of descriptors whose word is the nearest of all."""
    return float((nearest_centroids(rows, centres) == words).mean())


def line(recipe: str, sample: Floats, others: Floats) -> list[str]:
    """A line of the table."""
    (words,) = build_methods(parse_recipe(recipe))
    assert isinstance(words, Vocabulary)
    found: dict[str, Any] = {}
    learning = time_call(lambda: found.update(words.train(sample, lambda done, total: None)))
    first = time_call(partial(words.assign, others[:1], found))
    finding = best_times({"": partial(words.assign, others[:ONCE], found)}, ROUNDS)[""]
    mine, centres = words.assign(others, found)[:, 0], found["centres"]
    times = [f"{learning.cpu:.1f}", f"{first.cpu:.2f}", f"{1000 * finding.cpu:.1f}"]
    quality = [f"{error(others, centres, mine):.4f}", f"{hits(others, centres, mine):.3f}"]
    return [f"`{recipe}`", f"{len(centres):,}", *times, *quality]


def measure_section(options: Options) -> str:
    """The section's text."""
    learnt, others = options.of(LEARNT, 4_000), options.of(OTHERS, 200)
    found, lines = parts(images.photographs(options.folder)), []
    with tempfile.TemporaryDirectory() as box, one_core():
        sample, rest = map_rows(Path(box), gather_descriptors(found, learnt)), gather_descriptors(found, others)
        for count, tree in (QUICK if options.quick else WORDS).items():
            lines += [line(recipe, sample, rest) for recipe in (f"kmeans(k={count})", f"akm(k={count})", tree)]
        del sample
    return TEXT.format(machine=machine(), learnt=learnt, others=others, once=ONCE, table=table(HEAD, lines))


HEAD = ["vocabulary", "words", "learning, s", "first use, s", "ms for 1,000 descriptors", "error", "nearest found"]
TEXT = """## Vocabularies

Measured on {machine}; seconds of CPU time, on one core, one thread in every library. The vocabularies are trained on
{learnt:,} descriptors (RootSIFT of parts of photographs, rotated and with changed brightness), mapped from a file.
Then {others:,} descriptors of other parts are assigned to words, {once:,} at once. *First use* is the time to build the
index over the words, once per process. *Error* is the mean squared distance of these other descriptors to the centre of
their word (descriptors have length 1), *nearest found* the share of them whose word is the nearest of all. `akm` too
compares fewer than 2,048 words one by one.

{table}
"""

if __name__ == "__main__":
    main("vocabularies", __doc__, measure_section)
