"""What the commands evaluate and compare show: recipes tried on a folder, gathered into a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from nearsight.cli.index import _progress
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import Bench, evaluate_attacks, evaluate_pipeline, make_example, open_bench
from nearsight.evaluation.dataset_folder import list_subfolders
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.measures import mean
from nearsight.evaluation.protocols.classes import read_classes
from nearsight.evaluation.published import PUBLISHED
from nearsight.evaluation.report import EvaluationReport, Example, best_and_worst
from nearsight.evaluation.scoring import Outcome, Trial
from nearsight.ingest.run import Watch
from nearsight.pipeline import Pipeline, available_senses, build_pipeline, build_pipelines
from nearsight.registry import methods
from nearsight.search.fusion import FusedPipeline
from nearsight.types.query import check_fusion_method

USUAL = (
    "stored",
    "jpeg20",
    "small-jpeg20",
    "half",
    "crop10",
    "crop50",
    "bright-20",
    "contrast+50",
    "grey",
    "blur",
    "noise",
    "salt-pepper",
    "rotate5",
    "rotate90",
    "mirror",
    "text",
    "border",
    "screenshot",
    "print-scan",
    "strong1",
    "scan",
    "drawn",
    "memory",
)
"""The kinds of queries that recipes are compared by where none are named."""

CLASSED = 200
"""Images that ask for their class where recipes are compared, spread evenly."""

BEST, WORST = 2, 3
"""Questions of each recipe on a page."""


def evaluated(
    truth: GroundTruth,
    by: Iterable[str],
    recipes: Iterable[str],
    *,
    home: Path | None,
    fuse: str = "",
    learnt: Iterable[Path] = (),
    pages: bool,
    quiet: bool,
) -> EvaluationReport:
    """Recipes judged by a protocol, and with `fuse` also all together; `pages` gathers images for a page."""
    if fuse:
        check_fusion_method(fuse)
    with (
        _progress(quiet=quiet) as watch,
        open_bench(truth.folder, by, recipes, index_dir=home, trained=learnt, watch=watch) as ready,
    ):
        together = (FusedPipeline(tuple(ready.pipelines), fuse),) if fuse else ()
        trials = tuple(evaluate_pipeline(ready, each, truth, watch) for each in (*ready.pipelines, *together))
        examples = tuple(each for trial in trials for each in _examples(ready, trial)) if pages else ()
        unread = len(truth.images) - len(ready.ids(truth.images))
    silent = len({id(each.query) for each in trials[0].outcomes if not each.first_answers})
    facts = {
        "protocol": truth.name,
        "folder": str(truth.folder),
        "images": len(truth.images),
        "unread": unread,
        "asked": len(truth.queries),
        "unanswered": silent,
    }
    intro = f"{len(truth.queries):,} questions among {len(truth.images):,} images"
    if unread or silent:
        intro += f"; {unread} images and {silent} questions could not be read: never found, nothing found"
    return EvaluationReport(truth.name, intro, trials, facts, PUBLISHED.get(truth.name), examples)


def compared(
    folder: Path,
    by: Iterable[str],
    recipes: Iterable[str],
    kinds: Sequence[str],
    sample: int,
    *,
    home: Path | None,
    learnt: Iterable[Path] = (),
    pages: bool,
    quiet: bool,
) -> EvaluationReport:
    """Recipes judged on images without labels; all senses and descriptors where none is named."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    root, by, recipes = folder.resolve(), list(by), list(recipes)
    if not by and not recipes:
        by, recipes = available_senses(), usual_recipes()
    truth = _classes_of(root)
    with (
        _progress(quiet=quiet) as watch,
        open_bench(root, by, recipes, index_dir=home, trained=learnt, watch=watch) as ready,
    ):
        altered = evaluate_attacks(ready, kinds, sample, watch)
        trials = tuple(_compared(ready, each, truth, altered[each.name], watch) for each in ready.pipelines)
        examples = tuple(each for trial in trials for each in _examples(ready, trial)) if pages else ()
        total = len(ready.images)
    count = min(sample, total)
    grouped = ""
    if truth is not None:
        groups = len(set(truth.labels.values()))
        grouped = f"; {groups} subfolders taken for classes, {len(truth.queries)} images ask for theirs"
    intro = f"{total:,} images, {count} of them altered in {len(kinds)} ways and asked with{grouped}"
    facts = {
        "folder": str(root),
        "images": total,
        "altered": count,
        "classes": len(set(truth.labels.values())) if truth else 0,
    }
    best = tuple(sorted(trials, key=lambda trial: -trial.figures["rank 1"]))
    return EvaluationReport(f"Recipes compared on {folder.name or folder}", intro, best, facts, None, examples)


def usual_recipes() -> list[str]:
    """Every descriptor that can be used as it is, and whose model is here.

    Those that a sense without refiners ranks by already are left out.
    """
    ranked = {made.key for made in build_pipelines(available_senses()) if not made.rerankers}
    found = []
    for name in methods("descriptors", "hashes"):
        with suppress(UsageError, ValueError):
            made = build_pipeline(name)
            made.descriptor.load()
            found += [name] * (made.key not in ranked)
    return found


def _compared(ready: Bench, each: Pipeline, truth: GroundTruth | None, altered: list[Outcome], watch: Watch) -> Trial:
    """What one recipe makes of altered images, and of classes where there are any."""
    kinds = dict.fromkeys(outcome.query.group for outcome in altered)
    shares = {kind: 100 * mean([0 in o.ranks for o in altered if o.query.group == kind]) for kind in kinds}
    found = {"rank 1": 100 * mean([0 in outcome.ranks for outcome in altered])}
    outcomes = list[Outcome]()
    if truth is not None:
        trial = evaluate_pipeline(ready, each, truth, watch)
        outcomes, cost = list(trial.outcomes), trial.cost
        found |= trial.figures
    else:
        cost = ready.measure_cost(each, [outcome.query for outcome in altered])
    return Trial(each.name, each.recipe, found, cost, (*outcomes, *altered), shares)


def _classes_of(folder: Path) -> GroundTruth | None:
    """The task of the subfolders; None where they are no classes."""
    try:
        return read_classes("classes", folder).subsample(CLASSED) if len(list_subfolders(folder)) > 1 else None
    except UsageError:
        return None


def _examples(ready: Bench, trial: Trial) -> list[Example]:
    """Questions of a recipe worth showing: altered ones where there are some, else any."""
    altered = [each for each in trial.outcomes if each.query.alteration]
    answered = [each for each in altered or trial.outcomes if each.first_answers]
    shown = best_and_worst(answered, BEST, WORST)
    return [make_example(ready, trial.name, each) for each in shown]
