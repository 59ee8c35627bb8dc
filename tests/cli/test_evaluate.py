"""evaluate and compare as their user runs them."""

from __future__ import annotations

import csv
import io
import json
import os
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from nearsight.cli._evaluation import DEFAULT_KINDS, default_recipes
from nearsight.cli._printing import split_columns
from nearsight.evaluation.protocols.registry import PROTOCOLS
from nearsight.evaluation.simulated_queries import QUERY_KINDS
from nearsight.pipeline import build_pipeline, build_pipelines
from nearsight.registry import methods
from nearsight.senses import SENSES
from tests.command import nearsight

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of three images: one in reds, one in blues."""
    made = tmp_path_factory.mktemp("judge") / "images <b>"
    for number, name in enumerate(("reds", "blues")):
        (made / name).mkdir(parents=True)
        for each in range(3):
            blobs = np.random.default_rng(10 * number + each).integers(0, 256, (9, 12, 3))
            blobs[:, :, 2 - 2 * number] //= 4
            image = Image.fromarray(blobs.astype(np.uint8)).resize((120, 90), Image.Resampling.BICUBIC)
            image.save(made / name / f"{each}.png")
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("kept") / "home"


def test_evaluate_prints_a_table_and_writes_a_page(folder, home, tmp_path):
    page = tmp_path / "judged.html"
    given = (
        "--data",
        folder,
        "--recipe",
        "colour_histogram",
        "--recipe",
        "phash",
        "--collection",
        home,
        "--html",
        page,
    )
    done = nearsight("evaluate", "classes", *given)
    assert done.returncode == 0, done.stderr
    assert "classes: 6 queries among 6 images" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(("colour_histogram", "phash"))]
    assert [len(row) for row in rows] == [9, 9]
    assert float(rows[0][1]) > float(rows[1][1])
    assert float(rows[0][3]) == 0.0
    assert [row[-1] for row in rows] == ["1,024", "8"]
    text = page.read_text("utf8")
    assert text.count("<polyline") == 2
    assert text.count("data:image/jpeg;base64,") == 2 * 5 * (1 + 5)
    assert not (folder / ".nearsight").exists()


def test_evaluate_answers_in_json(folder, home):
    given = ("--data", folder, "--by", "colour", "--queries", 2, "--collection", home, "--json")
    made = json.loads(nearsight("evaluate", "classes", *given).stdout)
    assert made["protocol"] == "classes"
    assert (made["images"], made["asked"], made["unread"]) == (6, 2, 0)
    assert [each["name"] for each in made["trials"]] == ["colour"]
    assert made["trials"][0]["recipe"].startswith("colour_histogram(space=hsv")
    questions = made["trials"][0]["questions"]
    assert [each["group"] for each in questions] == ["blues", "reds"]
    assert made["trials"][0]["figures"]["1-NN error"] == 100 - 50 * sum(0 in each["places"] for each in questions)


def test_evaluate_lists_the_protocols_and_says_what_is_wrong(folder):
    listed = nearsight("evaluate").stdout
    assert all(f"\n{name} " in listed for name in PROTOCOLS)
    assert [each["name"] for each in json.loads(nearsight("evaluate", "--json").stdout)] == list(PROTOCOLS)
    done = nearsight("evaluate", "classes")
    assert done.returncode == 2
    assert "--data is missing, the folder of the data set: nearsight evaluate classes --data FOLDER" in done.stderr
    done = nearsight("evaluate", "holidays", "--data", folder)
    assert done.returncode == 2
    assert "lacks the images: expected jpg or images in it" in done.stderr
    done = nearsight("evaluate", "classes", "--data", folder, "--recipe", "pash")
    assert done.returncode == 2
    assert 'did you mean "phash"' in done.stderr


def test_compare_judges_by_kinds_and_by_subfolders(folder, home, tmp_path):
    page = tmp_path / "compared.html"
    given = ("--recipe", "colour_histogram", "--recipe", "phash", "--kinds", "stored,mirror,grey", "--sample", 4)
    done = nearsight("compare", folder, *given, "--collection", home, "--html", page)
    assert done.returncode == 0, done.stderr
    assert "6 images, 4 of them as queries altered in 3 ways; 2 subfolders as classes, 6 class queries" in done.stdout
    lines = [line.split() for line in done.stdout.splitlines()]
    start = lines.index(["recipe", "stored", "mirror", "grey"])
    found = {line[0]: line[1:] for line in lines[start + 1 : start + 3]}
    assert found["colour_histogram"][:2] == ["100", "100"]
    assert found["phash"][::2] == ["100", "100"]
    text = page.read_text("utf8")
    assert text.count("<rect") == 6
    assert "Recipes compared on images &lt;b&gt;" in text
    assert "<b>.png" not in text
    assert os.listdir(folder.parent) == [folder.name]


def test_kinds_are_printed_in_parts_as_wide_as_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    kinds = list(QUERY_KINDS)
    parts = list(split_columns(kinds, 20))
    assert [kind for part in parts for kind in part] == kinds
    assert all(sum(len(kind) + 2 for kind in part) <= 60 for part in parts)
    assert all(sum(len(kind) + 2 for kind in [*a, b[0]]) > 60 for a, b in pairwise(parts))


def test_compare_without_classes_and_in_json(folder, home):
    given = ("--recipe", "phash", "--kinds", "stored", "--sample", 1, "--json")
    made = json.loads(nearsight("compare", folder / "reds", *given).stdout)
    assert made["trials"][0]["figures"] == {"rank 1": 100.0}
    assert made["trials"][0]["kinds"] == {"stored": 100.0}
    assert made["classes"] == 0
    done = nearsight("compare", folder, "--kinds", "scribbled")
    assert done.returncode == 2
    assert 'no kind of query "scribbled"; there are: ' in done.stderr
    assert nearsight("compare", folder / "nowhere").returncode == 2


def test_what_is_compared_by_default():
    assert set(DEFAULT_KINDS) <= set(QUERY_KINDS)
    keys = {each.key for each in build_pipelines(SENSES) if not each.rerankers}
    recipes = default_recipes()
    assert "phash" in recipes
    assert set(recipes) <= set(methods("descriptors", "hashes"))
    assert not keys & {build_pipeline(each).key for each in recipes}
    assert next(csv.reader(io.StringIO(",".join(DEFAULT_KINDS)))) == list(DEFAULT_KINDS)


def test_evaluate_judges_recipes_together_too(folder, home):
    given = ("--data", folder, "--recipe", "colour_histogram", "--recipe", "phash", "--collection", home)
    report = json.loads(nearsight("evaluate", "classes", *given, "--fuse", "reciprocal", "--json").stdout)
    names = [trial["name"] for trial in report["trials"]]
    assert names == ["colour_histogram", "phash", "colour_histogram + phash, fused by reciprocal"]
    wrong = nearsight("evaluate", "classes", *given, "--fuse", "best")
    assert (wrong.returncode, "reciprocal or scores" in wrong.stderr) == (2, True)
