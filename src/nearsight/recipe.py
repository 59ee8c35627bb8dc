"""The grammar of recipes: one line, read left to right as the data flows.

::

    gist(square=32) | flat(metric=l2) | verify(n=20)

    recipe   = step ("|" step)*
    step     = name [ "(" arguments ")" ]
    argument = value | name "=" value
    value    = number | "text" | true | false | none | [value, ...] | recipe

Names and literals only: a recipe is never executed. The text is a subset of Python's expressions, so Python's own
parser reads it and nothing here scans characters.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from typing import TypeAlias

from nearsight.errors import RecipeError

MAX_RECIPE_LENGTH = 4000
MAX_DEPTH = 20
"""Values within values: below it, no walk over a recipe runs out of stack."""
_LITERALS = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Step:
    """One named method with what was written in its brackets. `position` is the column of its name in the text."""

    name: str
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return _format_step(self)


@dataclass(frozen=True)
class Recipe:
    """Steps in the order of the data's way. `text` is what the user wrote, for messages; printing is `str`."""

    steps: tuple[Step, ...]
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        return " | ".join(_format_step(step) for step in self.steps)


Value: TypeAlias = "bool | int | float | str | tuple[Value, ...] | Recipe | None"


def parse_recipe(text: str) -> Recipe:
    """The tree of a recipe's text; names are not looked up yet.

    Raises
    ------
    RecipeError
        with the column, where the text is not a recipe
    """
    flat = re.sub(r"[\t\n\v\f\r]", " ", text)
    if not flat.strip():
        raise RecipeError('a recipe names at least one method, such as "gist | flat"; this one is empty', flat, 0)
    if len(flat) > MAX_RECIPE_LENGTH:
        raise RecipeError(f"a recipe has at most {MAX_RECIPE_LENGTH} characters; got {len(flat)}", flat[:60] + "…", 0)
    try:
        tree = ast.parse(flat.lstrip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        column = getattr(problem, "offset", None) or 1
        reason = getattr(problem, "msg", None) or "it cannot be read"
        raise RecipeError(f"this is not a recipe: {reason}", flat.lstrip(), max(0, column - 1)) from None
    return _Parser(flat.lstrip()).recipe(tree)


class _Parser:
    """Walks Python's tree of one text and keeps what a recipe may hold."""

    def __init__(self, text: str) -> None:
        self.text, self.depth = text, 0

    def recipe(self, node: ast.expr) -> Recipe:
        steps: list[Step] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            steps.append(self.step(node.right))
            node = node.left
        steps.append(self.step(node))
        return Recipe(tuple(reversed(steps)), self.text)

    def step(self, node: ast.expr) -> Step:
        if isinstance(node, ast.Name):
            return Step(node.id, position=self.column(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            args = tuple(self.value(arg) for arg in node.args)
            kwargs = tuple((self.keyword(word), self.value(word.value)) for word in node.keywords)
            return Step(node.func.id, args, kwargs, self.column(node))
        raise self.error_at("a step is a method's name, such as gist or gist(square=64)", node)

    def keyword(self, word: ast.keyword) -> str:
        if word.arg is None:
            raise self.error_at("arguments are written one by one, not with **", word.value)
        return word.arg

    def value(self, node: ast.expr) -> Value:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error_at(f"a recipe is nested at most {MAX_DEPTH} deep", node)
        value = self.nested_value(node)
        self.depth -= 1
        return value

    def nested_value(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str | None):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.negative(node)
        if isinstance(node, ast.List | ast.Tuple):
            return tuple(self.value(item) for item in node.elts)
        if isinstance(node, ast.Name) and node.id in _LITERALS:
            return _LITERALS[node.id]
        if isinstance(node, ast.Name | ast.Call | ast.BinOp):
            return self.recipe(node)
        raise self.error_at("a value is a number, a text in quotes, true, false, none, a list or a recipe", node)

    def negative(self, node: ast.UnaryOp) -> Value:
        inner = self.value(node.operand)
        if isinstance(inner, bool) or not isinstance(inner, int | float):
            raise self.error_at("only a number can be negative", node)
        return -inner

    def column(self, node: ast.expr) -> int:
        return len(self.text.encode()[: node.col_offset].decode())

    def error_at(self, problem: str, node: ast.expr) -> RecipeError:
        start = self.column(node)
        end = len(self.text.encode()[: node.end_col_offset or node.col_offset + 1].decode())
        return RecipeError(problem, self.text, start, end - start)


def _format_step(step: Step) -> str:
    arguments = [_format_value(value) for value in step.args]
    arguments += [f"{name}={_format_value(value)}" for name, value in step.kwargs]
    return f"{step.name}({', '.join(arguments)})" if arguments else step.name


def _format_value(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_format_value(item) for item in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(value, Recipe) else repr(value)
