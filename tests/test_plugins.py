"""Packages that bring methods: the example in examples/, as a wheel, and packages that are broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "nearsight-projection"
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
    environment = {**os.environ, "COLUMNS": "200"}
    environment["PYTHONPATH"] = os.pathsep.join([str(path), *map(os.path.abspath, filter(None, sys.path))])
    command = [sys.executable, "-m", "nearsight", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done


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
def wheel(tmp_path_factory):
    """The example, built without a network."""
    builder = pytest.importorskip(
        "hatchling.builders.wheel", reason="hatchling is not installed: pip install hatchling"
    )
    made = builder.WheelBuilder(str(EXAMPLE)).build(
        directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"]
    )
    return Path(next(iter(made)))


@pytest.fixture
def pages(tmp_path):
    """Five pages of text, one of them twice with another tint, and a scan of the third to ask with."""
    import numpy as np
    from PIL import Image

    def page(seed, tint):
        rng = np.random.default_rng(seed)
        made = np.full((300, 220, 3), tint, np.uint8)
        for top in range(15, 280, 13):
            if rng.random() < 0.7:
                made[top : top + 6, 15 : 15 + rng.integers(40, 190)] = 30
        return Image.fromarray(made)

    folder = tmp_path / "scans"
    folder.mkdir()
    for seed in range(5):
        page(seed, (235, 235, 235)).save(folder / f"{seed}.png")
    page(2, (215, 205, 180)).save(folder / "2-again.png")
    page(2, (240, 220, 190)).save(tmp_path / "page.png")
    return folder


def test_the_example_is_used_as_a_wheel(wheel, pages, tmp_path):
    recipe = "projection | flat | vary(weight=.3)"
    assert "projection(length=64)" in nearsight("recipes", "projection", path=wheel).stdout
    listed = nearsight("recipes", path=wheel)
    assert "Moves hits back" in listed.stdout
    assert listed.stderr == ""
    done = nearsight("index", pages, "--recipe", recipe, "--json", path=wheel)
    assert json.loads(done.stdout)["images"] == 6, done.stderr
    asked = ("search", tmp_path / "page.png", "--in", pages, "--json", "--recipe")
    plain = json.loads(nearsight(*asked, "projection", path=wheel).stdout)["hits"]
    assert {hit["path"] for hit in plain[:2]} == {"2.png", "2-again.png"}
    varied = json.loads(nearsight(*asked, "projection | flat | vary(weight=.9)", path=wheel).stdout)["hits"]
    assert varied[0]["path"] == plain[0]["path"]
    assert varied[-1]["path"] == plain[1]["path"]


def test_a_refiner_without_verdicts_leaves_them_to_the_distance(wheel, tmp_path, random_image):
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(12):
        random_image(folder / f"{seed}.png", seed)
    random_image(tmp_path / "strange.png", 99)
    assert nearsight("index", folder, "--recipe", "tiny | flat", path=wheel).returncode == 0
    asked = ("--in", folder, "--json", "--recipe")
    done = nearsight("search", folder / "3.png", *asked, "tiny | flat | vary", path=wheel)
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"]) == (0, "found"), done.stderr
    first = found["hits"][0]
    assert (first["path"], first["verdict"], first["score"]) == ("3.png", "alike", 1)
    assert first["why"].startswith("nearer than 100.00 % of random pairs")
    plain = json.loads(nearsight("search", folder / "3.png", *asked, "tiny | flat", path=wheel).stdout)
    judged = [{hit["path"]: (hit["verdict"], hit["score"]) for hit in each["hits"]} for each in (found, plain)]
    assert judged[0] == judged[1]
    strange = nearsight("search", tmp_path / "strange.png", *asked, "tiny | flat | vary", path=wheel)
    assert json.loads(strange.stdout)["verdict"] != "found"


def test_without_the_package_a_collection_answers_by_the_rest(wheel, pages, tmp_path):
    assert nearsight("index", pages, "--by", "copy", "--recipe", "projection", path=wheel).returncode == 0
    done = nearsight("search", tmp_path / "page.png", "--in", pages, "--by", "copy", "--json", path=tmp_path)
    assert json.loads(done.stdout)["hits"], done.stderr
    done = nearsight("search", tmp_path / "page.png", "--in", pages, "--recipe", "gist", "--json", path=tmp_path)
    assert json.loads(done.stdout)["hits"], done.stderr
    assert nearsight("verify", "--in", pages, path=tmp_path).stdout == "clean\n"
    done = nearsight("search", tmp_path / "page.png", "--in", pages, "--recipe", "projection", path=tmp_path)
    assert (done.returncode, 'no method "projection"' in done.stderr) == (2, True)


def test_without_the_package_a_collection_is_kept_up_to_date_and_can_let_go_of_it(wheel, pages, tmp_path):
    recipe = "projection | flat | vary(weight=.3)"
    assert nearsight("index", pages, "--by", "copy", "--recipe", recipe, path=wheel).returncode == 0
    segments = {path: path.stat().st_size for path in (pages / ".nearsight" / "segments").iterdir()}
    (pages / "4.png").unlink()
    said = (
        'not used: projection | flat | vary(weight=0.3): there is no method "projection"; install or update the '
        "package that brings the method, or take the recipe out: "
        f"nearsight index {pages} --drop 'projection | flat | vary(weight=0.3)'\n"
    )
    for command, told in (
        (("index", pages), "1 removed, 5 unchanged"),
        (("index", pages, "--by", "colour"), "5 completed"),
        (("repair", "--in", pages), "5 unchanged"),
        (("verify", "--in", pages), "clean"),
    ):
        done = nearsight(*command, path=tmp_path)
        assert (done.returncode, done.stderr, told in done.stdout) == (0, said, True), (command, done)
    assert "searchable by copy, colour\n" in nearsight("index", pages, path=tmp_path).stdout
    assert said.partition(": there")[2].strip() in nearsight("info", "--in", pages, path=tmp_path).stdout
    dropped = nearsight("index", pages, "--drop", recipe, "--json", path=tmp_path)
    freed = json.loads(dropped.stdout)["dropped"]
    gone = [path for path in segments if not path.exists()]
    assert freed == {"recipes": ["projection | flat | vary(weight=0.3)"], "bytes": segments[gone[0]]}
    assert len(gone) == 1
    assert nearsight("index", pages, path=tmp_path).stderr == ""
    done = nearsight("search", pages / "2.png", "--in", pages, "--recipe", "projection", path=wheel)
    assert (done.returncode, "holds no vectors of projection" in done.stderr) == (2, True)


def test_the_example_meets_the_contract_and_its_own_tests(wheel):
    # Its own tests run the contract tests of this source, because the wheel is on the path.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=EXAMPLE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(wheel), *map(os.path.abspath, filter(None, sys.path))])},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("which", BROKEN)
def test_a_broken_package_is_left_out_with_its_reason(which, tmp_path):
    source, reason = BROKEN[which]
    path = installed(tmp_path, source)
    listed = nearsight("recipes", "--json", path=path)
    assert listed.returncode == 0
    assert "odd" not in {row["name"] for row in json.loads(listed.stdout)}
    assert listed.stderr.startswith("not used: odd of the package outside: ")
    assert reason in listed.stderr
    asked = nearsight("recipes", "odd", path=path)
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
    assert nearsight("index", folder, path=path).returncode == 0
    done = nearsight("search", folder / "1.jpg", "--in", folder, "--json", path=path)
    assert json.loads(done.stdout)["hits"][0]["path"] == "1.jpg"
    done = nearsight("search", folder / "1.jpg", "--in", folder, "--recipe", "gist | flat(metric=odd)", path=path)
    assert done.returncode == 2
    assert "cannot be used: ModuleNotFoundError" in done.stderr
    assert done.stderr.split("\n")[2].index("^") == done.stderr.split("\n")[1].index("odd")


def test_our_own_name_wins_and_the_listing_says_so(tmp_path):
    path = installed(tmp_path, HEAD + METRIC.replace("Odd", "Gist"), name="gist")
    done = nearsight("recipes", "gist", path=path)
    assert (done.returncode, done.stdout.startswith("gist(orientations=")) == (0, True)
    assert done.stderr == "not used: gist of the package outside: nearsight uses that name itself\n"
    assert "nearsight uses that name itself" in nearsight("recipes", path=path).stderr


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
