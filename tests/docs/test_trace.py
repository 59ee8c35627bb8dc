"""The page on the way of a query: what ran is on it, once, and nothing of the machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from docs_build import trace

from nearsight import registry
from nearsight.cli.main import load_app

FILES = 43
"""The most files that a search may pass; five of them compare a hit with the query over all that both show."""
HOPS = 6
"""The most calls from the search of a collection to a method."""
ROOT = Path(__file__).resolve().parents[2]
DRAWN = """
from dataclasses import dataclass
@dataclass
class Pair:
    one: int
    def sum(self):
        return self.one + 1
def outer():
    later = lambda: inner()
    def inner():
        return Pair(1).sum()
    return max([inner() for _ in range(2)] + list(later() for _ in range(1)) + list(each()))
def each():
    yield deep()
def deep():
    return 1
if True:
    class Idle:
        pass
"""


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A package of one module, to be run."""
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "__init__.py").write_text(DRAWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: import_module("box").outer()
    sys.modules.pop("box", None)


def functions(way):
    return [step.function for step in way.steps]


def test_functions_are_noted_once_in_the_order_of_their_entries(drawn, tmp_path):
    way = trace.follow(drawn, tmp_path / "box")
    assert functions(way) == ["outer", "outer.inner", "Pair.sum", "each", "deep"]
    assert trace.lines(way) == ["__init__.py: outer > outer.inner > Pair.sum > each > deep"]
    assert way.depth == 3
    assert [step.function for step in way.between("outer", "sum", "box")] == ["outer.inner"]
    with pytest.raises(ValueError, match="from outer no rows of the room descriptors is reached"):
        way.between("outer", "rows", "descriptors")
    assert sys.getprofile() is None


def test_what_runs_of_other_packages_is_not_noted(drawn, tmp_path):
    assert trace.follow(drawn, tmp_path / "crate").entries == ()


def test_the_profiler_goes_when_what_it_follows_fails():
    with pytest.raises(ZeroDivisionError):
        trace.follow(lambda: 1 / 0, ROOT)
    assert sys.getprofile() is None


def test_a_search_goes_from_the_command_to_the_hits_and_back():
    way = trace.search()
    found = trace.lines(way)
    assert found[0].startswith("cli/main.py: main > ")
    assert found[-1].startswith("wording.py: "), "the hits are printed"
    for line in (
        "descriptors/gist.py: Gist.embed",
        "rerankers/verify.py: Verify.rerank",
        "images/decode.py: open_image > decode_image",
    ):
        assert any(each.startswith(line) for each in found), line
    assert any("_print_hits" in each for each in found)
    assert not {"load_app", "_add_commands"} & set(functions(way)), "what is done once for a process is no part of it"
    assert len(set(way.steps)) == len(way.steps)
    within = way.between(trace.FROM, *trace.TARGETS["the descriptor"])
    assert 0 < len(within) < way.depth
    assert within[-1].function == "Descriptor.describe"
    assert not [each for each in functions(way) if "<" in each or "__eq__" in each]


def test_what_is_remembered_is_forgotten_but_for_the_commands():
    registry.method_modules(), load_app()
    trace._empty_caches()
    assert registry.method_modules.cache_info().currsize == 0
    assert load_app.cache_info().currsize == 1


def test_a_search_passes_few_files():
    assert len(trace.search().files) <= FILES


def test_the_page_says_the_numbers_of_its_list():
    page = trace.page()
    listed = re.search(r"```text\n(.*)\n```", page, re.S)[1].split("\n")
    files = {line.split(": ")[0] for line in listed}
    entries = [(line.split(": ")[0], each) for line in listed for each in line.split(": ")[1].split(" > ")]
    assert len(entries) == len(set(entries))
    assert f"| functions | {len(entries)} |" in page
    assert f"| files | {len(files)} |" in page
    assert all((ROOT / "src" / "nearsight" / each).is_file() for each in files)
    rooms = re.search(r"\| packages \| (\d+): (.*) \|", page)
    assert len(rooms[2].split(", ")) == int(rooms[1])
    assert {each.split("/")[0] if "/" in each else "nearsight" for each in files} == set(rooms[2].split(", "))


@pytest.mark.parametrize("target", trace.TARGETS)
def test_a_search_takes_few_hops_to_the_descriptor_the_index_and_the_re_rankers(target):
    assert len(trace.search().between(trace.FROM, *trace.TARGETS[target])) + 1 <= HOPS


def test_the_page_is_the_same_in_another_process_and_folder(tmp_path):
    environment = {**os.environ, "COLUMNS": "40", "TMPDIR": str(tmp_path), "PYTHONHASHSEED": "7"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *map(os.path.abspath, filter(None, sys.path))])
    command = [sys.executable, "-m", "docs_build.trace"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=tmp_path)
    assert done.stdout == trace.page()
    assert str(tmp_path) not in done.stdout
