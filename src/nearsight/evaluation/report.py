"""What was judged, for reading: rows of a table, JSON with everything, and one self-contained page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from nearsight.evaluation.charts import COLOURS, bars, curves
from nearsight.evaluation.curves import mean_curve
from nearsight.evaluation.published import Published
from nearsight.evaluation.scoring import MEASURES, Outcome, Trial

__all__ = ["EvaluationReport", "Example", "ExampleHit", "best_and_worst"]

MAX_CHARTED_KINDS = 6
"""With at most so many kinds of queries, and a colour for each recipe, their shares are drawn as bars too."""


@dataclass(frozen=True)
class ExampleHit:
    """One answer as the page shows it: its name, a JPEG, and whether it is right."""

    name: str
    jpeg: bytes
    right: bool


@dataclass(frozen=True)
class Example:
    """One question as the page shows it, with the first answers of the recipe named `trial`."""

    trial: str
    outcome: Outcome
    jpeg: bytes
    hits: tuple[ExampleHit, ...]

    @property
    def caption(self) -> str:
        """What came of it, in words."""
        first = min(self.outcome.ranks, default=None)
        if first is None:
            return "no right answer found"
        return f"first right answer at rank {first + 1}, average precision {self.outcome.precision:.2f}"


@dataclass(frozen=True)
class EvaluationReport:
    """A task with what each recipe made of it.

    Parameters
    ----------
    title, intro : what was judged, in a line and in a sentence
    trials : one for each recipe
    facts : numbers of the task by name, such as how many images and questions
    published : figures of a paper under the same protocol
    examples : questions to show with their answers
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
        """The levels of the questions whose answers are ranked; altered images are counted by kind instead."""
        return list(dict.fromkeys(each.level for each in _unaltered_outcomes(self.trials[0].outcomes)))

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
        """One page that asks for nothing from anywhere; names are escaped."""
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters |= {
            "data_uri": _to_data_uri,
            "printable": _printable,
            "description": _measure_description,
        }
        template = environment.from_string(files("nearsight.evaluation").joinpath("report.html").read_text("utf8"))
        charts = {level: curves(self._curves(level)) for level in self.levels}
        shares = {trial.name: trial.kinds for trial in self.trials}
        few = 0 < len(self.kinds) <= MAX_CHARTED_KINDS and len(self.trials) <= COLOURS
        return template.render(
            report=self, charts=charts, groups=bars(self.kinds, shares) if few else [], drawn=COLOURS
        )

    def _curves(self, level: str) -> dict[str, Any]:
        """The curves in the order of the table; where there are too many, those with the largest areas below them."""
        all_of_them = {trial.name: curve for trial in self.trials if (curve := _curve(trial, level)) is not None}
        best = sorted(all_of_them, key=lambda name: -float(all_of_them[name].mean()))[:COLOURS]
        return {name: curve for name, curve in all_of_them.items() if name in best}


def best_and_worst(outcomes: Sequence[Outcome], n_best: int, n_worst: int) -> list[Outcome]:
    """Some of the quarter of the questions that was answered best, then some of the worst quarter.

    By average precision, equal ones in the order of the questions; no two of one group where possible.
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


def _curve(trial: Trial, level: str) -> Any:  # noqa: ANN401 - an array, or None
    mine = [(each.ranks, each.n_positives) for each in _unaltered_outcomes(trial.outcomes) if each.level == level]
    return mean_curve(mine) if mine else None


def _trial_dict(trial: Trial, levels: Sequence[str]) -> dict[str, Any]:
    drawn = {level or "all": curve for level in levels if (curve := _curve(trial, level)) is not None}
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
    return _measure(name).unit if _measure(name) else "%"


def _measure_description(name: str) -> str:
    return _measure(name).description if _measure(name) else ""


def _measure(name: str) -> Any:  # noqa: ANN401 - a measure, or None
    """The measure of a column, whose name may end with a level."""
    return MEASURES.get(name) or MEASURES.get(name.rpartition(" ")[0])


def _to_data_uri(jpeg: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()


def _printable(text: str) -> str:
    """Control codes, reversals and broken characters as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
