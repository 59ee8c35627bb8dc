"""The grammar of filters."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from nearsight.errors import UsageError
from nearsight.storage.filters.fields import FIELDS

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

MAX_FILTER_LENGTH = 2000
MAX_TERMS = 200

_OPENING, _CLOSING = "“„‟«‘‚", "”“»«’‘"
GRAMMAR = (
    (
        r"""
?either: both ("or"i both)*
?both: term ("and"i term)*
?term: "not"i term -> negated
     | "(" either ")"
     | FIELD OPERATOR value -> compared
     | FIELD "like"i value -> matched
     | FIELD "not"i "like"i value -> unmatched
     | FIELD "in"i "(" value ("," value)* ")" -> listed
     | FIELD "not"i "in"i "(" value ("," value)* ")" -> unlisted
     | FIELD "is"i "known"i -> known
     | FIELD "is"i ("unknown"i | "not"i "known"i) -> unknown
     | NEAR "(" NUMBER "," NUMBER "," (DISTANCE | NUMBER) ")" -> near
value: TEXT | DATE | NUMBER | WORD
OPERATOR: "<=" | ">=" | "!=" | "<>" | "==" | "=" | "<" | ">" | "≤" | "≥" | "≠"
FIELD.1: /(?!(?:and|or|not|in|is|like|known|unknown)\b)[a-z_]+(?=\s*(?:<|>|=|!|≤|≥|≠|(?:not\s+)?(?:like|in)\b|is\b))/i
NEAR.1: /near(?=\s*\()/i
DISTANCE.4: /\d+(\.\d+)?\s*[a-z]+/i
TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|"[^"]*\\"(?=[\s)]*$)|'[^']*\\'(?=[\s)]*$)|[OPENING][^CLOSING]*[CLOSING]/
DATE.3: /\d{4}-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2})?)?)?/
NUMBER.2: /[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?/
WORD: /(?:\.{0,2}[\/\\]|[^\W\d]|[^\x00-\x7f\sQUOTES])(?:[\w.\/\\-]|[^\x00-\x7f\sQUOTES])*/
%ignore /\s+/
"""
    )
    .replace("OPENING", _OPENING)
    .replace("CLOSING", _CLOSING)
    .replace("QUOTES", _OPENING + _CLOSING)
)


def parse_tree(text: str) -> Tree[Token]:
    """The syntax tree of a filter. UsageError where there is none; the message says where, and what would be right."""
    from lark.exceptions import UnexpectedInput

    if len(text) > MAX_FILTER_LENGTH:
        raise UsageError(f"a filter has at most {MAX_FILTER_LENGTH} characters; got {len(text)}")
    try:
        tree = _filter_parser().parse(text)
    except UnexpectedInput as problem:
        raise _syntax_error(text, problem.pos_in_stream if problem.pos_in_stream is not None else len(text)) from None
    if sum(1 for _ in tree.find_data("value")) > MAX_TERMS:
        raise UsageError(f"a filter compares with at most {MAX_TERMS} values")
    return tree


@cache
def _filter_parser() -> Lark:
    from lark import Lark

    return Lark(GRAMMAR, parser="lalr", start="either", maybe_placeholders=False)


def _syntax_error(text: str, at: int) -> UsageError:
    at = min(max(at, 0), len(text))
    problem = (
        "a filter compares fields with values, such as  taken >= 2012 and folder = moscow  "
        f"(fields: {', '.join(FIELDS)}); this one cannot be read from here on"
    )
    return filter_error(problem, text, at)


def filter_error(problem: str, text: str, at: int) -> UsageError:
    """What is wrong with a filter, with its text and a mark under the place."""
    return UsageError(f"{problem}\n    {text}\n    {' ' * at}^")
