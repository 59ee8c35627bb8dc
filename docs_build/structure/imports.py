"""What imports what, and where that goes in circles."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from docs_build.structure.figure import Entry
from docs_build.structure.source import Module

Graph = dict[str, dict[str, str]]
"""For each module what it imports, with the place of the import."""


def cycles(modules: list[Module]) -> list[Entry]:
    """The groups of modules that import each other, each by one of its shortest circles."""
    edges = graph(modules)
    reach = {name: _reach(edges, name) for name in edges}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other]) for name in edges if name in reach[name]
    }
    return [_circle(edges, group) for group in sorted(groups, key=min)]


def graph(modules: list[Module]) -> Graph:
    """The imports among the modules; a package stands for its `__init__`, and is not imported by its modules."""
    names = {module.name for module in modules}
    return {
        module.name: {
            target: module.place(node)
            for node in reversed(list(_imports(module.tree)))
            for target in targets(module, node, names)
        }
        for module in modules
    }


def targets(module: Module, node: ast.Import | ast.ImportFrom, names: set[str]) -> Iterator[str]:
    """The modules that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in names)
        return
    base = origin(module, node)
    for alias in node.names:
        inner = f"{base}.{alias.name}"
        if inner in names or base in names:
            yield inner if inner in names else base


def origin(module: Module, node: ast.ImportFrom) -> str:
    """The whole name of what stands after `from`."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    kept = parts[: len(parts) - node.level + module.is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test).split(".")[-1] == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _imports(ast.Module([other], []))
        else:
            yield from _imports(child)


def _reach(edges: Graph, start: str) -> set[str]:
    """All modules that a module imports, and those that these import."""
    reach, left = set[str](), [start]
    while left:
        fresh = edges[left.pop()].keys() - reach
        reach |= fresh
        left += fresh
    return reach


def _circle(edges: Graph, group: frozenset[str]) -> Entry:
    """The shortest circle through the first module of a group."""
    start = min(group)
    ways = [[start]]
    for way in ways:
        for target in sorted(edges[way[-1]].keys() & group):
            if target == start:
                circle = [*way, start]
                steps = itertools.pairwise(circle)
                beside = len(group) - len(way)
                more = f" (and {beside} more in the same knot)" if beside else ""
                return Entry(" > ".join(circle) + more, tuple(edges[of][to] for of, to in steps))
            if all(target not in each for each in ways):
                ways.append([*way, target])
    raise AssertionError(f"{start} is in no circle")
