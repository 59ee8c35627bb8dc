"""Charts of a report as inline SVG: precision over recall, and bars by kind of query. No scripts, no library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.evaluation.measures import RECALL_LEVELS

__all__ = ["Bar", "BarGroup", "Curve", "bars", "curves"]

WIDTH, HEIGHT = 400.0, 260.0
"""Of the area inside the axes, in the units of the drawing."""

COLOURS = 8
"""The number of colours, and so of recipes that are drawn."""


@dataclass(frozen=True)
class Curve:
    """One line: its name, the number of its colour, and its points as SVG has them."""

    name: str
    colour: int
    points: str


@dataclass(frozen=True)
class Bar:
    """One bar: where it stands and how tall it is, the number of its colour, and what it says."""

    x: float
    width: float
    height: float
    colour: int
    label: str


@dataclass(frozen=True)
class BarGroup:
    """The bars of one kind of query, and the middle of the place for its name."""

    name: str
    middle: float
    bars: tuple[Bar, ...]


def curves(precision_by_name: Mapping[str, NDArray[np.float64]], colours: Mapping[str, int]) -> list[Curve]:
    """Lines of the precision `(101,)` at `RECALL_LEVELS` of recall, one for each name, in its colour.

    Examples
    --------
    >>> curves({"a": np.linspace(1, 0, 101)}, {"a": 0})[0].points[:19]
    '0.0,0.0 4.0,2.6 8.0'
    """
    made = []
    for name, precision in precision_by_name.items():
        places = zip((WIDTH * RECALL_LEVELS).tolist(), (HEIGHT * (1 - precision)).tolist(), strict=True)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        made.append(Curve(name, colours[name], points))
    return made


def bars(kinds: Sequence[str], shares: Mapping[str, Mapping[str, float]], colours: Mapping[str, int]) -> list[BarGroup]:
    """A group of bars for each kind, one bar a name, in its colour, as tall as its percentage.

    Parameters
    ----------
    kinds : in their order
    shares : by name, then by kind, 0..100
    """
    made, wide = [], WIDTH / max(1, len(kinds))
    each = 0.84 * wide / max(1, len(shares))
    for at, kind in enumerate(kinds):
        start = wide * (at + 0.08)
        drawn = tuple(
            Bar(
                start + number * each,
                0.9 * each,
                HEIGHT * by_kind[kind] / 100,
                colours[name],
                f"{name}, {kind}: {by_kind[kind]:.0f} %",
            )
            for number, (name, by_kind) in enumerate(shares.items())
        )
        made.append(BarGroup(kind, wide * (at + 0.5), drawn))
    return made
