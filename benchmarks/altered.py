"""Which altered copies each method finds, alone and fused: a table of docs/evaluation.md.

    python -m benchmarks altered --folder DATA [--out docs/evaluation.md]

The images of DATA's `photos/` and `captions/` are indexed together; some of them, altered in every way of
`nearsight.evaluation.attacks`, are the queries. Whatever needs training is trained on `corel1k/`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import nearsight as ns
from benchmarks.copies import copy_images
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.quality import usable_recipes
from nearsight.errors import UsageError
from nearsight.evaluation.attacks import ATTACKS
from nearsight.evaluation.benchmark import evaluate_attacks, open_bench
from nearsight.evaluation.measures import mean
from nearsight.evaluation.scoring import Outcome
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.search.fusion import FusedPipeline
from nearsight.senses import SENSES

LEARNT_FROM, INDEXED = "corel1k", ("photos", "captions")
METHODS = {
    "DCT hash": "phash",
    "block means": "block_mean_hash",
    "GIST": "gist",
    "VLAD": "sift | vlad(k=256)",
    "hash of 136 bytes": "combined_hash",
    "network": "mobilenetv2 | gem | pca(dim=256, whiten=1)",
    "category": "mobilenetv2(side=384) | average",
    "words": "sift | asmk | inverted",
    "copy": SENSES["copy"].recipe,
}
FUSED = {"hash + VLAD": ("DCT hash", "VLAD"), "hash + VLAD + network": ("DCT hash", "VLAD", "network")}
BESIDE = {"copy, category": ("copy", ("category",)), "copy, category, words": ("copy", ("category", "words"))}
"""By name what is found beside what, as a collection does that is indexed by several senses."""
HOW = "scores"
SAMPLE = 12
FAMILIES = {
    "JPEG": ("jpeg",),
    "quarter size, JPEG": ("small-jpeg",),
    "parts, 10 to 40 % removed": ("crop10", "crop15", "crop20", "crop30", "crop40"),
    "parts, 50 to 80 % removed": ("crop50", "crop60", "crop70", "crop80"),
    "smaller": ("half", "quarter"),
    "light and colour": ("bright", "contrast", "gamma", "saturation", "grey"),
    "blur and noise": ("blur", "noise", "salt"),
    "turned and mirrored": ("rotate", "mirror"),
    "written over, framed, on a page": ("text", "border", "letterbox", "screenshot"),
    "printed, photographed, squeezed": ("print", "aspect"),
    "several at once": ("strong",),
}
"""Kinds of alteration by how their names begin; each belongs to the first family that fits."""


def family(kind: str) -> str:
    """The family of a kind of alteration."""
    return next(name for name, heads in FAMILIES.items() if kind.startswith(heads))


def share_rows(made: dict[str, list[Outcome]], names: dict[str, str]) -> list[list[str]]:
    """Per cent of the originals found first, a line for each family and one for all, a column for each method."""
    lines = []
    for title in (*FAMILIES, "all"):
        found = {
            name: [0 in each.ranks for each in made[own] if title in ("all", family(each.query.group))]
            for name, own in names.items()
        }
        lines.append([title, *(f"{100 * mean(each):.1f}" for each in found.values())])
    return lines


def measure_section(options: Options) -> str:
    """The section's text."""
    if options.folder is None:
        raise UsageError(f"--folder names the folder that holds {', '.join(INDEXED)} and {LEARNT_FROM}")
    here = {name: text for name, text in METHODS.items() if usable_recipes([text])}
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        images, learnt = Path(place, "images"), Path(place, "learnt.npz")
        images.mkdir()
        copy_images([options.folder / name for name in INDEXED], images)
        ns.train([options.folder / LEARNT_FROM], [text for text in here.values() if "|" in text], learnt)
        with open_bench(images, (), here.values(), trained=[learnt]) as ready:
            plans = {each.name: each for each in ready.pipelines}
            own = {name: plans[build_pipeline(text).name] for name, text in here.items()}
            fused = {
                name: FusedPipeline(tuple(own[part] for part in parts), HOW)
                for name, parts in FUSED.items()
                if own.keys() >= set(parts)
            }
            count = options.of(SAMPLE, 2)
            beside = {
                name: replace(own[first], name=name, candidate_sources=tuple(own[other] for other in others))
                for name, (first, others) in BESIDE.items()
                if own.keys() >= {first, *others}
            }
            further: dict[str, Pipeline | FusedPipeline] = {**fused, **beside}
            made = evaluate_attacks(ready, list(ATTACKS), count, lambda progress: None, list(further.values()))
            total = len(ready.images)
    names = {name: each.name for name, each in {**own, **further}.items()}
    lines = share_rows(made, names)
    recipes = "; ".join(f"*{name}* `{text}`" for name, text in here.items())
    asked = len(ATTACKS) * min(count, total)
    return TEXT.format(
        machine=machine(),
        count=min(count, total),
        total=total,
        kinds=len(ATTACKS),
        asked=asked,
        how=HOW,
        learnt=LEARNT_FROM,
        recipes=recipes,
        table=table(["altered by", *names], lines),
    )


TEXT = """
## By kind of alteration

Measured on {machine}: {count} of {total} images, altered in {kinds} ways, are the queries, {asked:,} in all. The values
are the percentages of queries whose original was the first hit. {recipes}. Whatever needs training is trained on
{learnt}. Names joined by + are several recipes fused (`--fuse {how}`). After a comma stands what a
collection is indexed by besides `copy`: the first hits of that are verified too.

{table}
"""

if __name__ == "__main__":
    main("altered", __doc__, measure_section)
