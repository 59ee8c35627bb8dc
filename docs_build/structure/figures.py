"""All figures of a source folder."""

from __future__ import annotations

import ast
import math
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from docs_build.structure import names, rooms
from docs_build.structure.figure import Entry, Figure
from docs_build.structure.imports import cycles
from docs_build.structure.source import Function, Module, functions, read


@dataclass(frozen=True)
class Limits:
    """The most that each figure may be."""

    participles: float = 3.0
    doubled_names: int = 0
    modules_of_a_package: int = 25
    largest_room: float = 10.0
    helpers_among_methods: int = 0
    import_cycles: int = 0


LIMITS = Limits()
LONG, MANY = 25, 5
"""Lines of a function, and positional parameters, above which it is listed."""


def figures(src: Path, limits: Limits = LIMITS) -> list[Figure]:
    """The figures of the packages in a folder, those with a limit first."""
    modules = read(src)
    defs = functions(modules)
    return [
        *_names(modules, defs, limits),
        *_rooms(modules, limits),
        _count("helpers among methods", rooms.helpers(modules), limits.helpers_among_methods),
        _count("import cycles", cycles(modules), limits.import_cycles),
        *_functions(defs),
        Figure("modules", len(modules)),
        Figure("lines", sum(module.lines for module in modules)),
    ]


def _names(modules: list[Module], defs: list[Function], limits: Limits) -> list[Figure]:
    own = names.undundered(defs)
    found = tuple(names.participles(defs))
    share = 100 * len(found) / max(len(own), 1)
    return [
        Figure("participles", share, " %", limits.participles, found),
        _count("participle and noun", names.participles_with_noun(defs)),
        _count("doubled names", names.doubles(modules), limits.doubled_names),
    ]


def _rooms(modules: list[Module], limits: Limits) -> list[Figure]:
    sizes, lines = rooms.sizes(modules), rooms.lines(modules)
    limited = Counter({package: size for package, size in sizes.items() if package not in rooms.METHODS})
    whole = max(sum(lines.values()), 1)
    shares = {room: 100 * each / whole for room, each in lines.most_common()}
    over = {package: size for package, size in limited.most_common() if size > limits.modules_of_a_package}
    full = {room: share for room, share in shares.items() if share > limits.largest_room}
    return [
        Figure("modules of a package", max(limited.values(), default=0), "", limits.modules_of_a_package, _sizes(over)),
        Figure("packages", len(sizes), entries=_sizes(dict(sizes.most_common()))),
        Figure("largest room", max(shares.values()), " %", limits.largest_room, _shares(full)),
        Figure("rooms", len(shares), entries=_shares(shares)),
    ]


def _sizes(sizes: dict[str, int]) -> tuple[Entry, ...]:
    return tuple(Entry(f"{package} {size}") for package, size in sizes.items())


def _shares(shares: dict[str, float]) -> tuple[Entry, ...]:
    return tuple(Entry(f"{room} {share:.1f} %") for room, share in shares.items())


def _functions(defs: list[Function]) -> list[Figure]:
    counts = sorted(length(each) for each in defs) or [0]
    longest = sorted(defs, key=length, reverse=True)
    long = [Entry(f"{each.qualname} {length(each)}", (each.place,)) for each in longest if length(each) > LONG]
    most = sorted(defs, key=parameters, reverse=True)
    many = [Entry(f"{each.qualname} {parameters(each)}", (each.place,)) for each in most if parameters(each) > MANY]
    return [
        Figure("functions", len(defs)),
        Figure("lines of a function, median", statistics.median(counts)),
        Figure("lines of a function, 90th percentile", counts[math.ceil(0.9 * len(counts)) - 1]),
        Figure("lines of a function, most", counts[-1]),
        _count(f"functions over {LONG} lines", long),
        _count(f"functions over {MANY} positional parameters", many),
    ]


def _count(name: str, entries: list[Entry], limit: int | None = None) -> Figure:
    return Figure(name, len(entries), "", limit, tuple(entries))


def length(function: Function) -> int:
    """The lines of a function without its docstring."""
    node = function.node
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node, clean=False) is None:
        return whole
    return whole - ((first.end_lineno or first.lineno) - first.lineno + 1)


def parameters(function: Function) -> int:
    """The parameters that can be given by their position, without `self` or `cls`."""
    given = function.node.args
    static = any(ast.unparse(each) == "staticmethod" for each in function.node.decorator_list)
    return len(given.posonlyargs) + len(given.args) - (function.is_method and not static)
