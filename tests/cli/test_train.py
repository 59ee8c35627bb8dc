"""nearsight train, and its file used by other collections with --trained."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.command import nearsight
from tests.search.scenes import folder_of, save, texture

pytestmark = pytest.mark.usefixtures("in_this_process")

OBJECTS = "sift(n=200) | asmk(words=kmeans(k=64), several=1) | inverted | spatial(inliers=8)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("train") / "images", others=3)


@pytest.fixture(scope="module")
def trained(folder):
    """A file of `train`, and its report."""
    out = folder.parent / "trained.npz"
    done = nearsight("train", folder, "--recipe", OBJECTS, "--recipe", "gist | pca(dim=4)", "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_train_reports_its_recipes_and_file(trained):
    out, report = trained
    assert report["file"] == str(out)
    assert report["bytes"] == out.stat().st_size > 10_000
    assert [text.split("(")[0] for text in report["recipes"]] == ["sift", "gist"]


@pytest.fixture(scope="module")
def other(trained):
    """Another folder, indexed with the trained file."""
    made = folder_of(trained[0].parent / "other", others=1)
    done = nearsight("index", made, "--recipe", OBJECTS, "--trained", trained[0], "--json")
    assert json.loads(done.stdout)["added"] == 5, done.stderr
    return made


def test_a_trained_file_serves_other_collections(folder, other, trained):
    asked = ("search", folder / "thing.png", "--in", other, "--recipe", OBJECTS, "--box", "60,40,240,180", "--json")
    found = json.loads(nearsight(*asked).stdout)
    assert found["verdict"] == "found"
    assert {hit["path"] for hit in found["hits"] if hit["verdict"] == "the same thing"} == {"thing.png", "scene.png"}
    again = nearsight("index", other, "--trained", trained[0], "--json")
    assert json.loads(again.stdout)["unchanged"] == 5


def test_the_example_of_the_help_runs_and_says_what_to_do_next(folder, tmp_path):
    example = re.search(r"Example: nearsight (train .*\.npz)", nearsight("train", "--help").stdout)[1]
    command = [part.replace("~/photos", str(folder)) for part in shlex.split(example)]
    said = nearsight(*command, cwd=tmp_path).stdout
    assert said.startswith("trained: sift(")
    assert re.search(r"npz: \d\.\d MB; use it: nearsight index FOLDER --recipe RECIPE --trained", said)
    assert len(list(tmp_path.glob("*.npz"))) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "{folder}", "--recipe", "phash", "--out", "{tmp}/x.npz"), "need no training"),
        (("train", "{tmp}/none", "--recipe", OBJECTS, "--out", "{tmp}/x.npz"), "is not a folder"),
        (("train", "{tmp}", "--recipe", OBJECTS, "--out", "{tmp}/x.npz"), "cannot be trained on these images"),
        (("train", "{folder}", "--recipe", "sift | asnk", "--out", "{tmp}/x.npz"), 'did you mean "asmk"?'),
        (("index", "{tmp}", "--recipe", OBJECTS, "--trained", "{tmp}/q.png"), "is no file of nearsight train"),
        (("train", "{tmp}", "--recipe", OBJECTS, "--out", "{tmp}/none/x.npz"), "none is not a folder"),
        (("index", "{tmp}", "--recipe", "phash", "--trained", "{trained}"), "none of the requested recipes does"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_two(arguments, says, folder, trained, tmp_path):
    save(texture(1)[:1, :1], tmp_path / "q.png")
    done = nearsight(*(part.format(folder=folder, tmp=tmp_path, trained=trained[0]) for part in arguments))
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert not (tmp_path / "x.npz").exists()


def test_records_are_not_exported_mapped_or_described(folder, other, tmp_path):
    there = ("--in", other, "--recipe", OBJECTS)
    for arguments, says in (
        (("map", other, *there[2:], "--html", tmp_path / "map.html"), "visual words, which are not laid out"),
        (("export", *there, "--format", "two-file", "--out", tmp_path / "base"), "is trained on its collection"),
        (("describe", folder / "thing.png", "--recipe", OBJECTS), "learns from a collection first"),
    ):
        done = nearsight(*arguments)
        assert done.returncode == 2, done.stdout
        assert says in " ".join(done.stderr.split())
