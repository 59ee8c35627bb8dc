"""How large packages and rooms are, and what is no method among the methods."""

from __future__ import annotations

import ast
from collections import Counter

from docs_build.structure.figure import Entry
from docs_build.structure.imports import origin
from docs_build.structure.source import Module

METHODS = frozenset(
    (
        "descriptors",
        "hashes",
        "features",
        "encode",
        "encoders",
        "metrics",
        "indexes",
        "rank",
        "rerankers",
        "kernels",
        "vocabularies",
    )
)
"""Folders with one file for each method."""


def sizes(modules: list[Module]) -> Counter[str]:
    """The number of modules of each package, without its `__init__`."""
    return Counter(each.package or each.room for each in modules if not each.is_package)


def lines(modules: list[Module]) -> Counter[str]:
    """The lines of each room."""
    total = Counter[str]()
    for module in modules:
        total[module.room] += module.lines
    return total


def helpers(modules: list[Module]) -> list[Entry]:
    """Modules of the folders of methods that hold none, and do not say so by an underscore."""
    by_name = {module.name: module for module in modules}
    return [
        Entry(str(module.path), (f"{module.path}:1",))
        for module in modules
        if module.package in METHODS and not module.path.name.startswith("_") and not _holds_method(module, by_name)
    ]


def _holds_method(module: Module, by_name: dict[str, Module]) -> bool:
    wanted = "".join(word.capitalize() for word in module.path.stem.split("_"))
    cls = _classes(module).get(wanted)
    return cls is not None and _is_frozen(cls) and _is_method(module, wanted, by_name)


def _classes(module: Module) -> dict[str, ast.ClassDef]:
    return {each.name: each for each in module.tree.body if isinstance(each, ast.ClassDef)}


def _is_frozen(cls: ast.ClassDef) -> bool:
    """Whether `@dataclass(frozen=True)` stands above a class."""
    return any(
        isinstance(each, ast.Call)
        and ast.unparse(each.func).split(".")[-1] == "dataclass"
        and any(word.arg == "frozen" and ast.unparse(word.value) == "True" for word in each.keywords)
        for each in cls.decorator_list
    )


def _is_method(module: Module, name: str, by_name: dict[str, Module]) -> bool:
    """Whether a class of this name, as a module knows it, is `types.Method` or derives from it."""
    cls = _classes(module).get(name)
    if cls is None:
        return any(_is_method(by_name[home], other, by_name) for home, other in _homes(module, name, by_name))
    if name == "Method" and module.name.split(".")[1] == "types":
        return True
    bases = (base.value if isinstance(base, ast.Subscript) else base for base in cls.bases)
    return any(_is_method(module, ast.unparse(base), by_name) for base in bases)


def _homes(module: Module, name: str, by_name: dict[str, Module]) -> list[tuple[str, str]]:
    """The modules that a name, or `module.name`, is imported from, with its name there."""
    head, _, rest = name.partition(".")
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == head:
                    base = origin(module, node)
                    found.append((f"{base}.{alias.name}", rest) if rest else (base, alias.name))
    return [(home, other) for home, other in found if home in by_name and by_name[home] is not module]
