"""The modules of a source folder, parsed, and the functions in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

Def = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """A module: its path below the source folder, such as `nearsight/cli/main.py`, its tree and its lines."""

    path: PurePosixPath
    tree: ast.Module
    lines: int

    @property
    def name(self) -> str:
        """As it is imported: `nearsight.cli.main`."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_package(self) -> bool:
        """Whether it is a package's `__init__`."""
        return self.path.name == "__init__.py"

    @property
    def package(self) -> str:
        """Its folder below the package, such as `server/routes`; empty for the modules beside the rooms."""
        return "/".join(self.path.parts[1:-1])

    @property
    def room(self) -> str:
        """The first folder below the package, or the package where the module stands in none."""
        return room(self.path)

    def place(self, node: ast.AST) -> str:
        """Where something stands, such as `nearsight/cli/main.py:24`."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@dataclass(frozen=True)
class Function:
    """A function or method, the names around it included, such as `Chain.encode`."""

    module: Module
    node: Def
    qualname: str
    is_method: bool

    @property
    def place(self) -> str:
        """The line of its `def`."""
        return self.module.place(self.node)


def room(path: PurePosixPath) -> str:
    """The room of a file by its path below the source folder."""
    return path.parts[1] if len(path.parts) > 2 else path.parts[0]


def read(src: Path) -> list[Module]:
    """Every module below a folder that holds packages, by path; ValueError where there is none."""
    paths = sorted(
        path for path in src.glob("*/**/*.py") if (src / path.relative_to(src).parts[0] / "__init__.py").is_file()
    )
    if not paths:
        raise ValueError(f"{src} holds no package; name the folder that a package lies in, such as src")
    return [_parse(path, src) for path in paths]


def _parse(path: Path, src: Path) -> Module:
    text = path.read_text("utf8")
    return Module(PurePosixPath(path.relative_to(src).as_posix()), ast.parse(text, str(path)), len(text.splitlines()))


def functions(modules: list[Module]) -> list[Function]:
    """Every function of the modules, nested ones and methods too."""
    return [found for module in modules for found in _functions(module, module.tree, "", False)]


def _functions(module: Module, node: ast.AST, around: str, in_class: bool) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Def):
            yield Function(module, child, around + child.name, in_class)
            yield from _functions(module, child, f"{around}{child.name}.", False)
        elif isinstance(child, ast.ClassDef):
            yield from _functions(module, child, f"{around}{child.name}.", True)
        else:
            yield from _functions(module, child, around, in_class)


def statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those inside its `if` and `try`."""
    for statement in body:
        yield statement
        for inner in ("body", "orelse", "finalbody"):
            if isinstance(statement, ast.If | ast.Try | ast.With):
                yield from statements(getattr(statement, inner, []))
        for handler in getattr(statement, "handlers", []):
            yield from statements(handler.body)
