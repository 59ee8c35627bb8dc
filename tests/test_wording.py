"""Counts with their nouns: each message that counts, where it counts one."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.cli.map import _map_line
from nearsight.errors import RecipeError, UsageError
from nearsight.evaluation.ground_truth import GroundTruth
from nearsight.evaluation.measures import average_precision, micro_average_precision
from nearsight.wording import plural
from tests.command import nearsight


@pytest.mark.parametrize(
    ("count", "nouns", "text"),
    [
        (0, ("image",), "0 images"),
        (1, ("image",), "1 image"),
        (2, ("image",), "2 images"),
        (1, ("query", "queries"), "1 query"),
        (12345, ("query", "queries"), "12,345 queries"),
    ],
)
def test_a_count_has_its_noun(count, nouns, text):
    assert plural(count, *nouns) == text


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A folder of one image, indexed."""
    folder = tmp_path_factory.mktemp("one") / "photos"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    Image.fromarray(noise).save(folder / "0.jpg")
    ns.index(folder, by=["colour"], recipe="gist | gistis(exact_below=30)").close()
    return folder


def test_a_collection_of_one_image_is_told_of_in_the_singular(one, tmp_path):
    info = nearsight("info", "--in", one).stdout
    assert info.startswith("1 image of ")
    assert "exact: 1 image; gistis is used from 30 on" in info
    page = tmp_path / "page.html"
    found = nearsight("search", one / "0.jpg", "--in", one, "--by", "colour", "--html", page)
    assert "1 image searched" in found.stdout + found.stderr
    assert "among 1 image, by" in page.read_text("utf8")
    assert nearsight("describe", one / "0.jpg", "--out", tmp_path / "rows.npy").stdout.startswith("1 vector of 960 ")
    base = nearsight("export", "--in", one, "--by", "colour", "--format", "two-file", "--out", tmp_path / "base").stdout
    assert "bytes; " in base


def test_one_image_that_the_words_lack_is_one(one):
    with sqlite3.connect(one / ".nearsight" / "catalogue.sqlite") as db:
        before = db.execute("SELECT rowid, tokens FROM words").fetchall()
        db.execute("UPDATE words SET tokens='other'")
    with ns.open(one) as photos:
        assert "the full-text index does not agree with 1 image" in [problem.what for problem in photos.verify()]
    with sqlite3.connect(one / ".nearsight" / "catalogue.sqlite") as db:
        db.executemany("UPDATE words SET tokens=? WHERE rowid=?", [(text, row) for row, text in before])
    db.close()


def test_a_disk_that_is_gone_held_one_image(one, tmp_path):
    home = tmp_path / "home"
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "0.jpg").write_bytes((one / "0.jpg").read_bytes())
    ns.index(folder, by=["colour"], collection=home).close()
    (folder / "0.jpg").unlink()
    with pytest.raises(UsageError, match="its collection holds 1 image: is a disk not mounted"):
        ns.index(folder, collection=home)


def test_a_method_of_one_parameter_takes_one_argument():
    with pytest.raises(RecipeError, match=r"flat takes at most 1 argument \(metric\); got 2"):
        ns.describe(np.zeros((8, 8, 3), np.uint8), "gist | flat(l2, 3)")


def test_what_lacks_queries_counts_one_image():
    with pytest.raises(UsageError, match="got 1 image and 0 queries in"):
        GroundTruth("classes", "folder", ("a.jpg",), (), ())


def test_measures_count_one_pair():
    with pytest.raises(ValueError, match="at most 0 positive pairs, at least 1; got 1 score, 1 positive of 1 pair"):
        micro_average_precision([0.5], [True], 0)
    with pytest.raises(ValueError, match="at most 1 different 0-based rank; got"):
        average_precision([0, 1], 1)


@pytest.mark.parametrize(
    ("count", "held", "text"),
    [
        (1, 1, "1 image; similar ones lie near each other. Where"),
        (2, 1, "1 of them, chosen at random, is shown; the other one is a dot with its name."),
        (5, 3, "3 of them, chosen at random, are shown; the other 2 are dots with names."),
    ],
)
def test_the_line_of_a_map(count, held, text):
    assert text in _map_line(count, held)


def test_one_query_altered_in_one_way(one):
    done = nearsight("compare", one, "--recipe", "tiny", "--kinds", "grey", "--sample", 1)
    assert "1 image, 1 of them as a query altered in 1 way" in done.stdout, done.stderr
