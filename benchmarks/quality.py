"""How well each descriptor finds images of the same class: the table of docs/evaluation.md.

    python -m benchmarks quality --folder COREL1K [--out docs/evaluation.md]

Every descriptor of whole images with suitable parameters and metrics, evaluated as by `nearsight evaluate corel1k`:
each of the 1000 images is a query, the other 99 of its class are the positives. Classification networks such as `onnx`
are left out; `combined_hash` uses one and is measured if its model is installed. The metrics `emd`, `warp` and `shift`
are left out too: complete rankings need a million distances, which take more than half an hour with each.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.descriptors import per_image
from benchmarks.machine import machine, table
from benchmarks.page import Options, main
from benchmarks.timing import one_core
from nearsight.errors import ModelMissingError, UsageError
from nearsight.evaluation.benchmark import Bench, evaluate_pipeline, open_bench
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.protocols.registry import load_ground_truth
from nearsight.evaluation.published import PUBLISHED
from nearsight.pipeline import Pipeline, build_pipeline, build_sense_pipeline
from nearsight.senses import SENSES

PROTOCOL = "corel1k"
RGB = "colour_histogram(space=rgb, bins=[8, 8, 8])"
RECIPES = (
    RGB,
    *(f"{RGB} | flat(metric={name})" for name in ("chi2", "hellinger", "intersection", "l2")),
    "colour_histogram",
    "colour_histogram | flat(metric=chi2)",
    "colour_histogram(bins=[16, 6, 6])",
    "colour_histogram(bins=[36, 1, 1]) | flat(metric=circular_emd)",
    "colour_histogram(space=lab, bins=[8, 8, 8])",
    "colour_histogram(space=lab, bins=[8, 16, 16])",
    "colour_correlogram",
    "colour_correlogram | flat(metric=jensen_shannon)",
    "colour_layout",
    "colour_moments",
    "dominant_colours",
    "wavelet_signature",
    "gabor",
    "lbp(kind=plain, points=8, radius=1.0)",
    "lbp",
    "lbp(kind=rotation_invariant, points=8, radius=1.0)",
    "lbp(kind=riu2)",
    "laws",
    "wavelet_energy",
    "structure_tensor",
    "edge_histogram(grid=1)",
    "edge_histogram",
    "hog",
    "hog(cell=16)",
    "hu_moments",
    "zernike",
    "fourier_contour",
    "shape_context",
    "content_segmentation",
    "tiny",
    "tiny(normalise=false)",
    "pyramid",
    f"pyramid({RGB}, levels=2)",
    "pyramid(lbp)",
    "pyramid(edge_histogram(grid=1))",
    "fuse",
    "gist",
    "gist(orientations=[8, 8, 8, 8], colour=grey)",
    "gist(square=128, orientations=[8, 8, 8, 8], colour=grey)",
    "gist(orientations=[6, 6, 6, 6, 6], colour=mean)",
    "average_hash",
    "dhash",
    "phash",
    "wavelet_hash",
    "block_mean_hash",
    "convolution_hash",
    "combined_hash",
    "combined_hash(keypoints=true)",
)
PAPER = {RGB: "colour histogram", "tiny(normalise=false)": "32 x 32 pixels"}
"""Under which name a recipe stands in the paper."""
IMAGES = 64
"""As many are described to take the time."""


@dataclass(frozen=True)
class EvaluatedRecipe:
    """What one recipe was worth and cost."""

    recipe: str
    metric: str
    figures: dict[str, float]
    row_bytes: int
    describe_ms: float

    def row(self) -> list[str]:
        """Its line of the table."""
        paper = PUBLISHED[PROTOCOL].figures.get(PAPER.get(self.recipe, ""), {})
        return [
            f"`{self.recipe.partition(' | ')[0]}`",
            f"`{self.metric}`",
            *(f"{self.figures[name]:.1f}" for name in MEASURES),
            f"{self.row_bytes:,}",
            f"{self.describe_ms:.2f}",
            " / ".join(f"{paper[name]:.1f}" for name in MEASURES[1:]) if paper else "",
        ]


def usable_recipes(recipes: Sequence[str]) -> list[str]:
    """The recipes and senses whose model is on this machine, or that need none."""
    found = []
    for recipe in recipes:
        with suppress(ModelMissingError):
            (build_sense_pipeline(recipe) if recipe in SENSES else build_pipeline(recipe)).descriptor.load()
            found.append(recipe)
    return found


def evaluate_recipes(truth: GroundTruth, recipes: Sequence[str], rounds: int) -> list[EvaluatedRecipe]:
    """Each recipe judged by a task, the best first."""
    with open_bench(truth.folder, (), recipes) as ready:
        made = [_evaluate_recipe(ready, each, truth, rounds) for each in ready.pipelines]
    return sorted(made, key=lambda each: -each.figures["mAP"])


def _evaluate_recipe(ready: Bench, each: Pipeline, truth: GroundTruth, rounds: int) -> EvaluatedRecipe:
    trial = evaluate_pipeline(ready, each, truth, lambda progress: None)
    spread = truth.queries[:: max(1, len(truth.queries) // IMAGES)][:IMAGES]
    images = [ready.load_pixels(question.image, each.descriptor.side) for question in spread]
    with one_core():
        took = per_image(each.descriptor, images, rounds)
    return EvaluatedRecipe(each.name, each.metric_name, dict(trial.figures), trial.cost.row_bytes, took)


def measure_section(options: Options) -> str:
    """The section's text."""
    if options.folder is None:
        raise UsageError("--folder says where Corel-1k lies: its images 0.jpg to 999.jpg")
    truth = load_ground_truth(PROTOCOL, options.folder)
    recipes = usable_recipes(RECIPES)
    truth, recipes = (truth.subsample(20), recipes[:3]) if options.quick else (truth, recipes)
    made = evaluate_recipes(truth, recipes, options.of(3, 1))
    return TEXT.format(machine=machine(), rows=table(HEAD, [each.row() for each in made]))


MEASURES = ("mAP", "mAP, rect.", "1-NN error")
HEAD = ["descriptor", "metric", "mAP, %", "mAP, rect., %", "1-NN error, %", "bytes", "ms to describe", "published"]
TEXT = """## Corel-1k

Each of the 1000 images is a query; its positives are the other 99 images of its class: `nearsight evaluate corel1k`.
Measured on {machine}; the times are CPU time for one decoded image, on one core. *Published* are the rectangular mAP
and the 1-NN error. The metrics `emd`, `warp` and `shift` are left out: a million of their distances take more than
half an hour.

{rows}
"""


if __name__ == "__main__":
    main("quality", __doc__, measure_section)
