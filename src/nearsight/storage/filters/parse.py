"""From the text of a filter to conditions: what each comparison means for the kind of its field."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from nearsight.errors import UsageError, suggestion
from nearsight.storage.filters.conditions import (
    AllOf,
    AnyOf,
    Condition,
    DateComparison,
    FieldOrder,
    IsKnown,
    NearPlace,
    Negation,
    NumberComparison,
    TextMembership,
    TextOrder,
    TextPattern,
)
from nearsight.storage.filters.dates import date_interval
from nearsight.storage.filters.fields import FIELDS, FORMAT_NAMES, MEANT_FIELDS, ORIENTATIONS, Kind
from nearsight.storage.filters.grammar import filter_error, parse_tree
from nearsight.storage.filters.typed_paths import fold_typed_path, unescape_path
from nearsight.words.fold import fold_case

if TYPE_CHECKING:
    from lark import Token, Tree

MAX_DEPTH = 12
_SIGNS = {"==": "=", "<>": "!=", "≠": "!=", "≤": "<=", "≥": ">="}
_UNITS = {
    **dict.fromkeys(("km", "kilometre", "kilometres", "kilometer", "kilometers"), 1.0),
    **dict.fromkeys(("m", "metre", "metres", "meter", "meters"), 0.001),
    **dict.fromkeys(("mi", "mile", "miles"), 1.609344),
}
_ONE_TEXT = (Kind.TEXT, Kind.PATH, Kind.FOLDER)


def parse_filter(text: str) -> Condition:
    """Parse a filter into a condition.

    Raises
    ------
    UsageError
        the text is no filter; the message says where, and what would be right
    """
    return _FilterReader(text).condition(parse_tree(text))


class _FilterReader:
    """Reads the syntax tree of one text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def condition(self, tree: Tree[Token], depth: int = 0) -> Condition:
        if depth > MAX_DEPTH:
            raise UsageError(f"a filter is nested at most {MAX_DEPTH} deep")
        if tree.data in ("either", "both"):
            parts = tuple(self.condition(each, depth + 1) for each in _filter_subtrees(tree))
            return AnyOf(parts) if tree.data == "either" else AllOf(parts)
        if tree.data == "negated":
            return Negation(self.condition(_filter_subtrees(tree)[0], depth + 1))
        return _READERS[tree.data](self, tree)

    def compared(self, tree: Tree[Token]) -> Condition:
        name, sign = self._field(tree), str(tree.children[1])
        sign, token = _SIGNS.get(sign, sign), _value_tokens(tree)[0]
        kind = FIELDS[name].kind
        if kind is Kind.DATE:
            return DateComparison(sign, *self._date(token))
        if kind is Kind.NUMBER:
            return NumberComparison(name, sign, self._number_or_field(name, token))
        other = str(token).lower()
        if token.type == "WORD" and kind in _ONE_TEXT and other in FIELDS and FIELDS[other].kind in _ONE_TEXT:
            return FieldOrder(name, sign, other)
        if sign in ("=", "!="):
            return TextMembership(name, frozenset([self._value(name, token)]), negated=sign == "!=")
        return TextOrder(name, sign, self._value(name, token))

    def matched(self, tree: Tree[Token]) -> Condition:
        name, token = self._field(tree), _value_tokens(tree)[0]
        kind = FIELDS[name].kind
        if kind is Kind.NUMBER:
            problem = f"{name} is a number: compare it with <, <=, =, != , >= or >, not with like"
            raise self._error(problem, tree.children[0])
        pattern = fold_case(_unquoted(token, kind))
        if kind in (Kind.PATH, Kind.FOLDER):
            pattern = re.sub("/+", "/", pattern.replace("\\", "/")).removeprefix("./")
            pattern = pattern.removeprefix("/") if pattern != "/" else ""
        if kind is Kind.FOLDER and pattern.strip("/") and not pattern.endswith("%"):
            pattern = pattern.rstrip("/") + "/"
        return TextPattern(name, pattern, negated=tree.data == "unmatched")

    def listed(self, tree: Tree[Token]) -> Condition:
        name, tokens, negated = self._field(tree), _value_tokens(tree), tree.data == "unlisted"
        kind, parts = FIELDS[name].kind, list[Condition]()
        sign = "!=" if negated else "="
        if kind is Kind.DATE:
            parts = [DateComparison(sign, *self._date(token)) for token in tokens]
        elif kind is Kind.NUMBER:
            parts = [NumberComparison(name, sign, self._number(name, token)) for token in tokens]
        else:
            return TextMembership(name, frozenset(self._value(name, token) for token in tokens), negated=negated)
        return AllOf(tuple(parts)) if negated else AnyOf(tuple(parts))

    def known(self, tree: Tree[Token]) -> Condition:
        known = IsKnown(self._field(tree))
        return known if tree.data == "known" else Negation(known)

    def near(self, tree: Tree[Token]) -> Condition:
        _, north, east, reach = tree.children
        latitude, longitude = float(str(north)), float(str(east))
        if not -90 <= latitude <= 90:
            raise self._error(f"a latitude is -90 to 90 degrees; got {north}", north)
        if not -180 <= longitude <= 180:
            raise self._error(f"a longitude is -180 to 180 degrees; got {east}", east)
        found = re.fullmatch(r"([+-]?[\d.]+(?:e[+-]?\d+)?)\s*([a-z]*)", str(reach), re.IGNORECASE)
        unit = found[2].lower() if found else "?"
        if found is None or (unit or "km") not in _UNITS or float(found[1]) < 0:
            problem = f"a distance is written 25 km, 500 m or 10 mi, as in  near(48.85, 2.35, 25 km); got {reach}"
            raise self._error(problem, reach)
        return NearPlace(latitude, longitude, float(found[1]) * _UNITS[unit or "km"])

    def _field(self, tree: Tree[Token]) -> str:
        name = str(tree.children[0]).lower()
        if name not in FIELDS:
            meant = MEANT_FIELDS.get(name)
            hint = f'; did you mean "{meant}"?' if meant else suggestion(name, FIELDS)
            raise self._error(f'there is no field "{name}" to filter by{hint}', tree.children[0])
        return name

    def _number_or_field(self, name: str, token: Token) -> float | str:
        other = str(token).lower()
        if token.type == "WORD" and other in FIELDS:
            if FIELDS[other].kind is Kind.NUMBER:
                return other
            raise self._error(f"{name} is compared with a number; {other} is none", token)
        return self._number(name, token)

    def _number(self, name: str, token: Token) -> float:
        value = _unquoted(token, Kind.NUMBER)
        if re.fullmatch(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*", value, re.IGNORECASE | re.ASCII):
            return float(value)
        numbers = [each for each, field in FIELDS.items() if field.kind is Kind.NUMBER]
        near = difflib.get_close_matches(value.lower(), numbers, n=1, cutoff=0.7)
        hint = f'; did you mean the field "{near[0]}"?' if near else ""
        raise self._error(f"{name} is compared with a number; got {value!r}{hint}", token)

    def _date(self, token: Token) -> tuple[int, int]:
        value = _unquoted(token, Kind.DATE)
        found = date_interval(value) if re.match(r"[0-9-]{4}", value) else None
        if found is None:
            problem = f"taken is compared with a date such as 2012, 2012-05 or 2012-05-31; got {value!r}"
            raise self._error(problem, token)
        return found

    def _value(self, name: str, token: Token) -> str:
        kind = FIELDS[name].kind
        text = _unquoted(token, kind)
        if kind in (Kind.PATH, Kind.FOLDER):
            return fold_typed_path(text)
        value = fold_case(text)
        if name == "orientation" and value not in ORIENTATIONS:
            raise self._error(
                f"orientation is {', '.join(ORIENTATIONS[:-1])} or {ORIENTATIONS[-1]}; got {text!r}", token
            )
        return FORMAT_NAMES.get(value, value) if name == "format" else value

    def _error(self, problem: str, token: object) -> UsageError:
        return filter_error(problem, self._text, getattr(token, "start_pos", None) or 0)


def _filter_subtrees(tree: Tree[Token]) -> list[Tree[Token]]:
    from lark import Tree as Kind

    return [each for each in tree.children if isinstance(each, Kind)]


def _value_tokens(tree: Tree[Token]) -> list[Token]:
    return [each.children[0] for each in _filter_subtrees(tree)]  # type: ignore[misc]


def _unquoted(token: Token, kind: Kind) -> str:
    text = str(token)
    if token.type != "TEXT":
        return text
    if text[0] not in "\"'":
        return text[1:-1]
    if kind in (Kind.PATH, Kind.FOLDER):
        return unescape_path(text[1:-1])
    return re.sub(r"\\(.)", r"\1", text[1:-1])


_READERS: dict[str, Callable[[_FilterReader, Tree[Token]], Condition]] = {
    "compared": _FilterReader.compared,
    "matched": _FilterReader.matched,
    "unmatched": _FilterReader.matched,
    "listed": _FilterReader.listed,
    "unlisted": _FilterReader.listed,
    "known": _FilterReader.known,
    "unknown": _FilterReader.known,
    "near": _FilterReader.near,
}
