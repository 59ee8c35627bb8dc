"""The tables of things and places, of few images and words: each way, each expansion, and the covers."""

from __future__ import annotations

import pytest
from benchmarks import objects
from benchmarks.page import Options, main
from PIL import Image

from nearsight.errors import UsageError


@pytest.fixture
def sets(places, photos, monkeypatch):
    """Few images of each set, and ways of few words."""
    words = "sift(n=80) | asmk(words=kmeans(k=20), bits=32, several=1) | inverted"
    monkeypatch.setattr(objects, "WORDS", {objects.EXPANDED: words})
    monkeypatch.setattr(objects, "ROWS", {"VLAD": "sift(n=80) | vlad(k=4) | flat"})
    folder = places(4, 160, [4, 4, 90, 90], objects.LEARNT_FROM)
    for name, side in (("E63", 150), ("Palm", 120), ("Reference", 200)):
        (folder / "dvd-covers" / name).mkdir(parents=True)
        for number, photo in enumerate(photos[:3]):
            cover = Image.fromarray(photo).resize((side, side))
            cover.save(folder / "dvd-covers" / name / f"{number:03}.jpg")
    return folder


def test_every_way_is_judged_alone_with_geometry_and_with_expansion(sets, tmp_path):
    page = tmp_path / "page.md"
    main("objects", objects.__doc__, objects.measure_section, ["--folder", str(sets), "--out", str(page)])
    lines = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    rows = {line[0]: line for line in lines if len(line) == len(objects.HEAD)}
    assert all(0 < float(each) <= 100 for name in (objects.EXPANDED, "VLAD") for each in rows[name][2:5])
    assert rows["VLAD"][7].count("/") == 2
    expansions = {line[0]: line[1:] for line in lines if line[0] in objects.EXPANSIONS}
    assert expansions.keys() == objects.EXPANSIONS.keys()
    assert all(0 < float(found) <= 100 for _, found in expansions.values())
    covers = [line for line in lines if len(line) == 3 and line[0] == "VLAD"]
    assert all(0 <= float(each) <= 100 for each in covers[0][1:])


def test_without_a_folder_it_is_said_what_is_missing():
    with pytest.raises(UsageError, match="landmarks, dvd-covers"):
        objects.measure_section(Options())
