"""Reports of an evaluation: rows of a table, JSON with everything, and one self-contained page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from nearsight.evaluation.charts import COLOURS, bars, curves
from nearsight.evaluation.measures import mean_curve
from nearsight.evaluation.published import Published
from nearsight.evaluation.scoring import MEASURES, Outcome, Trial

__all__ = ["EvaluationReport", "Example", "ExampleHit", "best_and_worst"]

MAX_CHARTED_KINDS = 6
"""Up to this number of kinds of queries, and with a colour for each recipe, their shares are drawn as bars too."""


@dataclass(frozen=True)
class ExampleHit:
    """One hit on the page: its name, a JPEG, and whether it is right."""

    name: str
    jpeg: bytes
    right: bool


@dataclass(frozen=True)
class Example:
    """One query on the page, with the first hits of the recipe named `trial`."""

    trial: str
    outcome: Outcome
    jpeg: bytes
    hits: tuple[ExampleHit, ...]

    @property
    def caption(self) -> str:
        """The outcome in words."""
        first = min(self.outcome.ranks, default=None)
        if first is None:
            return "no right answer found"
        return f"first right answer at rank {first + 1}, average precision {self.outcome.precision:.2f}"


@dataclass(frozen=True)
class EvaluationReport:
    """A task with the evaluation of each recipe.

    Parameters
    ----------
    title, intro : what was evaluated, in a line and in a sentence
    trials : one for each recipe
    facts : numbers of the task by name, such as the numbers of images and queries
    published : figures of a paper under the same protocol
    examples : queries to show with their hits
    """

    title: str
    intro: str
    trials: tuple[Trial, ...]
    facts: dict[str, Any]
    published: Published | None = None
    examples: tuple[Example, ...] = ()

    @property
    def measures(self) -> list[str]:
        """The columns of figures, in their order."""
        return list(dict.fromkeys(name for trial in self.trials for name in trial.figures))

    @property
    def kinds(self) -> list[str]:
        """The kinds of altered queries, in their order."""
        return list(dict.fromkeys(kind for trial in self.trials for kind in trial.kinds))

    @property
    def levels(self) -> list[str]:
        """The levels of the queries that are not altered; altered images are counted by kind instead."""
        return list(dict.fromkeys(each.level for trial in self.trials for each in _unaltered_outcomes(trial.outcomes)))

    def headers(self) -> list[str]:
        """The heads of the columns."""
        units = [f"{name}, %" if _measure_unit(name) else name for name in self.measures]
        return ["recipe", *units, "ms a query", "ms to describe", "bytes an image"]

    def rows(self) -> list[list[str]]:
        """The cells of the table, a line for each recipe."""
        return [
            [
                trial.name,
                *(
                    f"{trial.figures[name]:.{1 if _measure_unit(name) else 2}f}" if name in trial.figures else ""
                    for name in self.measures
                ),
                f"{trial.cost.ask_ms:.1f}",
                f"{trial.cost.describe_ms:.2f}",
                f"{trial.cost.row_bytes:,}",
            ]
            for trial in self.trials
        ]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        published = self.published and {"source": self.published.source, "figures": self.published.figures}
        return {
            "title": self.title,
            **self.facts,
            "measures": {name: _measure_description(name) for name in self.measures},
            "trials": [_trial_dict(trial, self.levels) for trial in self.trials],
            "published": published,
        }

    def html(self) -> str:
        """One page that loads nothing from elsewhere; names are escaped."""
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters |= {
            "data_uri": _report_data_uri,
            "printable": _report_text,
            "description": _measure_description,
        }
        template = environment.from_string(files("nearsight.evaluation").joinpath("report.html").read_text("utf8"))
        drawn = {level: self._curves(level) for level in self.levels}
        colours = self._colours(list(drawn.values()))
        charts = {
            level: curves({name: each for name, each in by_name.items() if name in colours}, colours)
            for level, by_name in drawn.items()
        }
        few = 0 < len(self.kinds) <= MAX_CHARTED_KINDS and len(self.trials) <= COLOURS
        shares = {trial.name: trial.kinds for trial in self.trials}
        groups = bars(self.kinds, shares, colours) if few else []
        return template.render(report=self, charts=charts, groups=groups, colours=colours, drawn=COLOURS)

    def _curves(self, level: str) -> dict[str, Any]:
        return {
            trial.name: curve for trial in self.trials if (curve := _precision_recall_curve(trial, level)) is not None
        }

    def _colours(self, levels: Sequence[dict[str, Any]]) -> dict[str, int]:
        """The number of each drawn recipe's colour on the whole page, in the order of the table.

        Where there are more recipes than colours, those with the largest areas below their curves are drawn.
        """
        areas = {
            trial.name: sum(float(each[trial.name].mean()) for each in levels if trial.name in each)
            for trial in self.trials
        }
        best = sorted(areas, key=lambda name: -areas[name])[:COLOURS]
        return {name: number for number, name in enumerate(name for name in areas if name in best)}


def best_and_worst(outcomes: Sequence[Outcome], n_best: int, n_worst: int) -> list[Outcome]:
    """Some of the best quarter of the queries, then some of the worst quarter.

    By average precision, equal ones in the order of the queries; no two of one group where possible.
    """
    quarter = len(outcomes) // 4
    rising = sorted(outcomes, key=lambda each: each.precision)
    falling = sorted(outcomes, key=lambda each: -each.precision)
    good = _prefer_distinct_groups(falling[: max(n_best, quarter)], n_best)
    return good + _prefer_distinct_groups(
        [each for each in rising if each not in good][: max(n_worst, quarter)], n_worst
    )


def _prefer_distinct_groups(outcomes: Sequence[Outcome], max_outcomes: int) -> list[Outcome]:
    """The first `max_outcomes`, at first one of each group."""
    firsts = list({each.query.group: each for each in reversed(outcomes)}.values())[::-1]
    chosen = [each for each in outcomes if each in firsts[:max_outcomes]][:max_outcomes]
    rest = [each for each in outcomes if each not in chosen]
    return chosen + rest[: max_outcomes - len(chosen)]


def _unaltered_outcomes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [each for each in outcomes if not each.query.alteration]


def _precision_recall_curve(trial: Trial, level: str) -> Any:  # noqa: ANN401 - an array, or None
    mine = [(each.ranks, each.n_positives) for each in _unaltered_outcomes(trial.outcomes) if each.level == level]
    return mean_curve(mine) if mine else None


def _trial_dict(trial: Trial, levels: Sequence[str]) -> dict[str, Any]:
    drawn = {level or "all": curve for level in levels if (curve := _precision_recall_curve(trial, level)) is not None}
    return {
        "name": trial.name,
        "recipe": trial.recipe,
        "figures": dict(trial.figures),
        "kinds": dict(trial.kinds),
        **vars(trial.cost),
        "curves": {level: curve.round(4).tolist() for level, curve in drawn.items()},
        "questions": [_outcome_dict(each) for each in trial.outcomes],
    }


def _outcome_dict(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.query.name,
        "box": outcome.query.box,
        "group": outcome.query.group,
        "level": outcome.level,
        "average_precision": round(outcome.precision, 6),
        "positives": outcome.n_positives,
        "places": list(outcome.ranks),
        "first": [vars(each) for each in outcome.first_answers],
    }


def _measure_unit(name: str) -> str:
    return _measure_cell(name).unit if _measure_cell(name) else "%"


def _measure_description(name: str) -> str:
    return _measure_cell(name).description if _measure_cell(name) else ""


def _measure_cell(name: str) -> Any:  # noqa: ANN401 - a measure, or None
    """The measure of a column, whose name may end with a level."""
    return MEASURES.get(name) or MEASURES.get(name.rpartition(" ")[0])


def _report_data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _report_text(text: str) -> str:
    """Control codes, reversals and broken characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
