"""Packages that bring methods and are broken: each is left out with its reason, and the rest goes on."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.command import in_forks, in_one_process

HEAD = """
from dataclasses import dataclass
from nearsight.types import Descriptor, Metric
"""
METRIC = '''
@dataclass(frozen=True)
class Odd(Metric):
    """A metric from outside."""

    def distances(self, queries, rows):
        return abs(queries[:, None] - rows[None]).sum(2)
'''
BROKEN = {
    "a missing library": ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    "a fault of syntax": ("def (", "SyntaxError: invalid syntax"),
    "an exit": ("import sys; sys.exit('goodbye')", "SystemExit: goodbye"),
    "no class": ("", "outside.odd holds no class Odd"),
    "something else": ("def Odd(): pass", "outside.odd holds no class Odd"),
    "a foreign class": (
        "class Odd: pass",
        "Odd derives from none of Descriptor, LocalDescriptor, Vocabulary, Encoder, Metric, Index, Reranker",
    ),
    "no dataclass": (HEAD + "class Odd(Metric): pass", "Odd is no frozen dataclass"),
    "methods missing": (HEAD + "@dataclass(frozen=True)\nclass Odd(Descriptor): pass", "Odd lacks embed, size"),
    "a default missing": (HEAD + METRIC + "    power: float\n", "needs a default; power has none"),
    "a wrong default": (
        HEAD + METRIC + "    def __post_init__(self):\n        raise ValueError('power is 1 to 9')\n",
        "ValueError: power is 1 to 9",
    ),
}


def nearsight(*arguments: object, path: Path) -> subprocess.CompletedProcess[str]:
    """The command with one more package on its path."""
    return in_one_process([arguments], path)[0]


def installed(folder: Path, source: str, name: str = "odd", package: str = "outside") -> Path:
    """A package with one method, as pip leaves it behind."""
    module, about = folder / package, folder / f"{package}-1.0.dist-info"
    module.mkdir(parents=True)
    about.mkdir()
    (module / "__init__.py").write_text("")
    (module / "odd.py").write_text(source)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[nearsight.methods]\n{name} = {package}.odd\n")
    return folder


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What is said beside each broken package."""
    place = tmp_path_factory.mktemp("broken")
    paths = [installed(place / str(number), source) for number, (source, _) in enumerate(BROKEN.values())]
    return dict(zip(BROKEN, in_forks([("recipes", "--json"), ("recipes", "odd")], paths), strict=True))


@pytest.mark.parametrize("which", BROKEN)
def test_a_broken_package_is_left_out_with_its_reason(which, said):
    (_, reason), (listed, asked) = BROKEN[which], said[which]
    assert listed.returncode == 0
    assert "odd" not in {row["name"] for row in json.loads(listed.stdout)}
    assert listed.stderr.startswith("not used: odd of the package outside: ")
    assert reason in listed.stderr
    assert (asked.returncode, asked.stdout) == (2, "")
    assert asked.stderr.startswith('nearsight: the method "odd" of the package outside cannot be used: ')
    assert reason in asked.stderr
    assert asked.stderr.count("\n") == 1


def test_a_sound_package_is_not_left_out(tmp_path):
    done = nearsight("recipes", "odd", path=installed(tmp_path, HEAD + METRIC))
    assert (done.returncode, done.stderr) == (0, "")
    assert "A metric from outside." in done.stdout


def test_searching_goes_on_beside_a_broken_package(tmp_path, random_image):
    path = installed(tmp_path / "site", "import no_such_library")
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(3):
        random_image(folder / f"{seed}.jpg", seed)
    asked = ("search", folder / "1.jpg", "--in", folder)
    commands = [("index", folder), (*asked, "--json"), (*asked, "--recipe", "gist | flat(metric=odd)")]
    indexed, found, done = in_one_process(commands, path)
    assert indexed.returncode == 0
    assert json.loads(found.stdout)["hits"][0]["path"] == "1.jpg"
    assert done.returncode == 2
    assert "cannot be used: ModuleNotFoundError" in done.stderr
    assert done.stderr.split("\n")[2].index("^") == done.stderr.split("\n")[1].index("odd")


def test_our_own_name_wins_and_the_listing_says_so(tmp_path):
    path = installed(tmp_path, HEAD + METRIC.replace("Odd", "Gist"), name="gist")
    done, listed = in_one_process([("recipes", "gist"), ("recipes",)], path)
    assert (done.returncode, done.stdout.startswith("gist(orientations=")) == (0, True)
    assert done.stderr == "not used: gist of the package outside: nearsight uses that name itself\n"
    assert "nearsight uses that name itself" in listed.stderr


def test_of_two_packages_with_one_name_the_first_by_name_is_used(tmp_path):
    path = installed(tmp_path, HEAD + METRIC)
    installed(tmp_path, HEAD + METRIC.replace("outside", "further away"), package="yonder")
    done = nearsight("recipes", "odd", path=path)
    assert "A metric from outside." in done.stdout
    assert done.stderr == "not used: odd of the package yonder: outside brings one of that name, which is used\n"


def test_a_name_that_no_recipe_can_hold(tmp_path):
    listed = nearsight("recipes", path=installed(tmp_path, HEAD + METRIC, name="Odd-One"))
    assert listed.returncode == 0
    assert 'small letters, digits and single underscores; got "Odd-One"' in listed.stderr
