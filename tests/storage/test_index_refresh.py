"""What approximate indexes keep: made when there are enough images, never trusted, made again from the rows."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib

import numpy as np
import pytest

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.files import LocalFileSystem
from nearsight.storage.array_file import BLOCK_BYTES
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.database import CATALOGUE_FILE, FORMAT_VERSION, record_crc
from nearsight.storage.index_refresh import IndexRefresh
from nearsight.storage.snapshot import IndexStore
from tests.command import nearsight
from tests.storage.older_formats import downgrade

RECIPE = "gist | gistis(cells=6, probes=6, bits=64, rerank=100, exact_below=30)"
EXACT = "gist | flat"


@pytest.fixture
def folder(tmp_path, random_image):
    made = tmp_path / "p"
    made.mkdir()
    for number in range(60):
        random_image(made / f"{number:02}.jpg", number, side=48)
    return made


def index(folder, recipe=RECIPE):
    photos = ns.index(folder, recipe=recipe)
    assert photos.verify() == []
    return photos


def answered(photos, folder, recipe=RECIPE):
    """The paths and distances of the hits of some images."""
    names = sorted(path.name for path in folder.glob("*.jpg"))[::7]
    return {name: [(h.path, h.distance) for h in photos.search(folder / name, recipe=recipe, k=5)] for name in names}


def files(folder):
    return {path.name: path.stat().st_size for path in (folder / ".nearsight" / "indexes").glob("*")}


def kept(photos):
    """What is stored: the parts, joined."""
    plan = photos.pipeline(recipe=RECIPE)
    catalogue = Catalogue(photos.index_dir)
    fitted, parts = IndexStore(photos.index_dir, catalogue, LocalFileSystem()).load(plan, 10**9)
    catalogue.close()
    return fitted, plan.index.merge(parts, np.empty(0, np.int64))


def test_small_collections_are_searched_exactly_and_say_so(folder, random_image):
    later = folder.parent / "later"
    later.mkdir()
    for path in sorted(folder.iterdir())[20:]:
        path.rename(later / path.name)
    with index(folder) as photos:
        assert photos.info()["indexes"] == {RECIPE: "exact: 20 images; gistis is used from 30 on"}
        assert not files(folder)
        assert answered(photos, folder) == answered(photos, folder, EXACT)
    for path in later.iterdir():
        path.rename(folder / path.name)
    with index(folder) as photos:
        assert photos.info()["indexes"] == {RECIPE: "gistis: the rows near the query are compared"}
        assert len(files(folder)) == 2
        assert answered(photos, folder) == answered(photos, folder, EXACT)
    for path in sorted(folder.glob("*.jpg"))[20:]:
        path.unlink()
    with index(folder) as photos:
        assert "exact: 20 images" in photos.info()["indexes"][RECIPE]
        assert not files(folder)


def test_the_index_is_asked_and_not_the_rows(folder, monkeypatch):
    """With one cell looked into and one row looked at, the answer is short of the exact one: the index did answer."""
    near = "gist | gistis(cells=6, probes=1, bits=64, rerank=1, exact_below=30)"
    with index(folder) as photos:
        files_before = files(folder)
        one = photos.search(folder / "07.jpg", recipe=near, k=1)
        assert one[0].path == "07.jpg"
        answers = [photos.search(folder / f"{n:02}.jpg", recipe=near, k=20) for n in range(0, 60, 9)]
        exact = [photos.search(folder / f"{n:02}.jpg", recipe=EXACT, k=20) for n in range(0, 60, 9)]
        pairs = zip(answers, exact, strict=True)
        assert any([hit.id for hit in mine] != [hit.id for hit in theirs] for mine, theirs in pairs)
        assert files(folder) == files_before


def test_changes_cost_work_in_proportion_and_give_what_a_rebuild_gives(folder, random_image):
    index(folder).close()
    before = files(folder)
    for number in range(60, 65):
        random_image(folder / f"{number:02}.jpg", number, side=48)
    (folder / "03.jpg").unlink()
    with index(folder) as photos:
        after = files(folder)
        assert before.items() < after.items()
        assert max(size for name, size in after.items() if name not in before) < 5000
        assert answered(photos, folder) == answered(photos, folder, EXACT)
        fitted, parts = kept(photos)
        rows = dict(_rows(photos))
    plan = ns.open(folder).pipeline(recipe=RECIPE)
    again = plan.index.encode(np.array(list(rows)), np.stack(list(rows.values())), plan.metric, fitted)
    live = np.isin(parts["ids"], list(rows))
    assert np.array_equal(parts["ids"][live], again["ids"])
    assert np.array_equal(parts["codes"][live], again["codes"])


def _rows(photos):
    """Ids and rows of the images that are there."""
    snapshot = photos._reader.snapshot()
    for image in photos.images():
        yield image.id, snapshot.vector(photos.pipeline(recipe=RECIPE), image.id)


def test_a_run_without_changes_leaves_them_alone(folder):
    index(folder).close()
    before = {path: path.stat() for path in (folder / ".nearsight" / "indexes").iterdir()}
    with index(folder) as photos:
        assert photos.summary.unchanged == 60
    assert {path: path.stat() for path in (folder / ".nearsight" / "indexes").iterdir()} == before


def test_many_removals_make_them_anew(folder):
    index(folder).close()
    first = files(folder)
    for number in range(12):
        (folder / f"{number:02}.jpg").unlink()
    with index(folder) as photos:
        assert set(files(folder)) & set(first)
        assert set(files(folder)) != set(first)
        assert len(kept(photos)[1]["ids"]) == 48
        assert answered(photos, folder) == answered(photos, folder, EXACT)


@pytest.mark.parametrize("harm", ["flip", "cut", "missing", "swapped", "row", "names"])
def test_a_damaged_cache_is_never_answered_from(folder, harm):
    with index(folder) as photos:
        wanted = answered(photos, folder, EXACT)
    paths = sorted((folder / ".nearsight" / "indexes").iterdir())
    data = paths[1].read_bytes()
    if harm == "flip":
        paths[1].write_bytes(data[:500] + bytes([data[500] ^ 4]) + data[501:])
    elif harm == "cut":
        paths[0].write_bytes(paths[0].read_bytes()[:-1])
    elif harm == "names":
        not_json(folder / ".nearsight", paths[1])
    elif harm == "missing":
        paths[1].unlink()
    elif harm == "swapped":
        paths[1].write_bytes(paths[0].read_bytes())
    else:
        with sqlite3.connect(folder / ".nearsight" / CATALOGUE_FILE) as db:
            db.execute("UPDATE cache SET length = length + 1 WHERE fitted > 0")
        db.close()
    with ns.open(folder) as photos:
        assert answered(photos, folder) == wanted
        assert "damaged" in photos.info()["indexes"][RECIPE]
        assert photos.verify()
    dropped, summary = repair(folder)
    assert dropped
    assert summary.unchanged == 60
    with ns.open(folder) as photos:
        assert photos.verify() == []
        assert photos.info()["indexes"][RECIPE].startswith("gistis")
        assert answered(photos, folder) == wanted


def not_json(home, path):
    """Put bytes into the list of names that are no JSON, with checksums that agree."""
    data = bytearray(path.read_bytes())
    data[data.index(b"[", 64)] = 0
    path.write_bytes(data)
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        number, key, trained = db.execute("SELECT id, key, fitted FROM cache WHERE id=?", (int(path.stem),)).fetchone()
        sums = np.array([zlib.crc32(data[at : at + BLOCK_BYTES]) for at in range(0, len(data), BLOCK_BYTES)], np.uint32)
        values = (number, key, trained, len(data), sums.tobytes())
        db.execute("INSERT OR REPLACE INTO cache VALUES(?,?,?,?,?,?)", (*values, record_crc(values)))
    db.close()


def test_what_a_killed_run_left_is_swept(folder):
    index(folder).close()
    stray = folder / ".nearsight" / "indexes" / "0000000099.idx"
    stray.write_bytes(b"half")
    index(folder).close()
    assert not stray.exists()


def test_rows_that_came_since_are_found_at_once(folder, random_image, monkeypatch):
    """A reader meets rows that no cache covers yet while a run is under way."""
    index(folder).close()
    random_image(folder / "99.jpg", 99, side=48)
    monkeypatch.setattr(IndexRefresh, "run", lambda self, plans: None)
    with ns.index(folder) as photos:
        assert photos.search(folder / "99.jpg", recipe=RECIPE, k=1)[0].path == "99.jpg"
        assert photos.info()["indexes"][RECIPE].startswith("gistis")


def test_an_index_that_cannot_rank_by_the_metric_says_so(folder):
    recipe = "colour_histogram | ivf(metric=intersection, exact_below=5)"
    with index(folder, recipe) as photos:
        assert photos.info()["indexes"][recipe] == "exact: ivf cannot rank by intersection"
        assert photos.search(folder / "05.jpg", recipe=recipe, k=1)[0].path == "05.jpg"


def test_a_catalogue_of_the_first_format_is_read_and_brought_up(folder):
    with index(folder, EXACT) as photos:
        wanted = answered(photos, folder, EXACT)
    home = folder / ".nearsight"
    downgrade(home, 1)
    shutil.copytree(home, folder.parent / "old")
    with ns.open(folder) as photos:
        assert answered(photos, folder, EXACT) == wanted
        assert photos.info()["images"] == 60
    with index(folder) as photos:
        assert photos.info()["indexes"][RECIPE].startswith("gistis")
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == FORMAT_VERSION
    db.close()


def test_the_command_line_says_which_index_answers(folder):
    index(folder).close()
    assert "gistis: the rows near the query are compared" in nearsight("info", "--in", folder).stdout
    found = json.loads(nearsight("info", "--in", folder, "--json").stdout)
    assert found["indexes"][RECIPE].startswith("gistis")
