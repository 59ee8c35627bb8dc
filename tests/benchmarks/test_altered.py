"""The table of alterations: every kind has its family, and the shares are those of the outcomes."""

from __future__ import annotations

import pytest
from benchmarks import altered, images
from benchmarks.page import Options, main, markers

from nearsight.errors import UsageError
from nearsight.evaluation.attacks import ATTACKS

COPY = "gist | flat | verify(n=2)"


def test_every_kind_has_a_family_and_every_family_a_kind():
    assert {altered.family(kind) for kind in ATTACKS} == set(altered.FAMILIES)
    assert altered.family("small-jpeg20") == "quarter size, JPEG"
    assert altered.family("jpeg20") == "JPEG"


def test_quick_judges_each_alone_and_fused(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(altered, "METHODS", {"DCT hash": "phash", "VLAD": "sift(n=40) | vlad(k=2)", "copy": COPY})
    monkeypatch.setattr(altered, "BESIDE", {"copy, VLAD": ("copy", ("VLAD",))})
    monkeypatch.setattr(altered, "ATTACKS", dict.fromkeys(["jpeg20", "mirror"]))
    for folder in (*altered.INDEXED, altered.LEARNT_FROM):
        images.write_crops(tmp_path / folder, photos, 4, 96)
    page = tmp_path / "page.md"
    monkeypatch.setattr(altered, "FAMILIES", {each: altered.FAMILIES[each] for each in ("JPEG", "turned and mirrored")})
    main(
        "altered", altered.__doc__, altered.measure_section, ["--quick", "--folder", str(tmp_path), "--out", str(page)]
    )
    written = page.read_text()
    assert markers("altered")[1] in written
    rows = [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith("| ")]
    assert rows[0] == ["altered by", "DCT hash", "VLAD", "copy", "hash + VLAD", "copy, VLAD"]
    found = {row[0]: [float(each) for each in row[1:]] for row in rows[2:]}
    assert found["JPEG"][0] == 100
    assert found["all"][4] >= found["all"][2]
    halves = zip(found["JPEG"], found["turned and mirrored"], strict=True)
    assert found["all"] == pytest.approx([sum(each) / 2 for each in halves])


def test_without_a_folder_it_is_said_what_is_missing():
    with pytest.raises(UsageError, match="photos, captions and corel1k"):
        altered.measure_section(Options())
