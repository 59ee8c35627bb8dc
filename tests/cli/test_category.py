"""`--by category` on the command line: what it draws, what it prints, and what it says without the model."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from nearsight.errors import ModelMissingError
from nearsight.models import store
from tests.command import nearsight

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def corel(data):
    try:
        store.require_model("mobilenetv2")
    except ModelMissingError as problem:
        pytest.skip(str(problem))
    return data / "corel1k"


def test_match_says_how_much_and_draws_where(corel, tmp_path):
    out = tmp_path / "both.png"
    given = ("match", corel / "700.jpg", corel / "705.jpg", "--by", "category")
    done = nearsight(*given, "--out", out)
    assert done.returncode == 0  # nothing is judged
    cosine = float(re.match(r"cosine (0\.\d+), where 1 is identical", done.stdout)[1])
    found = json.loads(nearsight(*given, "--json").stdout)
    assert found["verdict"] == ""
    assert np.shape(found["a_shares"]) == np.shape(found["b_shares"]) == (8, 12)
    assert np.sum(found["a_shares"]) == pytest.approx(cosine, abs=1e-3)
    with Image.open(out) as drawn, Image.open(corel / "700.jpg") as plain:
        apart = np.abs(np.asarray(drawn.convert("RGB"), int)[:256, :384] - np.asarray(plain.convert("RGB"), int))
    assert apart.mean() > 20


def test_the_page_shows_where_hits_are_alike(corel, tmp_path):
    folder = tmp_path / "kinds"
    folder.mkdir()
    for number in (*range(400, 408), *range(700, 708)):
        shutil.copy(corel / f"{number}.jpg", folder)
    assert nearsight("index", folder, "--by", "category", "--workers", 1).returncode == 0
    page = tmp_path / "page.html"
    done = nearsight("search", corel / "720.jpg", "--in", folder, "--by", "category", "-k", 3, "--html", page)
    assert re.findall(r"(\d)\d\d\.jpg", done.stdout) == ["7", "7", "7"]
    text = page.read_text("utf8")
    alike = len(re.findall(r'<span class="verdict">not alike', text))
    assert text.count("beside the query, warm where they are alike") == 3 - alike


def test_without_the_model_it_says_what_to_type(photographs, tmp_path):
    bare = {"NEARSIGHT_MODELS": "", "XDG_CACHE_HOME": str(tmp_path / "no"), "HF_HOME": str(tmp_path / "no")}
    done = nearsight("index", photographs, "--by", "category", **bare)
    assert done.returncode == 2
    assert "the model mobilenetv2 is not on this machine: nearsight models add mobilenetv2 FILE" in done.stderr
    coffee = photographs / "coffee.png"
    done = nearsight("match", coffee, coffee, "--by", "category", **bare)
    assert (done.returncode, "nearsight models add mobilenetv2 FILE" in done.stderr) == (2, True)
    for path in sorted(photographs.rglob("*.*"))[4:]:
        path.unlink()
    judged = ("compare", photographs, "--kinds", "stored", "--sample", 1, "--json")
    done = nearsight(*judged, **bare)
    assert done.returncode == 0, done.stderr
    names = [trial["name"] for trial in json.loads(done.stdout)["trials"]]
    assert {"copy", "colour", "sketch"} <= set(names)
    assert "category" not in names
