"""What evaluate and compare share: recipes run on a folder, and the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import typer

from nearsight.cli._printing import print_json, print_table, show_progress, split_columns
from nearsight.errors import UsageError
from nearsight.evaluation.benchmark import Bench, evaluate_attacks, evaluate_pipeline, make_example, open_bench
from nearsight.evaluation.dataset_folder import list_subfolders
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.measures import mean
from nearsight.evaluation.protocols.classes import read_classes
from nearsight.evaluation.published import PUBLISHED, Published
from nearsight.evaluation.report import EvaluationReport, Example, best_and_worst
from nearsight.evaluation.scoring import Outcome, Trial
from nearsight.ingest.run import Watch
from nearsight.pipeline import Pipeline, available_senses, build_pipeline, build_pipelines
from nearsight.registry import methods
from nearsight.search.fusion import FusedPipeline
from nearsight.types.query import check_fusion_method
from nearsight.wording import plural, to_printable

DEFAULT_KINDS = (
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
"""The query alterations that compare uses by default."""

CLASS_QUERIES = 200
"""Maximum number of class queries of compare, spread evenly."""

BEST, WORST = 2, 3
"""Example queries of each recipe on a page."""


def evaluate_recipes(
    truth: GroundTruth,
    by: Iterable[str],
    recipes: Iterable[str],
    *,
    home: Path | None,
    fuse: str = "",
    trained: Iterable[Path] = (),
    pages: bool,
    quiet: bool,
) -> EvaluationReport:
    """Evaluate recipes by a protocol, with `fuse` also all together; `pages` collects images for a page."""
    if fuse:
        check_fusion_method(fuse)
    with (
        show_progress(quiet=quiet) as watch,
        open_bench(truth.folder, by, recipes, index_dir=home, trained=trained, watch=watch) as ready,
    ):
        together = (FusedPipeline(tuple(ready.pipelines), fuse),) if fuse else ()
        trials = tuple(evaluate_pipeline(ready, each, truth, watch) for each in (*ready.pipelines, *together))
        examples = tuple(each for trial in trials for each in _training_examples(ready, trial)) if pages else ()
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
    intro = f"{plural(len(truth.queries), 'query', 'queries')} among {plural(len(truth.images), 'image')}"
    if unread or silent:
        lacking = f"{plural(unread, 'image')} and {plural(silent, 'query', 'queries')}"
        intro += f"; {lacking} could not be read and count as not found"
    return EvaluationReport(truth.name, intro, trials, facts, PUBLISHED.get(truth.name), examples)


def compare_recipes(
    folder: Path,
    by: Iterable[str],
    recipes: Iterable[str],
    kinds: Sequence[str],
    sample: int,
    *,
    home: Path | None,
    trained: Iterable[Path] = (),
    pages: bool,
    quiet: bool,
) -> EvaluationReport:
    """Evaluate recipes on images without labels; all senses and descriptors where none is named."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    root, by, recipes = folder.resolve(), list(by), list(recipes)
    if not by and not recipes:
        by, recipes = available_senses(), default_recipes()
    truth = _read_evaluated_classes(root)
    with (
        show_progress(quiet=quiet) as watch,
        open_bench(root, by, recipes, index_dir=home, trained=trained, watch=watch) as ready,
    ):
        altered = evaluate_attacks(ready, kinds, sample, watch)
        trials = tuple(_compare_one_recipe(ready, each, truth, altered[each.name], watch) for each in ready.pipelines)
        examples = tuple(each for trial in trials for each in _training_examples(ready, trial)) if pages else ()
        total = len(ready.images)
    count = min(sample, total)
    grouped = ""
    if truth is not None:
        groups = len(set(truth.labels.values()))
        classes = plural(groups, "subfolder as a class", "subfolders as classes")
        grouped = f"; {classes}, {plural(len(truth.queries), 'class query', 'class queries')}"
    altered_ones = f"{count} of them as {'a query' if count == 1 else 'queries'} altered in {plural(len(kinds), 'way')}"
    intro = f"{plural(total, 'image')}, {altered_ones}{grouped}"
    facts = {
        "folder": str(root),
        "images": total,
        "altered": count,
        "classes": len(set(truth.labels.values())) if truth else 0,
    }
    best = tuple(sorted(trials, key=lambda trial: -trial.figures["rank 1"]))
    return EvaluationReport(f"Recipes compared on {folder.name or folder}", intro, best, facts, None, examples)


def default_recipes() -> list[str]:
    """Return every descriptor that needs no training and whose model is installed.

    Those by which a sense without re-rankers already ranks are excluded.
    """
    indexed = {each.key for each in build_pipelines(available_senses()) if not each.rerankers}
    found = []
    for name in methods("descriptors", "hashes"):
        with suppress(UsageError, ValueError):
            pipeline = build_pipeline(name)
            pipeline.descriptor.load()
            found += [name] * (pipeline.key not in indexed)
    return found


def _compare_one_recipe(
    ready: Bench, each: Pipeline, truth: GroundTruth | None, altered: list[Outcome], watch: Watch
) -> Trial:
    """Evaluate one recipe on altered images, and on classes where there are any."""
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


def _read_evaluated_classes(folder: Path) -> GroundTruth | None:
    """Return the task of retrieving images of the same subfolder; None where there are no such classes."""
    try:
        return read_classes("classes", folder).subsample(CLASS_QUERIES) if len(list_subfolders(folder)) > 1 else None
    except UsageError:
        return None


def _training_examples(ready: Bench, trial: Trial) -> list[Example]:
    """Return the best and worst queries of a recipe: altered ones where there are some, else any."""
    altered = [each for each in trial.outcomes if each.query.alteration]
    answered = [each for each in altered or trial.outcomes if each.first_answers]
    return [make_example(ready, trial.name, each) for each in best_and_worst(answered, BEST, WORST)]


def print_evaluation_report(report: EvaluationReport, html: Path | None, json: bool) -> None:
    """Print a report as tables or JSON, and write its page."""
    if html is not None:
        html.write_text(report.html(), "utf8")
    if json:
        print_json(report.as_dict())
        return
    typer.echo(f"{to_printable(report.title)}: {report.intro}")
    print_table(report.headers(), report.rows())
    if report.kinds:
        _print_kinds(report)
    if report.published:
        _print_evaluation_reference(report.published)
    if html is not None:
        typer.echo(f"page: {html}")


def _print_kinds(report: EvaluationReport) -> None:
    typer.echo("\naltered queries whose original is ranked first, %")
    for kinds in split_columns(report.kinds, max(len(to_printable(trial.name)) for trial in report.trials)):
        rows = [[trial.name, *(f"{trial.kinds[kind]:.0f}" for kind in kinds)] for trial in report.trials]
        print_table(["recipe", *kinds], rows)
        typer.echo()


def _print_evaluation_reference(published: Published) -> None:
    typer.echo(f"\npublished, not measured here: {published.source}; {published.note}")
    names = list(next(iter(published.figures.values())))
    rows = [[method, *(f"{each[name]:.1f}" for name in names)] for method, each in published.figures.items()]
    print_table(["method", *(f"{name}, %" for name in names)], rows)
