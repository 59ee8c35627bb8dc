"""What is found depends on what was learnt from: learnt from each part, and asked as in the table before."""

from __future__ import annotations

import pytest
from benchmarks import samples
from benchmarks.page import Options, main

from nearsight.errors import UsageError


def test_each_part_is_learnt_from(places, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "ROWS", {"few words": "sift(n=60) | vlad(k=4) | flat"})
    places(4, 160, [4, 4, 90, 90], samples.LEARNT_FROM)
    page = tmp_path / "page.md"
    main(
        "samples", samples.__doc__, samples.measure_section, ["--quick", "--folder", str(tmp_path), "--out", str(page)]
    )
    lines = [line.strip("| ").split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    assert lines[0] == ["mAP, %", "photos, captions, corel1k", "photos, captions", "corel1k"]
    assert lines[2][0] == "few words"
    assert all(0 < float(each) <= 100 for each in lines[2][1:])


def test_without_a_folder_it_is_said_what_is_missing():
    with pytest.raises(UsageError, match="landmarks, photos"):
        samples.measure_section(Options())
