"""The figures of the structure: each kind of offender is found, and what is none is not."""

from __future__ import annotations

import json

import pytest
from docs_build.structure.__main__ import SRC, main, text
from docs_build.structure.figures import Limits, figures
from docs_build.structure.participles import begins_with_participle, ends_in_participle

TYPES = "class Method: ...\nclass Metric(Method): ...\n"
FROZEN = "@dataclass(frozen=True)\n"
METHOD = f"from dataclasses import dataclass\nfrom box.types import Metric\n{FROZEN}"
PARTICIPLES = """
    told _kept asked_by left_out _told_apart made_of unlearnt agreed
    _scaled2 say_left_out redrawn drop_outdated
"""
OTHERS = """
    feed seed speed embed _shed need exceed put set read cut run shut split bed red tell keep is_sorted has_changed
    was_found row_bound l2_normalized normalised weighted unsigned _ of by_colour image chi2 greedy
"""
WITH_NOUN = "skipped_files matched_points _opened_image told_row drawn_lines_of"
PARTICLES = "of by to from out in for with at on up"


@pytest.fixture
def count(tmp_path):
    """Writes modules of the package `box` by their paths in it, and counts."""

    def figures_of(modules, limits=None):
        for name, content in {"__init__": "", **modules}.items():
            path = tmp_path / "box" / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf8")
        found = figures(tmp_path, limits or Limits())
        return {figure.name: figure for figure in found}

    return figures_of


def names(figure):
    return [entry.name for entry in figure.entries]


def places(figure):
    return [place for entry in figure.entries for place in entry.places]


@pytest.mark.parametrize("name", PARTICIPLES.split())
def test_these_are_participles(name):
    assert ends_in_participle(name)
    assert not begins_with_participle(name)


@pytest.mark.parametrize("name", OTHERS.split())
def test_these_are_none(name):
    assert not ends_in_participle(name)
    assert not begins_with_participle(name)


@pytest.mark.parametrize("name", WITH_NOUN.split())
def test_a_participle_with_a_noun_counts_apart(name):
    assert begins_with_participle(name)
    assert not ends_in_participle(name)


def test_the_share_is_of_all_functions_nested_ones_and_methods_too(count):
    text = """
class Chain:
    def __len__(self): ...
    def told(self):
        def _kept(): ...
    async def rows(self): ...
def skipped_files(): ...
"""
    found = count({"a": text})
    assert found["participles"].value == 50
    assert not found["participles"].holds
    assert names(found["participles"]) == ["Chain.told", "Chain.told._kept"]
    assert places(found["participles"]) == ["box/a.py:4", "box/a.py:5"]
    assert names(found["participle and noun"]) == ["skipped_files"]
    assert found["functions"].value == 5


def test_a_public_name_of_several_modules_is_doubled(count):
    one = """
from typing import NewType, TypeAlias
class Row: ...
Pair: TypeAlias = tuple[int, int]
Pairs = list[Pair]
Key = NewType("Key", int)
def find(): ...
if True:
    def late(): ...
"""
    found = count({"a": one, "b": one})["doubled names"]
    assert names(found) == ["Key", "Pair", "Pairs", "Row", "find", "late"]
    assert found.value == 6
    assert not found.holds
    assert found.entries[3].places == ("box/a.py:3", "box/b.py:3")


def test_methods_private_names_values_and_imports_are_not_doubled(count):
    one = """
from box.c import here
ROWS = dict[str, int]
Start = open(".")
limit = 3
def _find(): ...
class _Row: ...
"""
    inner = ":\n    def rows(self): ...\n    class Inner: ...\n    def find(self):\n        def nested(): ...\n"
    modules = {"a": f"{one}class A{inner}", "b": f"{one}class B{inner}", "c": "def here(): ...\ndef here(): ..."}
    found = count(modules)
    assert names(found["doubled names"]) == []
    assert found["doubled names"].holds


def test_packages_are_as_large_as_they_have_modules_without_their_init(count):
    modules = {f"full/{name}": "" for name in ("__init__", "a", "b", "c")}
    modules |= {f"metrics/{name}": "" for name in ("_a", "_b", "_c", "_d")}
    modules |= {f"full/inner/{name}": "" for name in ("__init__", "a", "b")}
    found = count({**modules, "alone": ""}, Limits(modules_of_a_package=2))
    assert names(found["packages"]) == ["metrics 4", "full 3", "full/inner 2", "box 1"]
    assert found["modules of a package"].value == 3
    assert names(found["modules of a package"]) == ["full 3"]
    assert count({}, Limits(modules_of_a_package=3))["modules of a package"].holds


def test_a_room_is_as_large_as_its_share_of_lines(count):
    found = count({"metrics/_a": "#\n" * 4, "cli/x": "#\n", "cli/in/y": "#\n" * 2, "z": "#\n"}, Limits(largest_room=50))
    assert names(found["rooms"]) == ["metrics 50.0 %", "cli 37.5 %", "box 12.5 %"]
    assert found["largest room"].value == 50
    assert found["largest room"].holds
    assert found["lines"].value == 8
    crowded = count({"metrics/_a": "#\n" * 5})["largest room"]
    assert not crowded.holds
    assert names(crowded)[0] == "metrics 55.6 %"


