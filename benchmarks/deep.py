"""How well features of a network find the same place, and the same class: a table of docs/evaluation.md.

    python -m benchmarks deep --folder DATA [--out docs/evaluation.md]

DATA holds `landmarks/` (images/ and gt.json: `nearsight evaluate landmarks`) or `corel1k/` or both. Whatever needs
training is trained on other images: `photos/` and `captions/`; `pair_whitening` on the pairs in `dvd-covers/`, three
images of each cover in three folders.
"""

from __future__ import annotations

import tempfile
from itertools import combinations
from pathlib import Path

import nearsight as ns
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from nearsight.descriptor_chain import DescriptorChain
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import evaluate_pipeline, open_bench
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.evaluation.scoring import Trial
from nearsight.pipeline import Pipeline, build_pipeline
from nearsight.search.fusion import FUSIONS, FusedPipeline

LEARNT_FROM = ("photos", "captions")
JUDGED_ON = {
    "landmarks": "**Places**: 25 queries, each a box around a building, among 183 photographs of Oxford, as above.",
    "corel1k": "**Classes**: 200 of the 1,000 images of Corel-1k are queries; positives are the other 99 of the class.",
}
QUESTIONS = 200
"""At most."""
FIRST = "mobilenetv2"
POOLED = {
    "average": "average",
    "MAC": "mac",
    "SPoC": "spoc",
    "CroW": "crow",
    "GeM": "gem",
    "R-MAC": "rmac",
    "R-MAC, three resolutions": "rmac",
    "R-MAC, its regions whitened": "regions | pca(dim=512, whiten=1) | average(unit=true)",
    "sliding windows": "windows(pool=average) | average(unit=true)",
    "NetVLAD, 64 words": "unit | pca(dim=128) | netvlad(k=64)",
    "VLAD, 64 words": "unit | pca(dim=128) | vlad(k=64)",
    "Fisher vector, 64 components": "unit | pca(dim=64) | fisher(k=64)",
}
FIRSTS = {"R-MAC, three resolutions": f"{FIRST}(scales=[1.0, 0.7, 0.5])"}
"""What the poolings have that do not begin with the map of one size."""
WHITENED = " | pca(dim=256, whiten=1)"
PAIRED = " | pair_whitening(dim=128)"
PAIRED_FROM = "dvd-covers"
_ASMK = "{first}(n=1000, scales=[1.0, 0.7, 0.5]) | unit | pca(dim=128, whiten=0.5) | asmk(words=akm(k=5000)) | inverted"
WORDS = {"ASMK": _ASMK, "ASMK, verified by geometry": f"{_ASMK} | spatial"}
ANEW = {"AQE": " | flat | aqe(n=5)", "diffused": " | flat | diffuse(alpha=0.9)", "reciprocal": " | flat | reciprocal"}
"""What ranks rows anew, unwhitened ones."""
OBJECT = "sift | asmk | inverted | spatial | expand | spatial"
FUSED = ("average", "R-MAC")
"""What is fused with the sense `object` on the places, each with AQE."""
MOST = "mAP"


def measure_section(options: Options) -> str:
    """The section's text."""
    folder = options.folder
    if folder is None or not (sets := [name for name in JUDGED_ON if (folder / name).is_dir()]):
        raise UsageError(f"--folder names the folder that holds {' or '.join(JUDGED_ON)}, {' and '.join(LEARNT_FROM)}")
    ways = recipes(options.of(len(POOLED), 1), options.of(len(WORDS), 0))
    every = [each for way in ways.values() for each in way]
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        learnt = Path(place, "learnt.npz")
        lacking = [*every, *([] if options.quick else [OBJECT])]
        whole = [each for each in lacking if _needs_training(each) and not each.endswith(PAIRED)]
        ns.train([folder / name for name in LEARNT_FROM], whole, learnt)
        of_pairs, covers = Path(place, "pairs.npz"), folder / PAIRED_FROM
        ns.train([covers], [each for each in every if each.endswith(PAIRED)], of_pairs, pairs=_covers(covers))
        both = [learnt, of_pairs]
        found = {
            name: _trials(_subsample(load_ground_truth(name, folder / name), options), every, both) for name in sets
        }
        fused = (
            ""
            if options.quick or "landmarks" not in sets
            else _fusion_table(load_ground_truth("landmarks", folder / "landmarks"), learnt)
        )
    head = TEXT.strip().format(
        machine=machine(),
        learnt=" and ".join(LEARNT_FROM),
        whitened=WHITENED.strip(" |"),
        paired=PAIRED.strip(" |"),
        covers=PAIRED_FROM,
    )
    return "\n\n".join([head, *(f"{JUDGED_ON[name]}\n\n{_table(ways, found[name])}" for name in sets), fused])


