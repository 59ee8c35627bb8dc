"""Names that are participles, and names that several modules give to different things."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from docs_build.structure.figure import Entry
from docs_build.structure.participles import begins_with_participle, ends_in_participle
from docs_build.structure.source import Function, Module, statements

_ALIASES = (ast.Subscript, ast.BinOp, ast.Name, ast.Attribute)


def undundered(functions: list[Function]) -> list[Function]:
    """The functions whose names were chosen: those that Python names are left out."""
    return [each for each in functions if not (each.node.name.startswith("__") and each.node.name.endswith("__"))]


def participles(functions: list[Function]) -> list[Entry]:
    """The functions that are named by a participle."""
    return _pick(functions, ends_in_participle)


def participles_with_noun(functions: list[Function]) -> list[Entry]:
    """The functions that are named by a participle and a noun."""
    return _pick(functions, begins_with_participle)


def _pick(functions: list[Function], is_one: Callable[[str], bool]) -> list[Entry]:
    return [Entry(each.qualname, (each.place,)) for each in undundered(functions) if is_one(each.node.name)]


def doubles(modules: list[Module]) -> list[Entry]:
    """The public names that more than one module defines, with their places."""
    places: dict[str, dict[str, str]] = {}
    for module in modules:
        for name, node in _definitions(module):
            places.setdefault(name, {}).setdefault(module.name, module.place(node))
    return [Entry(name, tuple(at.values())) for name, at in sorted(places.items()) if len(at) > 1]


def _definitions(module: Module) -> Iterator[tuple[str, ast.stmt]]:
    """The public classes, type aliases and functions of a module."""
    for statement in statements(module.tree.body):
        name = _name(statement)
        if name and not name.startswith("_"):
            yield name, statement


def _name(statement: ast.stmt) -> str:
    """What a statement defines; empty where it defines no class, function or type alias."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name
    if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.annotation).endswith("TypeAlias"):
        return ast.unparse(statement.target)
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id if _is_alias(statement.targets[0].id, statement.value) else ""
    return ast.unparse(statement.name) if type(statement).__name__ == "TypeAlias" else ""  # type: ignore[attr-defined]


def _is_alias(name: str, value: ast.expr) -> bool:
    """Whether an assignment names a type: in CamelCase, and a type or `NewType`."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).endswith("NewType")
    camel = name.lstrip("_")[:1].isupper() and not name.isupper()
    return camel and isinstance(value, _ALIASES)
