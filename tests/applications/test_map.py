"""The map of a collection: the right rows, in an order by content, by few landmarks where there are many."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import nearsight as ns
from nearsight.applications import map
from nearsight.applications.map import build_map, landmark_count
from nearsight.applications.mds import landmark_mds
from nearsight.errors import DamagedError, UsageError
from nearsight.metrics.emd import Emd
from nearsight.metrics.jensen_shannon import JensenShannon
from nearsight.metrics.l2 import L2


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    from importlib.resources import files

    from tests.conftest import PHOTOGRAPHS

    folder = tmp_path_factory.mktemp("laid") / "photographs"
    (folder / "sub").mkdir(parents=True)
    for number, (package, name) in enumerate(PHOTOGRAPHS):
        (folder / ("sub" if number < 4 else "") / name).write_bytes(files(package).joinpath(name).read_bytes())
    with ns.index(folder, by=["copy", "colour"], recipe=["colour_histogram | flat(metric=emd)"]) as made:
        yield made


def oracle(photos, found, recipe, metric, count=None):
    """The same from the files themselves: described again, compared all at once, scaled into the unit square."""
    rows = ns.describe([photos.root / path for path in found.paths], recipe)
    points = landmark_mds(metric.distances(rows[:count], rows)).points
    extents = np.ptp(points, axis=0)
    return (points - points.min(axis=0)) / extents.max() + (1 - extents / extents.max()) / 2


@pytest.mark.parametrize(
    ("by", "recipe", "metric"), [("copy", "gist", L2()), ("colour", "colour_histogram", JensenShannon())]
)
def test_it_is_the_scaling_of_the_rows(photos, by, recipe, metric):
    found = photos.map(by)
    assert len(found) == len(set(found.ids.tolist())) == found.landmarks == 13
    assert found.positions == pytest.approx(oracle(photos, found, recipe, metric), abs=1e-4)
    assert (found.positions.min(), found.positions.max()) == (0, 1)
    assert 0 < found.explained < 1
    assert 0 < found.stress < 1
    assert found.paths == tuple(
        hit.path for ident in found.ids for hit in photos.search(like=int(ident), by="colour", k=1)
    )


def test_few_landmarks_place_all(photos, monkeypatch):
    monkeypatch.setattr(map, "MAX_DISTANCES", 0)
    monkeypatch.setattr(map, "MIN_LANDMARKS", 8)
    found = photos.map("colour")
    assert (len(found), found.landmarks) == (13, 8)
    assert found.positions == pytest.approx(oracle(photos, found, "colour_histogram", JensenShannon(), 8), abs=1e-4)


def test_a_recipe_and_a_filter(photos):
    found = photos.map(recipe="colour_histogram | flat(metric=emd)", where="folder like 'sub%'")
    assert (len(found), found.metric) == (4, "emd")
    assert all(path.startswith("sub/") for path in found.paths)
    assert found.positions == pytest.approx(oracle(photos, found, "colour_histogram", Emd()), abs=1e-4)
    none = photos.map(where="width > 100000")
    assert (len(none), none.positions.shape, none.landmarks) == (0, (0, 2), 0)
    one = photos.map(where="name = 'coffee.png'")
    assert (one.paths, one.positions.tolist()) == (("coffee.png",), [[0.5, 0.5]])


def test_names_and_order_of_coming_do_not_matter(photos, tmp_path):
    first = photos.map("colour")
    for number, path in enumerate(sorted(first.paths, reverse=True)):
        shutil.copy(photos.root / path, tmp_path / f"{number:02}-{path.rpartition('/')[2]}")
    with ns.index(tmp_path, by=["colour"]) as other:
        second = other.map("colour")
    assert [path[3:] for path in second.paths] == [path.rpartition("/")[2] for path in first.paths]
    assert (second.positions == first.positions).all()


@pytest.mark.parametrize(
    ("count", "wanted"), [(0, 0), (1, 1), (2000, 2000), (4000, 1000), (20_000, 200), (1_000_000, 100)]
)
def test_how_many_are_landmarks(count, wanted):
    assert landmark_count(count, L2(), "l2") == wanted


def test_a_costly_metric_has_few_landmarks_and_an_end(photos, monkeypatch):
    assert [landmark_count(count, Emd(), "emd") for count in (20, 500, 1000)] == [20, 40, 20]
    with pytest.raises(UsageError, match=r"at most 1,000 images can be laid out by it; these are 1,001: filter"):
        landmark_count(1001, Emd(), "emd")
    monkeypatch.setattr(map, "MAX_COSTLY_DISTANCES", 200)
    with pytest.raises(UsageError, match="a distance by emd takes so long that at most 10 images"):
        photos.map(recipe="colour_histogram | flat(metric=emd)")


def test_what_cannot_be_laid_out_is_said(photos):
    with pytest.raises(UsageError, match="nearsight index"):
        photos.map("scene")
    with pytest.raises(UsageError, match="a filter compares"):
        photos.map(where="width")


def test_an_image_without_a_row_is_damage(photos, monkeypatch):
    snapshot, plan = photos._reader.snapshot(), photos.pipeline("colour")
    ids = [*photos.map().ids.tolist(), 99]
    for fewest in (100, 2):
        monkeypatch.setattr(map, "MAX_DISTANCES", 0)
        monkeypatch.setattr(map, "MIN_LANDMARKS", fewest)
        with pytest.raises(DamagedError, match="image 99 has no vector of colour: run nearsight repair"):
            build_map(snapshot, plan, ids, dict.fromkeys(ids, b"x"))
