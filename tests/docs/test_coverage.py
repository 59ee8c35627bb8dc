"""The page of what is covered knows every method, and every test that it names is there."""

from __future__ import annotations

import re
from pathlib import Path

from nearsight.registry import installed_plugins, methods

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "coverage.md").read_text("utf8")


def test_every_method_stands_in_it_once():
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    ours = set(methods()) - {plugin.name for plugin in installed_plugins()}
    assert sorted(listed) == sorted(ours)


def test_every_test_that_it_names_is_there():
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