def test_a_module_among_methods_without_a_method_is_a_helper(count):
    found = count(
        {
            "types": TYPES,
            "metrics/__init__": "",
            "metrics/l_two": METHOD + "class LTwo(Metric): ...",
            "metrics/below": f"from box.metrics.l_two import LTwo as Base\n{FROZEN}class Below(Base): ...",
            "metrics/dotted": f"from box import types\n{FROZEN}class Dotted(types.Metric): ...",
            "metrics/_shared": "def distances(): ...",
            "metrics/plain": "def distances(): ...",
            "metrics/named": METHOD + "class Other(Metric): ...",
            "metrics/thawed": METHOD.replace("(frozen=True)", "") + "class Thawed(Metric): ...",
            "metrics/foreign": METHOD + "class Foreign: ...",
            "cli/plain": "def distances(): ...",
        }
    )["helpers among methods"]
    assert names(found) == [f"box/metrics/{name}.py" for name in ("foreign", "named", "plain", "thawed")]
    assert not found.holds


def test_the_contracts_may_be_a_package_of_their_own(count):
    found = count(
        {
            "types/__init__": "from box.types.metric import Metric\n",
            "types/metric": "from .method import Method\nclass Metric(Method): ...",
            "types/method": "class Method: ...",
            "metrics/l1": METHOD + "class L1(Metric): ...",
        }
    )
    assert found["helpers among methods"].holds
    assert found["import cycles"].holds


def test_imports_in_a_circle_are_found_those_inside_functions_too(count):
    found = count(
        {
            "a": "from box.b import x\n",
            "b": "def x():\n    from box import c\n",
            "c": "import box.d\n",
            "d": "from .a import x\n",
            "e": "from .inner import f\n",
            "inner/__init__": "",
            "inner/f": "from ..e import y\n",
            "whole/__init__": "from .g import z\n",
            "whole/g": "from box.whole import y\n",
        }
    )["import cycles"]
    assert names(found) == [
        "box.a > box.b > box.c > box.d > box.a",
        "box.e > box.inner.f > box.e",
        "box.whole > box.whole.g > box.whole",
    ]
    assert found.entries[0].places == ("box/a.py:1", "box/b.py:2", "box/c.py:1", "box/d.py:1")
    assert not found.holds


def test_two_circles_of_one_module_are_one_knot(count):
    found = count({"a": "from box import b, c\n", "b": "import box.a\n", "c": "import box.a\n"})["import cycles"]
    assert names(found) == ["box.a > box.b > box.a (and 1 more in the same knot)"]


def test_what_only_a_type_checker_imports_makes_no_circle(count):
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from box.{} import x\nelse:\n    import os\n"
    found = count(
        {
            "a": guarded.format("b"),
            "b": "from box.a import x\n",
            "c": "import typing\nif typing.TYPE_CHECKING:\n    import box.d\n",
            "d": "import box.c\n",
        }
    )
    assert names(found["import cycles"]) == []
    both = count({"c": "import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    import box.d\n"})
    assert names(both["import cycles"]) == ["box.c > box.d > box.c"]


def test_lines_are_counted_without_the_docstring(count):
    long = 'def {}():\n    """One.\n\n    Two.\n    """\n' + "    x = 1\n"
    text = "".join(long.format(name) + "    x = 1\n" * more for name, more in (("a", 0), ("b", 23), ("c", 24)))
    found = count({"a": text})
    assert found["lines of a function, median"].value == 25
    assert found["lines of a function, most"].value == 26
    assert names(found["functions over 25 lines"]) == ["c 26"]


def test_parameters_are_those_that_can_be_given_by_position(count):
    text = """
def many(a, b, c, /, d, e, f): ...
def few(a, b, c, d, e, *rest, f, g, **more): ...
class Chain:
    def same(self, a, b, c, d, e): ...
    def most(self, a, b, c, d, e, f, g): ...
    @staticmethod
    def loose(a, b, c, d, e, f): ...
"""
    found = count({"a": text})["functions over 5 positional parameters"]
    assert names(found) == ["Chain.most 7", "many 6", "Chain.loose 6"]


def test_the_command_lists_all_and_says_what_is_over_its_limit(count, tmp_path, capsys):
    count({"a": "".join(f"def told_{of}(): ...\n" for of in PARTICLES.split())})
    assert main(["--src", str(tmp_path)]) == 1
    short = capsys.readouterr().out
    assert "participles: 100 %  (at most 3 %: OVER)\n    told_of, told_by," in short
    assert " and 1 more\n" in short
    assert "doubled names: 0  (at most 0)\n" in short
    assert main(["--src", str(tmp_path), "--list"]) == 1
    assert "    told_up  box/a.py:11\n" in capsys.readouterr().out
    assert main(["--src", str(tmp_path), "--json"]) == 1
    read = json.loads(capsys.readouterr().out)
    assert read["participles"]["holds"] is False
    assert read["participles"]["entries"][10] == {"name": "told_up", "places": ["box/a.py:11"]}


def test_the_command_ends_well_where_all_holds(count, tmp_path, capsys):
    count({f"{room}/a": f"def {room}(): ...\n" for room in "abcdefghij"})
    assert main(["--src", str(tmp_path)]) == 0
    assert "OVER" not in capsys.readouterr().out


def test_a_folder_without_a_package_is_an_error(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["--src", str(tmp_path)])
    assert "holds no package" in capsys.readouterr().err


@pytest.mark.parametrize(
    "figure", [each for each in figures(SRC) if each.limit is not None], ids=lambda each: each.name
)
def test_the_source_keeps_its_limit(figure):
    assert figure.holds, text([figure], whole=True)
