"""Filters: conditions on the catalogue's fields that restrict a search.

::

    taken >= 2012 and folder like "moscow/%"
    (width >= 4000 or format = TIFF) and not camera like "%scanner%"
    format in (JPEG, PNG) and latitude is known

A grammar parses the text into an SQL condition with known column names and bound values: no part of the text reaches
SQL as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from nearsight.errors import UsageError, suggestion

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_FILTER_LENGTH = 2000
MAX_TERMS = 200
MAX_DEPTH = 12

_PATH = "CAST(path AS TEXT)"
_FOLDER = f"rtrim({_PATH}, replace({_PATH}, '/', ''))"
"""With its slash at the end; empty for the indexed folder itself."""

_NOTE_LINES = "(SELECT group_concat({}, char(10)) FROM note WHERE note.image = image.path)"
"""All captions or tags of an image, one a line; NULL if there are none."""

_LABEL_LINES = (
    "(SELECT group_concat(label.label, char(10)) FROM label "
    "WHERE label.image = image.path AND label.state <> 'dropped')"
)

FIELDS = {
    "path": _PATH,
    "folder": _FOLDER,
    "name": f"substr({_PATH}, length({_FOLDER}) + 1)",
    "format": "format",
    "camera": "camera",
    "taken": "taken",
    "width": "width",
    "height": "height",
    "pixels": "(width * height)",
    "bytes": "size",
    "latitude": "latitude",
    "longitude": "longitude",
    "id": "id",
    "caption": _NOTE_LINES.format("caption"),
    "tags": _NOTE_LINES.format("tags"),
    "labels": _LABEL_LINES,
}
"""Fields of an image, and their SQL expressions."""
NUMERIC_FIELDS = {"width", "height", "pixels", "bytes", "latitude", "longitude", "id"}
DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2})?)?)?)?)?")

GRAMMAR = r"""
?either: both ("or"i both)*
?both: term ("and"i term)*
?term: "not"i term -> negated
     | "(" either ")"
     | FIELD OPERATOR value -> compared
     | FIELD "like"i value -> matched
     | FIELD "in"i "(" value ("," value)* ")" -> listed
     | FIELD "is"i "known"i -> known
     | FIELD "is"i "unknown"i -> unknown
