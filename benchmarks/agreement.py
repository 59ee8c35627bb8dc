"""How many matched features agree in images of the same building, and of others: a table of docs/evaluation.md.

    python -m benchmarks.agreement --folder DATA [--quick] [--out docs/evaluation.md]

DATA holds `landmarks/` (images/ and gt.json: `nearsight evaluate landmarks`). The number of matches that `match --by
object` requires is chosen from this table.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from nearsight.applications.match import FEATURES, match_features
from nearsight.errors import ModelMissingError, UsageError
from nearsight.evaluation.ground_truth import EvaluationQuery, GroundTruth
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.images.decode import open_image
from nearsight.recipe import parse_recipe
from nearsight.registry import build_methods
from nearsight.types import Box, LocalDescriptor, LocalFeatures

WAYS = (FEATURES, "akaze", "brisk", "orb", "surf", "mobilenetv2", "xfeat", "xfeat(matcher=lighterglue)")
SAME, OTHERS = 4, 20
"""Images of the same building, and of others, that each question is compared with, at most."""


def measure_section(options: Options) -> str:
    """The section's text."""
    if options.folder is None:
        raise UsageError("--folder names the folder that holds landmarks")
    truth = load_ground_truth("landmarks", options.folder / "landmarks")
    truth = truth.subsample(3) if options.quick else truth
    chosen = [(each, choose_pairs(truth, each)) for each in truth.queries]
    lines = [line for way in WAYS[: options.of(len(WAYS), 1)] if (line := row(way, truth, chosen))]
    return TEXT.format(machine=machine(), table=table(HEAD, lines))


def choose_pairs(truth: GroundTruth, question: EvaluationQuery) -> tuple[list[str], list[str]]:
    """Some images that show the same as the question, and some that do not; always the same ones."""
    (answers,) = question.relevance.values()
    own = question.image.relative_to(truth.folder).as_posix()
    same = [each for each in truth.images if each in answers.relevant_names and each != own]
    others = [each for each in truth.images if each not in answers.positives | answers.junk and each != own]
    return sample_names(same, SAME, question.name), sample_names(others, OTHERS, question.name)


def sample_names(names: list[str], count: int, seed: str) -> list[str]:
    """So many of the names, by chance."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count]


def row(way: str, truth: GroundTruth, chosen: list[tuple[EvaluationQuery, tuple[list[str], list[str]]]]) -> list[str]:
    """One line of the table; nothing where the model is not on this machine."""
    (local,) = build_methods(parse_recipe(way))
    assert isinstance(local, LocalDescriptor)
    try:
        local.load()
    except ModelMissingError:
        return []
    of = cache(lambda path, box: load_features(local, path, box))
    counts: tuple[list[int], list[int]] = ([], [])
    fewest = 0
    for question, images in chosen:
        for found, names in zip(counts, images, strict=True):
            for name in names:
                count, fewest = count_inliers(local, of(question.image, question.box), of(truth.folder / name, None))
                found.append(count)
    same, others = map(np.array, counts)
    shares = [f"{100 * (each >= fewest).mean():.1f}" for each in (same, others)]
    numbers = [f"{len(same)} / {len(others)}", f"{np.median(same):.0f}", f"{np.median(others):.0f}", f"{others.max()}"]
    return [f"`{way}`", *numbers, f"{fewest}", *shares]


def load_features(local: LocalDescriptor, path: Path, box: Box | None) -> LocalFeatures:
    """The features of an image, or of a part of it."""
    return local.features(open_image(path, full=box is not None).render(local.side, box))


def count_inliers(local: LocalDescriptor, query: LocalFeatures, hit: LocalFeatures) -> tuple[int, int]:
    """How many matches agree, and how many must."""
    (_, found), fewest = match_features(local, query, hit)
    return 0 if found is None else len(found.hit_points), fewest


HEAD = [
    "features",
    "pairs, same / others",
    "median, same",
    "median, others",
    "most, others",
    "asked for",
    "same found, %",
    "others found, %",
]
TEXT = """
## How many matches are required

Measured on {machine}. Each of the 25 boxes of *Places* above is compared with images that show the same building and
with images of others, as `match --by object --features ...` does. The table gives how many matched features agree on
one homography, how many `match` requires, and the share of the pairs that have so many.

{table}
"""

if __name__ == "__main__":
    main("agreement", __doc__, measure_section)
