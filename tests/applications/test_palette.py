"""Colours picked from an image, and histograms as numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.descriptors.dominant_colours import DominantColours
from nearsight.errors import UsageError
from tests.cli.test_cli import nearsight


@pytest.fixture
def flag(tmp_path):
    """Sixty by forty: the left third red, the rest white, with one black pixel in the white."""
    pixels = np.full((40, 60, 3), 255, np.uint8)
    pixels[:, :20] = (200, 30, 30)
    pixels[20, 40] = 0
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    return tmp_path / "flag.png"


def rgb(colour):
    return np.frombuffer(bytes.fromhex(colour[1:]), np.uint8).astype(int)


def test_colours_at_points(flag):
    assert ns.colours(flag, [(5, 5)]) == {"#c81e1e": 1.0}
    assert ns.colours(flag, [(5, 5), (50, 5), (5, 30), (8, 8)]) == {"#c81e1e": 0.75, "#ffffff": 0.25}
    assert ns.colours(flag, [(0, 0), (59, 39)]) == {"#c81e1e": 0.5, "#ffffff": 0.5}
    assert ns.colours(flag, [(40, 20)]) == {"#f5f5f5": 1.0}  # 24 white pixels and a black one
    assert ns.colours(np.asarray(Image.open(flag)), [(5, 5)]) == {"#c81e1e": 1.0}


def test_main_colours(flag):
    found = ns.colours(flag, n_colours=2)
    assert next(iter(found)) == "#ffffff"
    assert np.abs(rgb(list(found)[1]) - (200, 30, 30)).max() <= 1
    assert list(found.values()) == pytest.approx([2 / 3, 1 / 3], abs=0.01)
    (alone,) = ns.colours(flag, n_colours=3, box=(0, 0, 15, 40))
    assert np.abs(rgb(alone) - (200, 30, 30)).max() <= 1
    assert sum(ns.colours(flag).values()) == pytest.approx(1)


def test_the_largest_share_comes_first(flag, monkeypatch):
    assert list(ns.colours(flag, [(5, 5), (50, 5), (50, 8)]).items()) == [("#ffffff", 2 / 3), ("#c81e1e", 1 / 3)]
    assert list(ns.colours(flag, [(5, 5), (50, 5)])) == ["#c81e1e", "#ffffff"]
    red, white = (0.4, 40.0, 60.0, 40.0), (0.3, 100.0, 0.0, 0.0)
    monkeypatch.setattr(DominantColours, "describe", lambda self, images: np.float32([[*red, *white, *white]]))
    first, last = ns.colours(flag, n_colours=3).items()
    assert first == ("#ffffff", pytest.approx(0.6))
    assert last[1] == pytest.approx(0.4)


def test_points_and_a_box_exclude_each_other(flag):
    with pytest.raises(UsageError, match="at points or in a box, not both"):
        ns.colours(flag, [(5, 5)], box=(0, 0, 10, 10))


def test_what_is_outside_is_refused(flag):
    for point in ((60, 5), (5, 40), (-1, 5), (float("nan"), 5)):
        with pytest.raises(UsageError, match="60 x 40 pixels"):
            ns.colours(flag, [point])
    with pytest.raises(UsageError, match="1 to 64"):
        ns.colours(flag, n_colours=0)


def test_picked_colours_ask(photographs):
    """The main colours of an image find it; so does its histogram, and amounts in another unit the same."""
    with ns.index(photographs, by=["copy", "colour"]) as photos:
        for name in ("coffee.png", "rocket.jpg"):
            picked = ns.colours(photographs / name, n_colours=8)
            assert name in [hit.path for hit in photos.search(colours=picked, k=2)]
            (row,) = ns.describe([photographs / name], "colour_histogram")
            hits = photos.search(histogram=row.tolist(), k=5)
            assert {each.explanation.sentence for each in hits} == {"in the order of the distance to this histogram"}
            assert (hits[0].path, round(hits[0].score, 4)) == (name, 1.0)
            again = photos.search(histogram=(row.astype(float) * 7e5).tolist(), k=5)
            assert [hit.path for hit in again] == [hit.path for hit in hits]
        for wrong in ([1.0] * 255, [0.0] * 256, [-1.0] * 256, [float("nan")] * 256, []):
            with pytest.raises(UsageError, match="256 numbers of 0 or larger"):
                photos.search(histogram=wrong)
        with pytest.raises(UsageError, match="takes no histogram"):
            photos.search(histogram=row.tolist(), by="copy")
        with pytest.raises(UsageError, match="one of them; got an image and a histogram"):
            photos.search(photographs / "coffee.png", histogram=row.tolist(), by="colour")


def test_the_commands(photographs, flag, tmp_path):
    ns.index(photographs, by=["colour"]).close()
    assert nearsight("colours", flag, "--at", "5,5", "--at", "50,5").stdout == "#c81e1e:0.5,#ffffff:0.5\n"
    assert json.loads(nearsight("colours", flag, "-n", 2, "--json").stdout) == ns.colours(flag, n_colours=2)
    picked = nearsight("colours", photographs / "rocket.jpg", "-n", 8).stdout.strip()
    asked = nearsight("search", "--colour", picked, "--in", photographs, "-k", 2)
    assert "rocket.jpg" in asked.stdout
    (row,) = ns.describe([photographs / "coffee.png"], "colour_histogram")
    np.save(tmp_path / "row.npy", row)
    (tmp_path / "row.txt").write_text(str(row.tolist()))
    for file in ("row.npy", "row.txt"):
        told = nearsight("search", "--histogram", tmp_path / file, "--in", photographs, "-k", 1, "--json").stdout
        assert json.loads(told)["hits"][0]["path"] == "coffee.png"
    (tmp_path / "bad.txt").write_text("1, two")
    refused = nearsight("search", "--histogram", tmp_path / "bad.txt", "--in", photographs)
    assert (refused.returncode, "a file of numbers" in refused.stderr) == (2, True)
    assert nearsight("colours", flag, "--at", "5").returncode == 2