value: TEXT | DATE | NUMBER | WORD
OPERATOR: "<=" | ">=" | "!=" | "<>" | "==" | "=" | "<" | ">"
FIELD.1: /(?!(?:and|or|not|in|is|like|known|unknown)\b)[a-z_]+(?=\s*(?:<|>|=|!|like\b|in\b|is\b))/i
TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/
DATE.3: /\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2})?)?)?/
NUMBER.2: /[+-]?\d+(\.\d+)?([eE][+-]?\d+)?/
WORD: /[^\W\d][\w.-]*/
%ignore /\s+/
"""

SqlValue: TypeAlias = "str | float"


@dataclass(frozen=True)
class Condition:
    """An SQL condition over the table `image`, with its bound values."""

    sql: str
    values: tuple[SqlValue, ...]

    @property
    def uses_notes(self) -> bool:
        """Whether it uses captions or tags."""
        return "note.image" in self.sql

    @property
    def uses_labels(self) -> bool:
        """Whether it uses labels."""
        return "label.image" in self.sql


def parse_filter(text: str) -> Condition:
    """Parse a filter into a condition.

    Raises
    ------
    UsageError
        the text is no filter; the message says where, and what would be right
    """
    from lark.exceptions import UnexpectedInput

    if len(text) > MAX_FILTER_LENGTH:
        raise UsageError(f"a filter has at most {MAX_FILTER_LENGTH} characters; got {len(text)}")
    try:
        tree = _filter_parser().parse(text)
    except UnexpectedInput as problem:
        raise _syntax_error(text, problem.pos_in_stream if problem.pos_in_stream is not None else len(text)) from None
    if sum(1 for _ in tree.find_data("value")) > MAX_TERMS:
        raise UsageError(f"a filter compares with at most {MAX_TERMS} values")
    return _to_condition(tree)


@cache
def _filter_parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", start="either", maybe_placeholders=False)


def _syntax_error(text: str, at: int) -> UsageError:
    at = min(max(at, 0), len(text))
    return UsageError(
        "a filter compares fields with values, such as  taken >= 2012 and folder like 'moscow/%'  "
        f"(fields: {', '.join(FIELDS)}); this one cannot be read from here on\n    {text}\n    {' ' * at}^"
    )


def _to_condition(tree: Tree[Token], depth: int = 0) -> Condition:
    if depth > MAX_DEPTH:
        raise UsageError(f"a filter is nested at most {MAX_DEPTH} deep")
    if tree.data in ("either", "both"):
        return _join_filters(
            " OR " if tree.data == "either" else " AND ",
            [_to_condition(each, depth + 1) for each in _filter_subtrees(tree)],
        )
    if tree.data == "negated":
        inner = _to_condition(_filter_subtrees(tree)[0], depth + 1)
        return Condition(f"(NOT ifnull({inner.sql}, 0))", inner.values)
    return _TERM_PARSERS[tree.data](tree)


def _filter_subtrees(tree: Tree[Token]) -> list[Tree[Token]]:
    from lark import Tree as Kind

    return [each for each in tree.children if isinstance(each, Kind)]


def _join_filters(word: str, parts: list[Condition]) -> Condition:
    values = tuple(value for part in parts for value in part.values)
    return Condition("(" + word.join(part.sql for part in parts) + ")", values)


def _filter_field(tree: Tree[Token]) -> str:
    name = str(tree.children[0]).lower()
    if name not in FIELDS:
        raise UsageError(f'there is no field "{name}" to filter by{suggestion(name, FIELDS)}')
    return name


def _comparison(tree: Tree[Token]) -> Condition:
    name, value = _filter_field(tree), _value_text(tree, -1)
    sign = {"==": "=", "<>": "!="}.get(str(tree.children[1]), str(tree.children[1]))
    if name == "taken":
        return _date_comparison(sign, value)
    if name in NUMERIC_FIELDS:
        return Condition(f"({FIELDS[name]} {sign} ?)", (_to_number(name, value),))
    return Condition(f"({FIELDS[name]} {sign} ? COLLATE NOCASE)", (_normalize_folder(name, value),))


def _normalize_folder(name: str, value: str) -> str:
    """A folder with the slash that stored ones end with; a pattern that ends with % matches that slash itself."""
    if name != "folder" or not value.strip("/") or value.endswith("%"):
        return value
    return value.rstrip("/") + "/"


def _date_comparison(sign: str, value: str) -> Condition:
    """Compare a date as far as it is written: `taken <= 2012` holds until the last second of 2012."""
    if not DATE.fullmatch(value):
        raise UsageError(f"taken is compared with a date such as 2012, 2012-05 or 2012-05-31; got {value!r}")
    said = value.replace(" ", "T")
    return Condition(f"(substr(taken, 1, {len(said)}) {sign} ?)", (said,))


def _like_comparison(tree: Tree[Token]) -> Condition:
    name = _filter_field(tree)
    if name in NUMERIC_FIELDS:
        raise UsageError(f"{name} is a number: compare it with <, <=, =, != , >= or >, not with like")
    return Condition(f"({FIELDS[name]} LIKE ?)", (_normalize_folder(name, _value_text(tree, -1)),))


def _membership(tree: Tree[Token]) -> Condition:
    name = _filter_field(tree)
    values = [_value_text(tree, at) for at in range(1, len(tree.children))]
    parts = [_date_comparison("=", value) if name == "taken" else _equality(name, value) for value in values]
    return _join_filters(" OR ", parts)


def _equality(name: str, value: str) -> Condition:
    if name in NUMERIC_FIELDS:
        return Condition(f"({FIELDS[name]} = ?)", (_to_number(name, value),))
    return Condition(f"({FIELDS[name]} = ? COLLATE NOCASE)", (_normalize_folder(name, value),))


def _null_test(tree: Tree[Token]) -> Condition:
    word = "NOT NULL" if tree.data == "known" else "NULL"
    return Condition(f"({FIELDS[_filter_field(tree)]} IS {word})", ())


def _value_text(tree: Tree[Token], at: int) -> str:
    token = tree.children[at].children[0]  # type: ignore[union-attr]
    text = str(token)
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] in "\"'" else text


def _to_number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"{name} is compared with a number; got {value!r}") from None


_TERM_PARSERS: dict[str, Callable[[Tree[Token]], Condition]] = {
    "compared": _comparison,
    "matched": _like_comparison,
    "listed": _membership,
    "known": _null_test,
    "unknown": _null_test,
}
