"""Conditions on the fields of images: each says of every image whether it holds.

A field that is unknown passes no comparison, whichever way it is asked; several texts, such as tags, pass `!=` where
none of them is the value, so also where there are none.
"""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import methodcaller

import numpy as np
from numpy.typing import NDArray

from nearsight.storage.filters.columns import FilterColumns
from nearsight.storage.filters.dates import compare_dates
from nearsight.storage.filters.fields import FIELDS, Kind
from nearsight.types import Ids, Mask

COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}
EARTH_RADIUS = 6371.0088
"""Mean radius in kilometres."""


class Condition(ABC):
    """What a filter says of an image."""

    @abstractmethod
    def holds(self, columns: FilterColumns) -> Mask:
        """Whether it holds `(n,)`, for each image."""

    def ids(self, columns: FilterColumns) -> Ids:
        """The ids of the images for which it holds, rising."""
        return columns.ids[self.holds(columns)]

    def first_ids(self, columns: FilterColumns, most: int) -> Ids:
        """The ids of the images for which it holds, the first by path."""
        passing = np.isin(columns.path_order, self.ids(columns), assume_unique=True)
        return columns.path_order[np.flatnonzero(passing)[:most]]


@dataclass(frozen=True)
class AllOf(Condition):
    """All of several conditions."""

    parts: tuple[Condition, ...]

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether all hold."""
        return reduce(np.logical_and, (part.holds(columns) for part in self.parts))


@dataclass(frozen=True)
class AnyOf(Condition):
    """One of several conditions."""

    parts: tuple[Condition, ...]

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether one holds."""
        return reduce(np.logical_or, (part.holds(columns) for part in self.parts))


@dataclass(frozen=True)
class Negation(Condition):
    """The images for which a condition does not hold, also because a field is unknown."""

    part: Condition

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether the condition does not hold."""
        return ~self.part.holds(columns)


@dataclass(frozen=True)
class IsKnown(Condition):
    """A field is known."""

    name: str

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether it is."""
        return _known(columns, self.name)


@dataclass(frozen=True)
class NumberComparison(Condition):
    """A number compared with a value, or with another field by its name."""

    name: str
    sign: str
    value: float | str

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether both are known and compare so."""
        left = columns.numbers(self.name)
        right = columns.numbers(self.value) if isinstance(self.value, str) else np.float64(self.value)
        found: Mask = COMPARE[self.sign](left, right) & ~np.isnan(left) & ~np.isnan(right)
        return found


@dataclass(frozen=True)
class DateComparison(Condition):
    """The date compared with one that lies between a first and a last second."""

    sign: str
    first: int
    last: int

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether it surely compares so."""
        return compare_dates(columns.taken, self.sign, self.first, self.last)


@dataclass(frozen=True)
class TextOrder(Condition):
    """A text before or behind a value in the order of its letters."""

    name: str
    sign: str
    value: str

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether a text of the image is."""
        compare = COMPARE[self.sign]
        return columns.texts(self.name).matches(lambda text: bool(compare(text, self.value)))


@dataclass(frozen=True)
class FieldOrder(Condition):
    """A text compared with that of another field."""

    name: str
    sign: str
    other: str

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether both are known and compare so."""
        compare = COMPARE[self.sign]
        pairs = zip(columns.texts(self.name).aligned, columns.texts(self.other).aligned, strict=True)
        held = [a is not None and b is not None and bool(compare(a, b)) for a, b in pairs]
        return np.array(held, bool)


@dataclass(frozen=True)
class TextMembership(Condition):
    """A text is one of several values; a folder also lies in one of them. With `negated` it is none of them."""

    name: str
    values: frozenset[str]
    negated: bool = False

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether a text of the image is."""
        test = self._in_folders if FIELDS[self.name].kind is Kind.FOLDER else self.values.__contains__
        return _negated(columns, self.name, columns.texts(self.name).matches(test), self.negated)

    def _in_folders(self, folder: str) -> bool:
        return folder in self.values or any(value and folder.startswith(f"{value}/") for value in self.values)


@dataclass(frozen=True)
class TextPattern(Condition):
    """A text is like a pattern: % stands for any characters, _ for one. With `negated` it is not."""

    name: str
    pattern: str
    negated: bool = False

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether a text of the image is."""
        test = pattern_test(self.pattern)
        if FIELDS[self.name].kind is Kind.FOLDER:
            found = columns.texts(self.name).matches(lambda folder: test(f"{folder}/" if folder else ""))
        else:
            found = columns.texts(self.name).matches(test)
        return _negated(columns, self.name, found, self.negated)


@dataclass(frozen=True)
class NearPlace(Condition):
    """The place is at most some kilometres from a point, along the surface of the earth."""

    latitude: float
    longitude: float
    kilometres: float

    def holds(self, columns: FilterColumns) -> Mask:
        """Whether it is known and near."""
        distance = distance_km(columns.numbers("latitude"), columns.numbers("longitude"), self.latitude, self.longitude)
        found: Mask = distance <= self.kilometres
        return found


def distance_km(
    latitudes: NDArray[np.float64], longitudes: NDArray[np.float64], latitude: float, longitude: float
) -> NDArray[np.float64]:
    """Great-circle distances from a point in kilometres, by the haversine formula; NaN stays NaN."""
    north, south = np.radians(latitudes), np.radians(latitude)
    half = np.sin((north - south) / 2) ** 2
    half = half + np.cos(north) * np.cos(south) * np.sin(np.radians(longitudes - longitude) / 2) ** 2
    found: NDArray[np.float64] = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return found


def pattern_test(pattern: str) -> Callable[[str], bool]:
    """Whether a text is like a pattern with % and _, in a time that grows with the text's length only."""
    first, *others = pattern.split("%")
    if "_" in pattern or len(others) > 2 or (len(others) == 2 and (first or others[1])):
        return _pattern_expression(pattern)
    if not others:
        return first.__eq__
    if len(others) == 2:
        return methodcaller("__contains__", others[0])
    last, least = others[0], len(first) + len(others[0])
    if not first or not last:
        return methodcaller("startswith", first) if first else methodcaller("endswith", last)
    return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)


def _pattern_expression(pattern: str) -> Callable[[str], bool]:
    """Each piece between two % is looked for once, behind the one before: an atomic group never goes back."""
    pieces = ["".join("." if each == "_" else re.escape(each) for each in piece) for piece in pattern.split("%")]
    if len(pieces) == 1:
        expression = pieces[0]
    else:
        first, *middle, last = pieces
        expression = first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}"
    compiled = re.compile(expression, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def _known(columns: FilterColumns, name: str) -> Mask:
    if FIELDS[name].kind is Kind.NUMBER:
        return ~np.isnan(columns.numbers(name))
    return columns.texts(name).known


def _negated(columns: FilterColumns, name: str, found: Mask, negated: bool) -> Mask:
    if not negated:
        return found
    return ~found if FIELDS[name].kind is Kind.LINES else ~found & _known(columns, name)
