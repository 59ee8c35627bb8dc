"""The tables of how well recipes find: which recipes, in which order, and the figure's bars."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from benchmarks import images, kinds, quality
from benchmarks.chart import chart
from benchmarks.page import Options
from PIL import Image

from nearsight.errors import UsageError
from nearsight.evaluation.protocols.classes import read_classes
from nearsight.evaluation.published import PUBLISHED
from nearsight.pipeline import build_pipeline
from nearsight.registry import installed_plugins, methods

NETWORKS = {"onnx", "joint"}


def test_every_descriptor_of_whole_images_is_judged():
    ours = set(methods("descriptors", "hashes")) - NETWORKS - {plugin.name for plugin in installed_plugins()}
    assert {recipe.partition("(")[0].partition(" ")[0] for recipe in quality.RECIPES} == ours
    assert len({build_pipeline(recipe).recipe for recipe in quality.usable_recipes(quality.RECIPES)}) == len(
        quality.usable_recipes(quality.RECIPES)
    )
    assert set(quality.PAPER) <= set(quality.RECIPES)
    assert set(quality.PAPER.values()) <= set(PUBLISHED["corel1k"].figures)


@pytest.fixture
def two_classes(tmp_path):
    """Red and blue images with random lines: colours tell the classes, average hashes do not."""
    rng = np.random.default_rng(0)
    for name, colour in (("red", (220, 30, 30)), ("blue", (30, 30, 220))):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(4):
            image = np.full((64, 64, 3), colour, np.uint8)
            image[rng.integers(0, 2, (64, 64)).astype(bool)] //= 2
            Image.fromarray(image).save(tmp_path / "set" / name / f"{number}.png")
    return read_classes("classes", tmp_path / "set")


def test_recipes_are_judged_and_ranked(two_classes):
    made = quality.evaluate_recipes(two_classes, ["average_hash", quality.RGB], 1)
    assert [each.recipe for each in made] == [quality.RGB, "average_hash"]
    assert made[0].figures["mAP"] == 100
    assert made[1].figures["mAP"] < 100
    first, last = (each.row() for each in made)
    assert first[:6] == [f"`{quality.RGB}`", "`jensen_shannon`", "100.0", "100.0", "0.0", "2,048"]
    assert first[7] == "50.5 / 16.9"
    assert last[:2] == ["`average_hash`", "`hamming`"]
    assert (last[5], last[7]) == ("8", "")
    assert float(first[6]) > 0


def test_without_a_folder_it_is_said_what_is_missing():
    for module in (quality, kinds):
        with pytest.raises(UsageError, match="--folder"):
            module.measure_section(Options())


def test_the_bars_are_as_long_as_their_shares():
    text = chart({"one & two": ["a", "b"], "rest": ["c"]}, {"x": "kind|x", "y": "y"}, SHARES)
    drawn = [each for each in ElementTree.fromstring(text).iter() if each.tag.endswith("rect")][1:]
    grounds, bars = drawn[::2], drawn[1::2]
    full = float(grounds[0].get("width"))
    assert [float(bar.get("width")) / full for bar in bars] == pytest.approx([0, 1, 0.5, 0.25, 1, 0.1], abs=0.01)
    assert len({bar.get("y") for bar in bars}) == 3
    assert len({bar.get("fill") for bar in bars}) == 2
    assert "one &amp; two" in text


SHARES = {"a": {"x": 0.0, "y": 100.0}, "b": {"x": 50.0, "y": 25.0}, "c": {"x": 100.0, "y": 10.0}}


def test_kinds_writes_table_and_figure(photos, tmp_path, monkeypatch):
    images.write_crops(tmp_path / "all", photos, 6, 96)
    monkeypatch.setattr(kinds, "GROUPS", {"by content": ("colour",), "hashes": ("dhash",)})
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    monkeypatch.setattr(sys, "argv", ["kinds", "--quick", "--folder", str(tmp_path / "all"), "--out", str(page)])
    kinds.main()
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith(("| `", "| method"))]
    assert rows[0][1:3] == ["stored", "scan-shift"]
    assert [row[:2] for row in rows[1:]] == [["| `colour`", "100"], ["| `dhash`", "100"]]
    figure = (page.parent / "images" / "kinds.svg").read_text()
    assert figure.count("<rect") == 1 + 2 * 2 * len(kinds.KINDS)
