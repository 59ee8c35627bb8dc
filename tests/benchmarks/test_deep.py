"""The table of what a network sees, as small as it can be: every way is judged, plain and whitened."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import deep, images
from benchmarks.page import Options, main, markers

from nearsight.errors import UsageError
from nearsight.pipeline import build_pipeline
from tests.models.network import convolving


@pytest.fixture
def sets(places, photos, tmp_path, monkeypatch):
    """Few images of each set, and a small network instead of MobileNetV2."""
    weights = np.random.default_rng(3).normal(size=(16, 3, 8, 8)).astype(np.float32)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NEARSIGHT_MODELS", str(convolving(tmp_path / "models", weights)))
    monkeypatch.setattr(deep, "FIRST", "feature_map(model=cells, output=map, side=64)")
    places(6, 96, [4, 4, 40, 40], deep.LEARNT_FROM)
    for folder, side in (("one", 96), ("other", 90)):
        images.write_crops(tmp_path / deep.PAIRED_FROM / folder, photos, 6, side)
        for number, path in enumerate(sorted((tmp_path / deep.PAIRED_FROM / folder).rglob("*.jpg"))):
            path.rename(tmp_path / deep.PAIRED_FROM / folder / f"{number}.jpg")
    return tmp_path


def test_quick_judges_the_first_way_plain_and_whitened(sets, tmp_path):
    page = tmp_path / "page.md"
    main("deep", deep.__doc__, deep.measure_section, ["--quick", "--folder", str(sets), "--out", str(page)])
    written = page.read_text()
    assert markers("deep")[1] in written
    (line,) = [line.strip("| ").split(" | ") for line in written.splitlines() if line.startswith("| average")]
    assert 0 < float(line[2]) <= 100
    assert 0 < float(line[3]) <= 100
    assert "**Places**" in written
    assert "**Kinds**" not in written
    assert all(0 < float(each) <= 100 for each in line[4:8])
    assert line[8] == "64"  # sixteen values of four bytes


def test_every_way_is_a_recipe_that_can_be_learnt():
    ways = deep.recipes(len(deep.POOLED), len(deep.WORDS))
    assert list(ways) == [*deep.POOLED, *deep.WORDS]
    assert [len(way) for way in ways.values()] == [3 + len(deep.ANEW)] * len(deep.POOLED) + [1] * len(deep.WORDS)
    assert len({build_pipeline(each).recipe for way in ways.values() for each in way}) == sum(map(len, ways.values()))


def test_without_a_folder_it_is_said_what_is_missing(tmp_path):
    with pytest.raises(UsageError, match="landmarks or corel1k, photos and captions"):
        deep.measure_section(Options())
    with pytest.raises(UsageError, match="--folder"):
        deep.measure_section(Options(folder=tmp_path))
