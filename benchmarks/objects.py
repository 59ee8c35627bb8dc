"""How well the same thing or place is found: two tables of docs/evaluation.md.

    python -m benchmarks objects --folder DATA [--out docs/evaluation.md]

DATA holds `landmarks/` (images/ and gt.json: `nearsight evaluate landmarks`) and `dvd-covers/` (`nearsight evaluate
pairs`), and `photos/`, `captions/` and `corel1k/`, with other images, on which whatever needs training is trained.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nearsight as ns
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import evaluate_pipeline, open_bench
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.evaluation.scoring import Trial
from nearsight.pipeline import build_pipeline

LEARNT_FROM = ("photos", "captions", "corel1k")
GEOMETRY = " | spatial"
EXPANSION = " | spatial | expand | spatial"
ROWS_GEOMETRY = " | spatial(inliers=8)"
ROWS_EXPANSION = " | spatial(inliers=8) | aqe(verified=true) | spatial(inliers=8)"
WORDS = {
    "words, tf-idf": "sift | bow | inverted",
    "words, bursts counted less": "sift | bow | inverted(tf_idf(idf=false, burst=true))",
    "Hamming embedding": "sift | hamming_embedding | inverted",
    "Hamming embedding, weak geometry": "sift | hamming_embedding | inverted(consistent=true)",
    "ASMK": "sift | asmk | inverted",
    "ASMK of half-whitened descriptors": "sift | pca(dim=128, whiten=0.5) | asmk | inverted",
}
ROWS = {
    "VLAD, 64 words": "sift | vlad(k=64) | flat",
    "VLAD, 256 words": "sift | vlad(k=256) | flat",
    "Fisher vector, 64 components": "sift | pca(dim=64) | fisher(k=64) | flat",
}
EXPANDED = "ASMK"
EXPANSIONS = {"average": "expand", "weighed by scores": "expand(alpha=3)", "learnt": "expand(how=discriminative)"}
"""Ways to ask again with verified hits, of one of the rows above."""
MOST = "mAP"


def measure_section(options: Options) -> str:
    """The section's text."""
    if options.folder is None:
        raise UsageError(f"--folder names the folder that holds landmarks, dvd-covers, {', '.join(LEARNT_FROM)}")
    every = dict(list((WORDS | ROWS).items())[:1]) if options.quick else WORDS | ROWS
    with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
        learnt = Path(place, "learnt.npz")
        ns.train([options.folder / name for name in LEARNT_FROM], list(every.values()), learnt)
        places, expansions = _landmarks(options.folder / "landmarks", every, learnt, options.of(0, 3))
        covers = _covers(options.folder / "dvd-covers", every, learnt, options.of(0, 3))
    return TEXT.format(
        machine=machine(), places=places, expansions=expansions, covers=covers, learnt=", ".join(LEARNT_FROM)
    )


def _landmarks(folder: Path, every: dict[str, str], learnt: Path, some: int) -> tuple[str, str]:
    """The table of all, and that of expansions."""
    truth = load_ground_truth("landmarks", folder)
    truth = truth.subsample(some) if some else truth
    ways = {name: [recipe, *(recipe + more for more in _suffixes(name))] for name, recipe in every.items()}
    lines, own = [], every.get(EXPANDED)
    again = {name: f"{own} | spatial | {each} | spatial" for name, each in EXPANSIONS.items()} if own else {}
    recipes = [*(each for way in ways.values() for each in way), *again.values()]
    with open_bench(truth.folder, (), recipes, trained=[learnt]) as ready:
        plans = {each.name: each for each in ready.pipelines}

        def tried(recipe: str) -> Trial:
            return evaluate_pipeline(ready, plans[build_pipeline(recipe).name], truth, lambda progress: None)

        for name, way in ways.items():
            trials = [tried(each) for each in way]
            found = [f"{trial.figures[MOST]:.1f}" for trial in trials]
            asking = " / ".join(f"{trial.cost.ask_ms:.0f}" for trial in trials)
            cost = trials[0].cost
            shown = every[name].replace("|", "&#124;")  # as GitHub and the site both take it
            size, describing = f"{cost.row_bytes:,}", f"{cost.describe_ms:.0f}"
            lines.append([name, f"<code>{shown}</code>", *found, size, describing, asking])
        more = [[name, f"`{EXPANSIONS[name]}`", f"{tried(each).figures[MOST]:.1f}"] for name, each in again.items()]
    return table(HEAD, lines), table(["asked again with verified hits", "step", "mAP, %"], more)


def _suffixes(name: str) -> tuple[str, str]:
    """What follows the index for geometry, and for expansion too."""
    return (GEOMETRY, EXPANSION) if name in WORDS else (ROWS_GEOMETRY, ROWS_EXPANSION)


def _covers(folder: Path, every: dict[str, str], learnt: Path, some: int) -> str:
    truth = load_ground_truth("pairs", folder)
    truth = truth.subsample(some) if some else truth
    ways = {name: [recipe, recipe + _suffixes(name)[0]] for name, recipe in every.items()}
    lines = []
    with open_bench(truth.folder, (), [each for way in ways.values() for each in way], trained=[learnt]) as ready:
        plans = {each.name: each for each in ready.pipelines}
        for name, way in ways.items():
            trials = [
                evaluate_pipeline(ready, plans[build_pipeline(each).name], truth, lambda progress: None) for each in way
            ]
            lines.append([name, *(f"{trial.figures['rank 1']:.1f}" for trial in trials)])
    return table(["method", "first hit, %", "and geometry"], lines)


HEAD = ["method", "recipe", "mAP, %", "and geometry", "and expansion", "bytes an image", "ms to describe", "ms to ask"]
TEXT = """
## The same thing or place

Measured on {machine}. Everything that is trained (20,000 visual words by `akm`, projections, mixtures) was trained on
other images: {learnt}. At most 1,000 SIFT features per image, from images of at most 1,024 pixels.

**Places**: 25 queries, each a box around a building, among 183 photographs of Oxford. The positives show the building
wholly or in part; images that hardly show it are ignored (the protocol of Oxford5k). *Geometry* is `spatial` after the
index; for vectors it is `spatial(inliers=8)`, over the features of thumbnails. *Expansion* is `spatial | expand |
spatial`; for vectors it is `spatial(inliers=8) | aqe(verified=true) | spatial(inliers=8)`. The last column gives the
time of a query in each of the three ways.

{places}

Kinds of query expansion, for `sift | asmk | inverted | spatial | ... | spatial`:

{expansions}

**Covers**: the queries are photographs of DVD covers, taken with two phones; the positive is the cover itself.

{covers}
"""

if __name__ == "__main__":
    main("objects", __doc__, measure_section)
