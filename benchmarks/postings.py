"""What an inverted file of visual words costs as it grows, and how long geometric verification takes.

    python -m benchmarks.postings [--quick] [--out docs/benchmarks.md]

Generated images: each of 500 features has one of 20,000 words, some of which are more frequent than others, 128 random
bits and a position. Queries are images of the collection with a fifth of the bits wrong; their own image must be the
first hit. The query `box` has 100 of the features, `whole` all of them; `several` words for each feature is what ASMK
uses for a query. The stored arrays are mapped from files, as in a collection.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import time_in_turns
from nearsight.indexes.inverted import Inverted, InvertedSearcher
from nearsight.kernels.hamming_votes import HammingVotes
from nearsight.kernels.selective import Selective
from nearsight.kernels.tf_idf import TfIdf
from nearsight.rerankers.spatial import Spatial
from nearsight.types import Arrays, Hits, Kernel
from nearsight.visual_words import Records, record_dtype

COUNTS = (1_000, 10_000, 100_000)
FEATURES, WORDS, BITS = 500, 20_000, 128
BATCH = 5_000
QUERIES, FIRST = 20, 20
WRONG = 0.2
BOX, SEVERAL = 100, 5
PART_FEATURES, PART_BITS, PART_QUERY, PART_SEVERAL = 120, 64, 400, 3
"""What the sense `part` keeps of an image, features and bits, and asks with: features and words of each."""
KERNELS = {"tf_idf": TfIdf(), "hamming_votes": HammingVotes(), "selective": Selective()}
VERIFIED = 50


def make_image(seed: int, features: int = FEATURES, bits: int = BITS) -> Records:
    """The records of a generated image; the same for the same seed."""
    rng = np.random.default_rng(seed)
    made = np.zeros(features, record_dtype(bits))
    common = np.random.default_rng(WORDS).gamma(2, 1, WORDS)
    made["word"] = np.sort(rng.choice(WORDS, features, p=common / common.sum()))
    made["bits"] = rng.integers(0, 256, (features, bits // 8), np.uint8)
    for name, end in (("x", 65_536), ("y", 49_152), ("scale", 128), ("angle", 256)):
        made[name] = rng.integers(0, end, features)
    return made


def make_query(seed: int, features: int, several: int) -> Records:
    """What an image asks with: some of its features, a fifth of the bits wrong, and further words for each."""
    rng = np.random.default_rng(seed)
    whole = make_image(seed)
    chosen = whole[np.sort(rng.choice(len(whole), features, replace=False))]
    wrong = np.packbits(rng.random((features, BITS)) < WRONG, axis=1)
    chosen["bits"] ^= wrong
    further = [make_image(10_000_000 + seed * several + at, features) for at in range(several - 1)]
    return np.sort(np.concatenate([chosen, *further]), order="word", kind="stable")


def make_part_query(seed: int) -> Records:
    """What `part` asks with: all features of an image, a fifth of the bits wrong, and three times as many others.

    Each has three words, of which one is its own.
    """
    rng = np.random.default_rng(seed)
    own = make_image(seed, PART_FEATURES, PART_BITS)
    own["bits"] ^= np.packbits(rng.random((PART_FEATURES, PART_BITS)) < WRONG, axis=1)
    others = make_image(20_000_000 + seed, PART_SEVERAL * PART_QUERY - PART_FEATURES, PART_BITS)
    return np.sort(np.concatenate([own, others]), order="word", kind="stable")


def part_row(options: Options) -> list[str]:
    """How long the candidates of `part` take in the largest collection."""
    count, kernel = options.of(COUNTS[-1], COUNTS[-1] // 50), KERNELS["selective"]
    make = partial(make_image, features=PART_FEATURES, bits=PART_BITS)
    with tempfile.TemporaryDirectory(prefix="nearsight-") as folder:
        ((_, part),) = files(Path(folder), kernel, [count], make)
        rows = InvertedSearcher(Inverted(), kernel, (part,), np.arange(count))
        seeds = np.linspace(0, count - 1, options.of(QUERIES, 3)).astype(int).tolist()
        questions = {str(seed): make_part_query(seed) for seed in seeds}
        assert [int(rows.search([each], FIRST).ids[0, 0]) for each in questions.values()] == seeds
        ways = {seed: partial(rows.search, [each], FIRST) for seed, each in questions.items()}
        taken = [1000 * each[0].wall for each in time_in_turns(ways, 1).values()]
        size = sum(array.nbytes for array in part.values()) / count
    return [f"{count:,}", f"{size:,.0f}", f"{np.median(taken):.1f}"]


def files(
    folder: Path, kernel: Kernel, counts: list[int], make: Callable[[int], Records] = make_image
) -> Iterator[tuple[int, Arrays]]:
    """What is kept of so many images, mapped from files, for each count; each goes on from the one before."""
    index, parts, made = Inverted(), list[Arrays](), 0
    for count in counts:
        for start in range(made, count, BATCH):
            ids = np.arange(start, min(start + BATCH, count))
            parts.append(index.encode(ids, [make(seed) for seed in ids.tolist()], kernel, {}))
        made = count
        parts = [index.merge(parts, np.empty(0, np.int64))]
        yield count, map_arrays(folder, parts[0])


def map_arrays(folder: Path, part: Arrays) -> Arrays:
    """The arrays, mapped from files."""
    for name, array in part.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in part}


def query_times(rows: InvertedSearcher, count: int, queries: int) -> list[str]:
    """Milliseconds of a query, by a box, a whole image, and a whole image with several words a feature."""
    shown = []
    for features, several in ((BOX, 1), (FEATURES, 1), (FEATURES, SEVERAL)):
        seeds = np.linspace(0, count - 1, queries).astype(int).tolist()
        questions = [make_query(seed, features, several) for seed in seeds]
        found = [rows.search([question], FIRST).ids[0, 0] for question in questions]
        assert found == seeds, "an image does not find itself"
        ways = {
            str(at): lambda question=question: rows.search([question], FIRST) for at, question in enumerate(questions)
        }
        taken = [1000 * each[0].wall for each in time_in_turns(ways, 1).values()]
        shown.append(f"{np.median(taken):.1f}")
    return shown


def search_rows(options: Options, kernel_name: str) -> list[list[str]]:
    """A row for each size of collection."""
    kernel, lines = KERNELS[kernel_name], []
    with tempfile.TemporaryDirectory(prefix="nearsight-") as folder:
        for count, part in files(Path(folder), kernel, [options.of(count, count // 50) for count in COUNTS]):
            rows = InvertedSearcher(Inverted(), kernel, (part,), np.arange(count))
            size, length = sum(array.nbytes for array in part.values()) / count, len(part["docs"]) / len(part["words"])
            took = query_times(rows, count, options.of(QUERIES, 3))
            lines.append([f"`{kernel_name}`", f"{count:,}", f"{size:,.0f}", f"{length:,.0f}", *took])
    return lines


def verification_time(options: Options) -> str:
    """Milliseconds in which the first hits are verified, of which every second shows the same plane."""
    question = make_query(0, FEATURES, 1)
    same = make_image(0)
    shifted = replace_places(same, 3000)
    rows = {at: shifted if at % 2 else make_image(1 + at) for at in range(VERIFIED)}
    ids = np.arange(VERIFIED)[None]
    hits = Hits(ids, -np.linspace(0.1, 0.9, VERIFIED, dtype=np.float32)[None])
    refiner = replace(Spatial(), n=VERIFIED)

    def refine() -> Hits:
        asked = SimpleNamespace(n_images=VERIFIED, memo={}, verified={}, query_vector=question, vector=rows.__getitem__)
        return refiner.rerank(np.zeros((3, 4, 3), np.uint8), hits, asked)

    assert sorted(refine().ids[0, : VERIFIED // 2].tolist()) == list(range(1, VERIFIED, 2)), "a plane is not found"
    taken = [each.wall for each in time_in_turns({"": refine}, options.of(QUERIES, 1))[""]]
    return f"{1000 * np.median(taken):.0f}"


def replace_places(row: Records, by: int) -> Records:
    """The same features farther to the right and below, all by a little noise."""
    moved, rng = row.copy(), np.random.default_rng(0)
    for name in ("x", "y"):
        places = row[name].astype(np.int64) * 4 // 5 + by + rng.integers(-150, 150, len(row))
        moved[name] = np.clip(places, 0, 65_535)
    moved["scale"] = np.clip(row["scale"].astype(int) - 5, 0, 255)
    return moved


def measure_section(options: Options) -> str:
    """The section's text."""
    lines = [line for name in KERNELS for line in search_rows(options, name)]
    shown = table(HEAD, lines)
    part = table(["images", "bytes an image", "query, ms"], [part_row(options)])
    return TEXT.format(machine=machine(), table=shown, part=part, verified=verification_time(options), count=VERIFIED)


HEAD = ["kernel", "images", "bytes an image", "features a word", "box, ms", "whole, ms", "whole, several words, ms"]
TEXT = """## Visual words

Measured on {machine}. Generated images of 500 features each, 20,000 words, some more frequent than others, 128 bits per
feature. The time of a query is the median over 20 images, wall clock: a box holds 100 features, a whole image 500, and
with several words each feature has five, as in a query by ASMK. *Features a word* is the mean length of a list: the
time grows with the lists that a query reads. Each image is its own first hit, although a fifth of the bits of the query
are wrong.

{table}

As `part` keeps and asks them, by `selective`: 120 features of 64 bits an image, and 400 of a query with three words
each. It is what `copy` adds to a query before anything is verified, beside describing it:

{part}

Geometric verification of {count} hits, half of which show the same plane, takes {verified} ms.
"""

if __name__ == "__main__":
    main("postings", __doc__, measure_section)
