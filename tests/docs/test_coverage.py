"""The generated page of what is covered has every method, and every test that it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs_build import coverage

from nearsight.registry import methods
from nearsight.types import Descriptor

ROOT = Path(__file__).parents[2]
OURS = {name for name, cls in methods().items() if cls.__module__.startswith("nearsight.")}


class Referenced(Descriptor):
    """Cites two works.

    References
    ----------
    A. Author, One Work,
    2001, doi:10.1000/182. B. Author, Another Work, 2002, doi:10.1000/183.
    """


@pytest.fixture(scope="module")
def page():
    return coverage.page()


def test_every_method_has_one_row_with_source_recipe_and_test(page):
    rows = re.findall(r"^\| \[`(\w+)`\]\(recipes/\1\.md\) \| (.+) \| `([^`]+)` \| (`tests/.+`) \|$", page, re.MULTILINE)
    assert sorted(name for name, *_ in rows) == sorted(OURS)
    for name, source, recipe, _ in rows:
        assert len(source) > 20, name
        assert re.search(rf"\b{name}\b", recipe) or name == "weighted_parts", (name, recipe)


def test_every_test_that_it_names_exists(page):
    named = set(re.findall(r"`(tests/[\w/.]+)`", page))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_source_is_the_first_reference():
    assert coverage.source(Referenced) == "A. Author, One Work, 2001, [doi:10.1000/182](https://doi.org/10.1000/182)"


def test_tests_are_found_by_the_name_of_the_method():
    assert coverage.find_tests("descriptors", "gist") == ["tests/descriptors/test_gist.py"]
    assert coverage.find_tests("metrics", "chi2") == ["tests/metrics/test_metrics.py"]
    assert coverage.find_tests("descriptors", "no_such_method") == ["tests/contract"]
