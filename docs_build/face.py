"""The page of the Python face: everything in `nearsight.__all__`, from its documentation."""

from __future__ import annotations

import dataclasses
import inspect
import re
from enum import Enum
from typing import Any

import nearsight as ns
from docs_build.docstring import described, escaped, printed, prose, sections, table
from nearsight import errors

ORDER = (
    "index",
    "train",
    "open",
    "describe",
    "colours",
    "match",
    "duplicates",
    "duplicates_across",
    "bursts",
    "check",
    "decide",
    "accept_proposals",
    "decisions",
    "undo_decisions",
    "export_decisions",
    "import_decisions",
    "act_on_decisions",
    "restore_duplicates",
    "annotate",
    "classify",
    "set_label",
    "drop_label",
    "Collection",
    "Results",
    "Hit",
    "Map",
    "Duplicates",
    "NearsightError",
    "Reason",
)
WIDTH = 80


def page() -> str:
    """The whole page."""
    assert {*ORDER, "__version__"} == set(ns.__all__), "docs_build/face.py: ORDER lacks a name of nearsight.__all__"
    return "\n\n".join([_INTRODUCTION, *(_part(name, getattr(ns, name)) for name in ORDER)])


_INTRODUCTION = """\
# From Python

```python
import nearsight as ns

photos = ns.index("photos", by=["copy", "colour"])  # or ns.open("photos")
for hit in photos.search("found.jpg", k=20):
    print(hit.rank, hit.path, hit.score, hit.verdict, hit.why)

vectors = ns.describe(["a.jpg", "b.jpg"], "gist")  # (2, 960) float32
```

This is the stable interface; everything else may change. An open collection can be shared by threads, and is a
context manager that closes itself.
"""


def _part(name: str, thing: Any) -> str:  # noqa: ANN401
    if inspect.isfunction(thing):
        return _callable(f"## ns.{name}", f"ns.{name}", thing)
    if issubclass(thing, Exception):
        return _errors()
    parts = [f"## {name}", _text(thing, 3)]
    if issubclass(thing, Enum):
        rows = [[f"`{each.name}`", f"`{each.value}`"] for each in thing]
        return "\n\n".join([*parts, table(["name", "value"], rows)])
    if dataclasses.is_dataclass(thing):
        rows = [[f"`{each.name}`", f"`{each.type}`"] for each in dataclasses.fields(thing)]
        parts.append(table(["field", "type"], rows))
    members = [(each, value) for each, value in vars(thing).items() if not each.startswith("_")]
    return "\n\n".join(parts + [_member(each, value) for each, value in members if inspect.getdoc(value)])


def _member(name: str, value: Any) -> str:  # noqa: ANN401
    if isinstance(value, property):
        kind = _plain(str(inspect.signature(value.fget).return_annotation)) if value.fget else ""
        return f"### {name}\n\n```text\n{name}: {kind}\n```\n\n{_text(value, 4)}"
    return _callable(f"### {name}", name, value) if inspect.isfunction(value) else ""


def _callable(heading: str, name: str, function: Any) -> str:  # noqa: ANN401
    return f"{heading}\n\n```text\n{signature(name, function)}\n```\n\n{_text(function, 4)}"


def signature(name: str, function: Any) -> str:  # noqa: ANN401
    """A function's call as it is written, over several lines where it is long."""
    found = inspect.signature(function)
    given = [each for each in found.parameters.values() if each.name != "self"]
    words = [_plain(str(each)) for each in given]
    bare = next((at for at, each in enumerate(given) if each.kind is each.KEYWORD_ONLY), None)
    if bare is not None:
        words.insert(bare, "*")
    end = f") -> {_plain(str(found.return_annotation))}"
    line = f"{name}({', '.join(words)}{end}"
    return line if len(line) <= WIDTH else "\n".join([f"{name}(", *(f"    {word}," for word in words), end])


def _plain(annotation: str) -> str:
    """A parameter or an annotation without the quotes around its type; a default keeps its own."""
    return re.sub(r"^(\w+: )?'([^']*)'", r"\1\2", annotation)


def _text(of: object, level: int) -> str:
    found = sections(of)
    first, rest = described(found[""])
    return "\n\n".join(part for part in (escaped(first), prose(rest), printed(found, level)) if part)


def _errors() -> str:
    """The error tree, as its module draws it."""
    text = inspect.getdoc(errors) or ""
    tree = text.partition("::\n")[2].partition("\n\nEvery")[0]
    return (
        "## Errors\n\nEverything that nearsight raises on purpose is a `nearsight.NearsightError`; its subclasses are "
        f"in `nearsight.errors`.\n\n```text\n{inspect.cleandoc(tree)}\n```\n\nEvery message says what was wrong, what "
        "would be right, and the value that was received."
    )
