"""The page of what is covered: every method with its source, a recipe and its test.

What no code knows, the kinds of query and the measures, is written in coverage.md beside this file.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from docs_build import recipes
from docs_build.docstring import escaped, table
from nearsight.registry import class_name, method_references
from nearsight.types import Method

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "tests/contract"
_SHOWN_TESTS = 2
_SOURCE_END = re.compile(r"doi:[^\s;]*[^\s;.,]|https?://\S*[^\s.,;]")
_GENERAL = ("contract", "docs", "faults", "benchmarks", "web")
"""Folders of tests that are about no single method."""


def page() -> str:
    """The whole page."""
    methods = [f"## {recipes.KINDS[kind][0]}\n\n{_methods(kind, each)}" for kind, each in recipes.own().items()]
    return Path(__file__).with_suffix(".md").read_text("utf8").replace("<!-- methods -->", "\n\n".join(methods))


def _methods(kind: str, found: dict[str, type[Method]]) -> str:
    rows = [
        [f"[`{name}`](recipes/{name}.md)", source(cls), f"`{recipes.example_recipe(name, cls)}`", _tests(kind, name)]
        for name, cls in found.items()
    ]
    return table(["method", "source", "example recipe", "test"], rows)


def source(cls: type[Method]) -> str:
    """The first reference of a method, to the end of its DOI or address; all of it where it has neither."""
    text = " ".join(method_references(cls).split())
    end = _SOURCE_END.search(text)
    return escaped(text[: end.end()] if end else text)


def _tests(kind: str, name: str) -> str:
    return ", ".join(f"`{path}`" for path in find_tests(kind, name))


def find_tests(kind: str, name: str) -> list[str]:
    """The tests of a method, relative to the repository: named as it is, or else naming its class or itself.

    The contract tests, which run over every method, where it has no test yet.
    """
    texts = _test_texts()
    own = [path for path in texts if path.endswith(f"/test_{name}.py")]
    word = re.compile(rf"\b{class_name(name)}\(|\"{name}\b|\b{name} \||\| {name}\b|\({name}\b")
    naming = own or [path for path, text in texts.items() if word.search(text)]
    beside = [path for path in naming if path.startswith(f"tests/{kind}/")]
    return (beside or naming or [CONTRACT])[:_SHOWN_TESTS]


@cache
def _test_texts() -> dict[str, str]:
    """Every test of methods by its path."""
    files = sorted((ROOT / "tests").glob("*/test_*.py"))
    wanted = [path for path in files if path.parent.name not in _GENERAL]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf8") for path in wanted}
