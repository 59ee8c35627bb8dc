"""A package that brings methods: the example in examples/, as a wheel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import in_one_process

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "nearsight-projection"


def nearsight(*arguments: object, path: Path) -> subprocess.CompletedProcess[str]:
    """The command with one more package on its path."""
    environment = {**os.environ, "COLUMNS": "200"}
    environment["PYTHONPATH"] = os.pathsep.join([str(path), *map(os.path.abspath, filter(None, sys.path))])
    command = [sys.executable, "-m", "nearsight", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert "Traceback" not in done.stderr, done.stderr
    return done


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
    asked = ("search", tmp_path / "page.png", "--in", pages, "--json", "--recipe")
    commands = [
        ("recipes", "projection"),
        ("recipes",),
        ("index", pages, "--recipe", "projection | flat | vary(weight=.3)", "--json"),
        (*asked, "projection"),
        (*asked, "projection | flat | vary(weight=.9)"),
    ]
    one, listed, done, plain, varied = in_one_process(commands, wheel)
    assert "projection(length=64)" in one.stdout
    assert "Moves hits back" in listed.stdout
    assert listed.stderr == ""
    assert json.loads(done.stdout)["images"] == 6, done.stderr
    plain, varied = (json.loads(each.stdout)["hits"] for each in (plain, varied))
    assert {hit["path"] for hit in plain[:2]} == {"2.png", "2-again.png"}
    assert varied[0]["path"] == plain[0]["path"]
    assert varied[-1]["path"] == plain[1]["path"]


def test_a_refiner_without_verdicts_leaves_them_to_the_distance(wheel, tmp_path, random_image):
    folder = tmp_path / "images"
    folder.mkdir()
    for seed in range(12):
        random_image(folder / f"{seed}.png", seed)
    random_image(tmp_path / "strange.png", 99)
    asked = ("--in", folder, "--json", "--recipe")
    commands = [
        ("index", folder, "--recipe", "tiny | flat"),
        ("search", folder / "3.png", *asked, "tiny | flat | vary"),
        ("search", folder / "3.png", *asked, "tiny | flat"),
        ("search", tmp_path / "strange.png", *asked, "tiny | flat | vary"),
    ]
    indexed, done, plain, strange = in_one_process(commands, wheel)
    assert indexed.returncode == 0
    found, plain = json.loads(done.stdout), json.loads(plain.stdout)
    assert (done.returncode, found["verdict"]) == (0, ""), done.stderr
    first = found["hits"][0]
    assert (first["path"], first["verdict"], first["score"]) == ("3.png", "", 1)
    assert "nearer than all of 66 random pairs" in first["why"]
    judged = [{hit["path"]: (hit["verdict"], hit["score"]) for hit in each["hits"]} for each in (found, plain)]
    assert judged[0] == judged[1]
    assert {hit["alike"] for hit in json.loads(strange.stdout)["hits"]} == {None}


def test_without_the_package_a_collection_answers_by_the_rest(wheel, pages, tmp_path):
    assert nearsight("index", pages, "--by", "copy", "--recipe", "projection", path=wheel).returncode == 0
    asked = ("search", tmp_path / "page.png", "--in", pages)
    commands = [
        (*asked, "--by", "copy", "--json"),
        (*asked, "--recipe", "gist", "--json"),
        ("verify", "--in", pages),
        (*asked, "--recipe", "projection"),
    ]
    copies, near, verified, done = in_one_process(commands, tmp_path)
    assert json.loads(copies.stdout)["hits"], copies.stderr
    assert json.loads(near.stdout)["hits"], near.stderr
    assert verified.stdout == "clean\n"
    assert (done.returncode, 'no method "projection"' in done.stderr) == (2, True)


def test_without_the_package_a_collection_is_kept_up_to_date_and_can_let_go_of_it(wheel, pages, tmp_path):
    recipe = "projection | flat | vary(weight=.3)"
    assert nearsight("index", pages, "--by", "copy", "--recipe", recipe, path=wheel).returncode == 0
    (pages / "4.png").unlink()
    said = (
        'not used: projection | flat | vary(weight=0.3): there is no method "projection"; install or update the '
        "package that brings the method, or take the recipe out: "
        f"nearsight index {pages} --drop 'projection | flat | vary(weight=0.3)'\n"
    )
    told = {
        ("index", pages): "1 removed, 5 unchanged",
        ("index", pages, "--by", "colour"): "5 completed",
        ("repair", "--in", pages): "5 unchanged",
        ("verify", "--in", pages): "clean",
    }
    *kept, again, info = in_one_process([*told, ("index", pages), ("info", "--in", pages)], tmp_path)
    for done, (command, expected) in zip(kept, told.items(), strict=True):
        assert (done.returncode, done.stderr, expected in done.stdout) == (0, said, True), (command, done)
    assert "searchable by copy, part, colour\n" in again.stdout
    assert said.partition(": there")[2].strip() in info.stdout

    def segments():
        return {path: path.stat().st_size for path in (pages / ".nearsight" / "segments").iterdir()}

    before = segments()
    dropped, silent = in_one_process([("index", pages, "--drop", recipe, "--json"), ("index", pages)], tmp_path)
    gone = before.keys() - segments().keys()
    assert gone
    freed = {"recipes": ["projection | flat | vary(weight=0.3)"], "bytes": sum(before[path] for path in gone)}
    assert json.loads(dropped.stdout)["dropped"] == freed
    assert (silent.returncode, silent.stderr) == (0, "")
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