def _table(ways: dict[str, list[str]], trials: dict[str, Trial]) -> str:
    lines = []
    for name, way in ways.items():
        shown = way[0].replace("|", "&#124;")  # as GitHub and the site both take it
        figures, cost = [f"{trials[each].figures[MOST]:.1f}" for each in way], trials[way[0]].cost
        figures += [""] * (3 + len(ANEW) - len(figures))
        lines.append([name, f"<code>{shown}</code>", *figures, f"{cost.row_bytes:,}"])
    return table(["method", "recipe", "mAP, %", "whitened", "by pairs", *ANEW, "bytes an image"], lines)


def _covers(folder: Path) -> list[tuple[str, str]]:
    """All pairs of images of the same cover: files of the same name in different folders."""
    names: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*.jpg")):
        names.setdefault(path.name, []).append(path.relative_to(folder).as_posix())
    return [pair for paths in names.values() for pair in combinations(paths, 2)]


def _fusion_table(truth: GroundTruth, learnt: Path) -> str:
    """Places by `object`, by what the network sees, and by both together."""
    deep = {name: f"{FIRST} | {POOLED[name]}{ANEW['AQE']}" for name in FUSED}
    lines = []
    with open_bench(truth.folder, (), [OBJECT, *deep.values()], trained=[learnt]) as ready:
        plans = {each.name: each for each in ready.pipelines}
        own = plans[build_pipeline(OBJECT).name]
        ways: dict[str, Pipeline | FusedPipeline] = {"object": own}
        for name, recipe in deep.items():
            other = plans[build_pipeline(recipe).name]
            ways |= {f"{name}, AQE": other}
            ways |= {f"object and {name}, by {how}": FusedPipeline((own, other), how) for how in FUSIONS}
        for name, way in ways.items():
            lines.append([name, f"{evaluate_pipeline(ready, way, truth, lambda progress: None).figures[MOST]:.1f}"])
    return f"**Places, by several senses at once** (`--fuse`):\n\n{table(['method', 'mAP, %'], lines)}"


def recipes(pooled: int, words: int) -> dict[str, list[str]]:
    """By method its recipe, and for rows the same whitened; the first so many of each kind."""
    rows = {name: f"{FIRSTS.get(name, FIRST)} | {steps}" for name, steps in list(POOLED.items())[:pooled]}
    behind = ("", WHITENED, PAIRED, *ANEW.values())
    ways = {name: [steps + more for more in behind] for name, steps in rows.items()}
    return ways | {name: [steps.format(first=FIRST)] for name, steps in list(WORDS.items())[:words]}


def _needs_training(recipe: str) -> bool:
    made = build_pipeline(recipe).descriptor
    return isinstance(made, DescriptorChain) and made.needs_training


def _subsample(truth: GroundTruth, options: Options) -> GroundTruth:
    return truth.subsample(options.of(QUESTIONS, 3))


def _trials(truth: GroundTruth, every: list[str], learnt: list[Path]) -> dict[str, Trial]:
    """What each recipe makes of a task; all are described from one pass of the network."""
    with open_bench(truth.folder, (), every, trained=learnt) as ready:
        plans = {each.name: each for each in ready.pipelines}
        return {
            each: evaluate_pipeline(ready, plans[build_pipeline(each).name], truth, lambda progress: None)
            for each in every
        }


TEXT = """
## Network features

Measured on {machine}. The feature map of MobileNetV2, trained on ImageNet, of images of at most 640 pixels that are not
enlarged: each position is a local feature. Everything else that is trained (whitening, visual words, mixtures) was
trained on other images: {learnt}. *Whitened* recipes end in `{whitened}`, those *by pairs* in `{paired}`, trained on
the 300 pairs of images of the same cover in {covers}. In the three columns after these a re-ranker follows the recipe
without whitening: `aqe(n=5)`, `diffuse(alpha=0.9)` and `reciprocal`.
"""

if __name__ == "__main__":
    main("deep", __doc__, measure_section)
