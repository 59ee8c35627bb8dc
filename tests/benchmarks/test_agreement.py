"""Matches that agree: in another view of the same image many, in other images hardly any."""

from __future__ import annotations

import json

import pytest
from benchmarks import agreement
from benchmarks.page import Options, main
from PIL import Image

from nearsight.errors import UsageError


@pytest.fixture
def views(photos, tmp_path):
    """Three photographs, each in two sizes; the larger one asks, but for a border."""
    folder = tmp_path / "landmarks" / "images"
    folder.mkdir(parents=True)
    asked = []
    for number, photo in enumerate(photos[:3]):
        made = Image.fromarray(photo)
        for name, side in (("far", 300), ("near", 480)):
            made.resize((side, side * made.height // made.width)).save(folder / f"{number}{name}.jpg")
        box = [4, 4, 470, 300]
        asked.append(
            {"query": f"{number}near", "bbx": box, "ok": [f"{number}far"], "junk": [], "landmark": str(number)}
        )
    (tmp_path / "landmarks" / "gt.json").write_text(json.dumps(asked))
    return tmp_path


def test_the_same_is_told_from_others(views, tmp_path):
    page = tmp_path / "page.md"
    main(
        "agreement",
        agreement.__doc__,
        agreement.measure_section,
        ["--quick", "--folder", str(views), "--out", str(page)],
    )
    (line,) = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| `sift")]
    pairs, same, others, most, fewest, found, wrong = line[1:]
    assert pairs == "3 / 12"
    assert float(same) > 3 * float(fewest)
    assert float(others) <= float(most) < float(fewest)
    assert (float(found), float(wrong.strip("| "))) == (100, 0)


def test_without_a_folder_it_is_said_what_is_missing():
    with pytest.raises(UsageError, match="landmarks"):
        agreement.measure_section(Options())
