"""Damage: found, never answered from, mended."""

from __future__ import annotations

import os
import shutil
import sqlite3

import numpy as np
import pytest

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.errors import DamagedError, NearsightError, UsageError
from nearsight.storage.array_file import SEGMENTS_FOLDER
from nearsight.storage.database import CATALOGUE_FILE
from tests.command import nearsight
from tests.storage.older_formats import downgrade


@pytest.fixture(scope="module")
def sound(tmp_path_factory, random_image, in_this_process):
    """A collection of 40 small images, closed; nobody changes it."""
    folder = tmp_path_factory.mktemp("sound") / "p"
    folder.mkdir()
    for number in range(40):
        random_image(folder / f"{number:02}.jpg", number)
    ns.index(folder, recipe=["gist | flat", "phash"]).close()
    return folder


@pytest.fixture
def home(sound, tmp_path):
    """A copy of the sound collection."""
    return shutil.copytree(sound, tmp_path / "p") / ".nearsight"


def answers(home):
    """What the collection answers to each of its images."""
    with ns.open(home.parent) as photos:
        found = {}
        for number in range(0, 40, 5):
            for recipe in ("gist | flat", "phash"):
                hits = photos.search(home.parent / f"{number:02}.jpg", recipe=recipe, k=5)
                last = hits[-1].distance  # a tie at the cut may be cut either way
                near = {(hit.path, round(hit.distance, 5)) for hit in hits if hit.distance < last}
                found[number, recipe] = (hits[0].path, near, round(last, 5))
        return found


def segments(home):
    return sorted((home / SEGMENTS_FOLDER).iterdir())


def flip(path, at, bit=0):
    with path.open("r+b") as file:
        file.seek(at)
        value = file.read(1)[0] ^ (1 << bit)
        file.seek(at)
        file.write(bytes([value]))


def test_a_sound_collection_is_clean(home):
    with ns.open(home.parent) as photos:
        assert photos.verify() == []


@pytest.mark.parametrize("which", [0, 1, 2])
def test_a_flipped_bit_in_a_segment_is_found_and_mended(home, which):
    right = answers(home)
    path = segments(home)[which]
    flip(path, path.stat().st_size // 2)
    with ns.open(home.parent) as photos:
        assert [problem.where for problem in photos.verify()] == [path.name]
    problems, summary = repair(home.parent)
    assert len(problems) == 1
    assert summary.completed > 0
    with ns.open(home.parent) as photos:
        assert photos.verify() == []
    assert answers(home) == right


def test_one_bad_block_costs_only_its_rows(tmp_path, random_image):
    folder = tmp_path / "p"
    folder.mkdir()
    for number in range(60):
        random_image(folder / f"{number:02}.jpg", number)
    recipe = "tiny(square=100)"  # 120 kB a row: several blocks
    with ns.index(folder, recipe=recipe) as photos:
        largest = max(segments(photos.index_dir), key=lambda path: path.stat().st_size)
    flip(largest, 2_500_000)
    _, summary = repair(folder)
    assert 1 <= summary.completed <= 20
    with ns.open(folder) as photos:
        assert photos.verify() == []


def test_random_flips_anywhere_are_found_or_harmless(home):
    """A slice of the 10,000 flips: an error, or exactly the right answers."""
    right = answers(home)
    files = [home / CATALOGUE_FILE, *segments(home)]
    sizes = np.array([path.stat().st_size for path in files])
    rng = np.random.default_rng(7)
    found = 0
    for _ in range(60):
        path = files[int(rng.integers(len(files)))]
        sound = path.read_bytes()
        flip(path, int(rng.integers(len(sound))), int(rng.integers(8)))
        try:
            assert answers(home) == right
        except NearsightError:
            found += 1
        path.write_bytes(sound)
    assert found > 20, sizes
    assert answers(home) == right


@pytest.mark.parametrize("harm", ["missing", "truncated", "longer", "swapped"])
def test_wrong_files_are_found_and_mended(home, harm):
    right = answers(home)
    path, other = segments(home)[1], segments(home)[0]
    if harm == "missing":
        path.unlink()
    elif harm == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    elif harm == "longer":
        path.write_bytes(path.read_bytes() + b"x")
    else:
        mine, its = path.read_bytes(), other.read_bytes()
        path.write_bytes(its)
        other.write_bytes(mine)
    with ns.open(home.parent) as photos:
        assert photos.verify()
    with pytest.raises(DamagedError, match="repair"):
        answers(home)
    repair(home.parent)
    with ns.open(home.parent) as photos:
        assert photos.verify() == []
    assert answers(home) == right


def test_an_extra_file_is_swept_by_the_next_run(home):
    (home / SEGMENTS_FOLDER / "9999999999.seg").write_bytes(b"left over")
    (home / SEGMENTS_FOLDER / ".tmp-123").write_bytes(b"left over")
    assert answers(home)
    ns.index(home.parent).close()
    assert not (home / SEGMENTS_FOLDER / "9999999999.seg").exists()
    assert not (home / SEGMENTS_FOLDER / ".tmp-123").exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE image SET width=1 WHERE id=3",
        "UPDATE segment SET length=length+1 WHERE id=1",
        "DELETE FROM segment WHERE id=2",
        "INSERT INTO deleted VALUES(4, 5)",
        "UPDATE meta SET value='9' WHERE key='segments'",
        "UPDATE recipe SET text='gist(square=64)' WHERE name='phash'",
        "DELETE FROM image WHERE id=5",
    ],
)
def test_a_damaged_catalogue_row_is_found_and_mended(home, change):
    right = answers(home)
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        db.execute(change)
    db.close()
    with ns.open(home.parent) as photos:
        assert photos.verify(), change
    repair(home.parent)
    ns.index(home.parent, recipe=["gist | flat", "phash"]).close()
    with ns.open(home.parent) as photos:
        assert photos.verify() == []
    assert answers(home) == right


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_an_older_format_is_read_verified_and_brought_up_while_a_reader_is_open(home, version):
    right = answers(home)
    (home.parent / "notes.txt").write_text("text")
    ns.index(home.parent).close()
    downgrade(home, version)
    assert answers(home) == right
    with ns.open(home.parent) as reader:
        assert reader.verify() == []
        assert reader.info()["skipped"] == {"not-an-image": 1}
        before = reader.info()["images"]
        done = nearsight("index", home.parent)
        assert f"its format {version} was updated" in done.stdout, done.stdout
        assert reader.info()["images"] == before
    assert answers(home) == right
    with ns.open(home.parent) as photos:
        assert photos.verify() == []
        assert photos.info()["skipped"] == {"not-an-image": 1}
    assert "updated" not in nearsight("index", home.parent).stdout
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
    db.close()
    assert {"image", "skipped", "deleted"} <= tables
    assert not {"picture", "skip", "dead"} & tables


