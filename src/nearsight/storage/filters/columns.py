"""The fields of all images of one generation, each read when a filter first uses it.

Texts are kept as their different values, with case and normal form folded, so that a condition is evaluated once for
each value and not for each image.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.storage.database import Database
from nearsight.storage.filters.dates import UNKNOWN, date_interval
from nearsight.storage.filters.fields import FIELDS, ORIENTATIONS, Kind
from nearsight.storage.filters.typed_paths import fold_path
from nearsight.types import Ids, Mask
from nearsight.words.fold import fold_case

_TOO_OLD = {
    "note": (3, "this collection was made before captions and tags were read: run nearsight index again"),
    "label": (4, "this collection was made before images were labelled: run nearsight annotate"),
    "detail": (8, "this collection was made before {} was read: run nearsight index again"),
}
"""The format version that introduced a table, and what is said of an older one."""


_UNREAD = "SELECT id FROM image WHERE id NOT IN (SELECT image FROM detail) LIMIT 1"


@dataclass(frozen=True)
class TextColumn:
    """The texts of a field: different `values`, folded, and pairs of an image's position and a value's number.

    `rows (m,) int64` rises; an image without a text has no pair, one with several has several.
    """

    values: list[str]
    codes: NDArray[np.int64]
    rows: NDArray[np.int64]
    count: int

    @classmethod
    def of_pairs(cls, rows: Iterable[int], texts: Iterable[str], count: int) -> TextColumn:
        """The column of pairs of positions and folded texts."""
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(text, len(numbers)) for text in texts]
        return cls(list(numbers), np.array(codes, np.int64), np.array(rows, np.int64), count)

    def matches(self, test: Callable[[str], bool]) -> Mask:
        """The images of which a text passes a test."""
        passing = np.fromiter(map(test, self.values), bool, len(self.values))
        return self._spread(passing[self.codes])

    @cached_property
    def known(self) -> Mask:
        """The images that have a text."""
        return self._spread(np.ones(len(self.codes), bool))

    @cached_property
    def aligned(self) -> list[str | None]:
        """The text of each image, or None; of a field that has one at most."""
        texts: list[str | None] = [None] * self.count
        for row, code in zip(self.rows.tolist(), self.codes.tolist(), strict=True):
            texts[row] = self.values[code]
        return texts

    def _spread(self, chosen: Mask) -> Mask:
        found = np.zeros(self.count, bool)
        found[self.rows[chosen]] = True
        return found


class FilterColumns:
    """The columns of an open catalogue at one generation."""

    def __init__(self, database: Database, generation: int) -> None:
        self._database, self.generation = database, generation
        self.ids = _to_ids(database.query("SELECT id FROM image ORDER BY id"))
        self._numbers: dict[str, NDArray[np.float64]] = {}
        self._texts: dict[str, TextColumn] = {}

    def numbers(self, name: str) -> NDArray[np.float64]:
        """A field of numbers `(n,)`, NaN where it is unknown."""
        if name not in self._numbers:
            self._numbers[name] = self._load_numbers(name)
        return self._numbers[name]

    def texts(self, name: str) -> TextColumn:
        """A field of texts."""
        if name not in self._texts:
            self._texts[name] = self._load_texts(name)
        return self._texts[name]

    @cached_property
    def path_order(self) -> Ids:
        """The ids in the order of the paths."""
        return _to_ids(self._database.query("SELECT id FROM image ORDER BY path"))

    @cached_property
    def taken(self) -> NDArray[np.int64]:
        """First and last second in which each image may have been taken `(n, 2)`, as digits; or `UNKNOWN`."""
        found = np.full((len(self.ids), 2), UNKNOWN, np.int64)
        rows, values = self._read("taken")
        unknown = (UNKNOWN, UNKNOWN)
        intervals = {text: date_interval(text) or unknown for text in set(values)}
        if values:
            found[rows] = [intervals[text] for text in values]
        return found

    def _load_numbers(self, name: str) -> NDArray[np.float64]:
        if name in ("year", "month"):
            return self._part_of_date(10**10 if name == "year" else 10**8)
        found = np.full(len(self.ids), np.nan)
        pairs = np.array(self._rows(name), np.float64).reshape(-1, 2)
        found[np.searchsorted(self.ids, pairs[:, 0].astype(np.int64))] = pairs[:, 1]
        return found

    def _part_of_date(self, unit: int) -> NDArray[np.float64]:
        """A part of the dates, where the first and the last possible second agree on it."""
        first, last = (self.taken // unit).T
        return np.where((first == last) & (first > 0), first % (10**4 if unit == 10**10 else 100), np.nan)

    def _load_texts(self, name: str) -> TextColumn:
        if name == "orientation":
            return self._orientations()
        if name in ("path", "folder", "name"):
            whole = self._paths
            parts = whole if name == "path" else [each.rpartition("/")[0 if name == "folder" else 2] for each in whole]
            return TextColumn.of_pairs(range(len(parts)), parts, len(self.ids))
        rows, values = self._read(name)
        if FIELDS[name].kind is Kind.LINES:
            lines = [(row, line) for row, text in zip(rows, values, strict=True) for line in text.splitlines()]
            rows, values = [row for row, _ in lines], [line for _, line in lines]
        return TextColumn.of_pairs(rows, _fold_all(values), len(self.ids))

    @cached_property
    def _paths(self) -> list[str]:
        _, values = self._read("path")
        return [fold_path(os.fsdecode(path)) for path in values]

    def _orientations(self) -> TextColumn:
        codes = np.sign(self.numbers("height") - self.numbers("width")).astype(np.int64)
        order = np.array([ORIENTATIONS.index(each) for each in ("landscape", "square", "portrait")])
        return TextColumn(list(ORIENTATIONS), order[codes + 1], np.arange(len(self.ids)), len(self.ids))

    def _read(self, name: str) -> tuple[list[int], list[Any]]:
        """The positions of the images that have a field, rising, and its values."""
        found = [row for row in self._rows(name) if row[1] is not None]
        rows = np.searchsorted(self.ids, np.array([row[0] for row in found], np.int64))
        return rows.tolist(), [row[1] for row in found]

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        """Ids, rising, and values of a field."""
        field = FIELDS[name]
        self._check_table(field.table, name)
        return self._database.query(f"{field.sql} ORDER BY 1")

    def _check_table(self, table: str, name: str) -> None:
        """Raise UsageError where the catalogue's format has no such table."""
        since, message = _TOO_OLD.get(table, (0, ""))
        if self._database.format_version < since:
            raise UsageError(message.format(name))
        if table == "detail" and self._database.query(_UNREAD):
            raise UsageError(f"not all files were read for {name} yet: run nearsight index again")


def _to_ids(rows: list[tuple[Any, ...]]) -> Ids:
    return np.fromiter((row[0] for row in rows), np.int64, len(rows))


def _fold_all(texts: list[str]) -> list[str]:
    """The texts, folded; each different one once."""
    folded = {text: fold_case(text) for text in set(texts)}
    return [folded[text] for text in texts]
