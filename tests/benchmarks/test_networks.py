"""The tables of networks and of postings, as small as they can be."""

from __future__ import annotations

import pytest
from benchmarks import networks, postings
from benchmarks.page import main, markers

from nearsight.errors import ModelMissingError
from nearsight.models import store


def table(name, module, page):
    main(name, module.__doc__, module.measure_section, ["--quick", "--out", str(page)])
    written = page.read_text()
    assert markers(name)[1] in written
    return written, [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith("| `")]


def test_networks_are_timed_where_they_are(tmp_path):
    written, rows = table("networks", networks, tmp_path / "page.md")
    try:
        store.require_model("mobilenetv2")
    except ModelMissingError:
        assert "No model was on the machine" in written
        pytest.skip("the model is not on this machine")
    assert rows[0][0] == "`mobilenetv2`"
    assert all(float(each) > 0 for row in rows for each in row[1:])


def test_postings_grow_and_each_image_finds_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(postings, "COUNTS", (500, 1500))
    written, rows = table("postings", postings, tmp_path / "page.md")
    assert [row[:2] for row in rows] == [
        [f"`{kernel}`", count] for kernel in postings.KERNELS for count in ("10", "30")
    ]
    assert all(float(each.replace(",", "")) > 0 for row in rows for each in row[2:])
    assert "half of which show the same plane" in written