def test_a_damaged_row_of_an_older_format_is_found(home):
    downgrade(home, 4)
    with sqlite3.connect(home / CATALOGUE_FILE) as db:
        db.execute("UPDATE picture SET width=1 WHERE id=3")
    db.close()
    with ns.open(home.parent) as photos:
        assert any("row 3 of table image" in each.what for each in photos.verify())


def test_a_catalogue_that_sqlite_cannot_read_is_set_aside_and_made_anew(home):
    right = answers(home)
    (home / CATALOGUE_FILE).write_bytes(b"SQLite format 3\0" + os.urandom(20_000))
    with pytest.raises(DamagedError):
        ns.open(home.parent)
    repair(home.parent)
    ns.index(home.parent, recipe=["gist | flat", "phash"]).close()
    with ns.open(home.parent) as photos:
        assert photos.verify() == []
    assert answers(home) == right
    assert (home / (CATALOGUE_FILE + ".damaged")).exists()


def test_repair_of_an_image_that_is_gone_ends_clean(home):
    path = segments(home)[0]
    flip(path, path.stat().st_size // 2)
    shutil.move(home.parent / "07.jpg", home.parent.parent / "07.jpg")
    repair(home.parent)
    with ns.open(home.parent) as photos:
        assert photos.verify() == []
        assert len(photos) == 39


@pytest.fixture
def apart(tmp_path, random_image):
    """A folder of images, and its collection in another folder that has an image too."""
    images, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    images.mkdir()
    elsewhere.mkdir()
    for number in range(6):
        random_image(images / f"{number}.jpg", number)
    random_image(elsewhere / "stray.jpg", 9)
    ns.index(images, recipe="phash", collection=elsewhere / "index").close()
    return images, elsewhere / "index"


def damage_root(index_dir):
    with sqlite3.connect(index_dir / CATALOGUE_FILE) as db:
        db.execute("UPDATE meta SET value='x' WHERE key='root'")
    db.close()


def damage_file(index_dir):
    (index_dir / CATALOGUE_FILE).write_bytes(b"SQLite format 3\0" + os.urandom(20_000))


@pytest.mark.parametrize("harm", [damage_root, damage_file])
def test_repair_asks_for_the_folder_of_a_collection_that_lies_elsewhere(apart, harm):
    images, index_dir = apart
    harm(index_dir)
    before = {path.name: path.read_bytes() for path in index_dir.iterdir() if path.is_file()}
    with pytest.raises(UsageError, match=r"repair --collection .*index --folder FOLDER"):
        repair(collection=index_dir)
    assert {name: (index_dir / name).read_bytes() for name in before} == before
    repair(collection=index_dir, root=images)
    ns.index(images, recipe="phash", collection=index_dir).close()
    with ns.open(collection=index_dir) as photos:
        assert photos.root == images
        assert photos.search(images / "3.jpg", recipe="phash", k=1)[0].path == "3.jpg"
        assert len(photos) == 6
        assert photos.verify() == []


def test_repair_refuses_a_folder_that_the_collection_is_not_of(apart, tmp_path):
    images, index_dir = apart
    with pytest.raises(UsageError, match="is the collection of"):
        repair(collection=index_dir, root=index_dir.parent)
    with pytest.raises(UsageError, match="is not a folder"):
        repair(collection=index_dir, root=tmp_path / "nothing")
    assert repair(collection=index_dir, root=images)[0] == []
    with ns.open(collection=index_dir) as photos:
        assert len(photos) == 6


def test_repair_takes_the_folder_from_the_command_line(apart):
    images, index_dir = apart
    damage_root(index_dir)
    done = nearsight("repair", "--collection", index_dir, "--folder", images)
    assert done.returncode == 0, done.stderr
    with ns.open(collection=index_dir) as photos:
        assert (photos.root, len(photos)) == (images, 6)
