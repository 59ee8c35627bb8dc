from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError
from nearsight.files import LocalFileSystem
from nearsight.ingest.scan import Comparison
from nearsight.storage.array_file import SEGMENTS_FOLDER, Segment
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.catalogue_writer import CatalogueWriter


def answers(photos, recipe=None):
    """Path and distance of every hit for every image of the folder."""
    return {
        each.path: [
            (hit.path, round(hit.distance, 4))
            for hit in photos.search(photos.root / os.fsdecode(each.path), recipe=recipe)
        ]
        for each in photos.images()
    }


def counts(photos):
    return {k: v for k, v in vars(photos.summary).items() if k not in ("seconds", "skipped") and v}


def test_an_unchanged_folder_costs_no_decode(photographs, here):
    first = ns.index(photographs, recipe="gist | flat")
    assert counts(first) == {"added": 13}
    again = ns.index(photographs)
    assert counts(again) == {"unchanged": 13}
    assert again.info()["images"] == 13
    assert again.verify() == []
    assert Catalogue(again.index_dir).generation() - Catalogue(first.index_dir).generation() <= 1


def test_unchanged_files_are_not_read(photographs, here):
    class Counting(LocalFileSystem):
        reads = 0

        def read(self, path, limit):
            Counting.reads += 1
            return super().read(path, limit)

    ns.index(photographs, recipe="gist")
    home = photographs / ".nearsight"
    catalogue = CatalogueWriter(home)
    comparison = Comparison(photographs, home, catalogue, [], Counting(), 1 << 30)
    comparison.walk(lambda count: None)
    assert (comparison.unchanged, comparison.total, Counting.reads) == (13, 0, 0)
    catalogue.close()


def test_added_changed_moved_and_removed_files_equal_a_rebuild(photographs, tmp_path):
    photos = ns.index(photographs, recipe="gist | flat")
    shutil.copy(photographs / "coffee.png", photographs / "new.png")
    os.replace(photographs / "china.jpg", photographs / "sub" / "renamed.jpg")
    shutil.copy(photographs / "flower.jpg", photographs / "rocket.jpg")
    (photographs / "moon.png").unlink()
    photos = ns.index(photographs)
    assert counts(photos) == {"added": 1, "changed": 1, "moved": 1, "removed": 1, "unchanged": 10}
    assert photos.verify() == []
    rebuilt = ns.index(photographs, recipe="gist | flat", collection=tmp_path / "rebuilt")
    wanted, got = answers(rebuilt), answers(photos)
    assert {path: set(hits) for path, hits in wanted.items()} == {path: set(hits) for path, hits in got.items()}
    assert not any(path == b"moon.png" for path in got)


def test_a_moved_image_keeps_its_id(photographs, here):
    before = {p.path: p.id for p in ns.index(photographs, recipe="gist").images()}
    os.rename(photographs / "sub", photographs / "elsewhere")
    after = {p.path: p.id for p in ns.index(photographs).images()}
    assert after[b"elsewhere/brick.png"] == before[b"sub/brick.png"]
    assert after[b"elsewhere/astronaut.png"] == before[b"sub/astronaut.png"]


def test_a_touched_file_is_not_described_again(photographs, here):
    ns.index(photographs, recipe="gist")
    os.utime(photographs / "coffee.png", (1_700_000_000, 1_700_000_000))
    assert counts(ns.index(photographs)) == {"unchanged": 13}


def test_a_change_within_the_same_time_stamp_is_noticed(tmp_path, random_image, here):
    folder = tmp_path / "p"
    folder.mkdir()
    image = random_image(folder / "a.bmp", 1)
    now = os.stat(image).st_ctime_ns
    os.utime(image, ns=(now, now))
    ns.index(folder, recipe="gist")
    size = image.stat().st_size
    random_image(image, 2)
    os.utime(image, ns=(now, now))
    assert image.stat().st_size == size
    assert counts(ns.index(folder)) == {"changed": 1}


def test_a_new_recipe_stands_beside_the_old_one(photographs):
    ns.index(photographs, recipe="gist")
    photos = ns.index(photographs, recipe="phash")
    assert counts(photos) == {"completed": 13}
    assert set(photos.senses) == {"gist", "phash"}
    assert photos.verify() == []
    for recipe in ("gist", "phash"):
        assert photos.search(photographs / "coffee.png", recipe=recipe)[0].path == "coffee.png"


def test_pixels_do_not_depend_on_the_other_recipes(photographs, tmp_path):
    alone = ns.index(photographs, recipe="gist", collection=tmp_path / "alone")
    beside = ns.index(photographs, recipe=["tiny", "gist", "phash"], collection=tmp_path / "beside")
    first, second = (_rows(each, "gist") for each in (alone, beside))
    assert first.keys() == second.keys()
    for path in first:
        np.testing.assert_allclose(first[path], second[path], atol=1e-6)


def _rows(photos, recipe):
    key = photos.pipeline(recipe=recipe).key
    catalogue = Catalogue(photos.index_dir)
    paths = {p.id: p.path for p in catalogue.images()}
    found = {}
    for entry in catalogue.segments():
        if entry.key == key:
            opened = Segment(photos.index_dir / SEGMENTS_FOLDER, entry, LocalFileSystem())
            found.update({paths[i]: row for i, row in zip(opened.ids.tolist(), opened.vectors[:], strict=True)})
    catalogue.close()
    return found


def test_every_file_that_is_not_indexed_has_a_reason(photographs):
    (photographs / "notes.txt").write_text("hello, this is no image")
    (photographs / "empty.jpg").touch()
    (photographs / "cut.jpg").write_bytes((photographs / "china.jpg").read_bytes()[:5000])
    os.mkfifo(photographs / "pipe.jpg")
    (photographs / "loop").symlink_to(photographs)
    (photographs / "out.jpg").symlink_to("/etc/passwd")
    photos = ns.index(photographs, recipe="gist")
    reasons = {os.fsdecode(skip.path): skip.reason.value for skip in photos.skips()}
    assert reasons.pop("cut.jpg") in ("truncated", "corrupt")
    assert reasons == {
        "notes.txt": "not-an-image",
        "empty.jpg": "empty",
        "pipe.jpg": "not-a-regular-file",
        "loop": "symbolic-link",
        "out.jpg": "symbolic-link",
    }
    assert photos.info()["skipped"]["symbolic-link"] == 2
    assert sum(photos.summary.skipped.values()) == 6
    again = ns.index(photographs)
    assert again.summary.skipped == photos.summary.skipped
    (photographs / "cut.jpg").unlink()
    assert "cut.jpg" not in {os.fsdecode(skip.path) for skip in ns.index(photographs).skips()}


def test_a_mended_file_comes_in(photographs):
    (photographs / "cut.jpg").write_bytes((photographs / "china.jpg").read_bytes()[:5000])
    ns.index(photographs, recipe="gist")
    shutil.copy(photographs / "china.jpg", photographs / "cut.jpg")
    photos = ns.index(photographs)
    assert counts(photos) == {"added": 1, "unchanged": 13}
    assert not list(photos.skips())


def test_an_image_that_breaks_goes_out_with_its_reason(photographs):
    ns.index(photographs, recipe="gist")
    (photographs / "coffee.png").write_bytes(b"not an image any more")
    photos = ns.index(photographs)
    assert photos.info()["images"] == 12
    assert [skip.path for skip in photos.skips()] == [b"coffee.png"]
    assert photos.verify() == []


def test_odd_names_go_through_everything(photographs):
    names = [b"\xff\xfe.png", b"a\nb.png", b"\x1b[31mred.png", "‮gnp.png".encode(), b"-rf", b"x" * 251 + b".png"]
    source = (photographs / "coffee.png").read_bytes()
    for number, name in enumerate(names):
        with open(os.path.join(os.fsencode(photographs), name), "wb") as out:
            out.write(source + bytes(number))
    photos = ns.index(photographs, recipe="gist")
    assert {p.path for p in photos.images()} >= set(names)
    assert {os.fsencode(hit.path) for hit in photos.search(photographs / "coffee.png")[:7]} == {*names, b"coffee.png"}
    assert photos.remove(["-rf", os.fsdecode(b"\xff\xfe.png")]) == 2


def test_an_emptied_folder_is_not_taken_for_a_wish(photographs, tmp_path, here):
    home = tmp_path / "home"
    ns.index(photographs, recipe="gist", collection=home)
    os.rename(photographs, tmp_path / "unmounted")
    photographs.mkdir()
    with pytest.raises(UsageError, match="not mounted"):
        ns.index(photographs, collection=home)
    photographs.rmdir()
    os.rename(tmp_path / "unmounted", photographs)
    assert counts(ns.index(photographs, collection=home)) == {"unchanged": 13}


def test_removed_images_stay_out_until_they_are_restored(photographs, here):
    photos = ns.index(photographs, recipe="gist")
    assert photos.remove(["sub", "coffee.png"]) == 3
    assert "coffee.png" not in {hit.path for hit in photos.search(photographs / "coffee.png")}
    assert photos.verify() == []
    photos = ns.index(photographs)
    assert photos.info()["images"] == 10
    assert photos.restore(["sub"]) == 2
    assert ns.index(photographs).info()["images"] == 12


def test_many_small_runs_keep_few_segments(tmp_path, random_image, here):
    folder = tmp_path / "p"
    folder.mkdir()
    for number in range(20):
        random_image(folder / f"{number}.jpg", number)
        photos = ns.index(folder, recipe="tiny")
    entries = Catalogue(photos.index_dir).segments()
    assert len(entries) < 2 * 9
    assert len(list((photos.index_dir / SEGMENTS_FOLDER).iterdir())) == len(entries)
    assert photos.verify() == []
    for number in range(0, 20, 2):
        (folder / f"{number}.jpg").unlink()
    photos = ns.index(folder)
    assert photos.verify() == []
    assert len(photos.search(folder / "1.jpg", k=50)) == 10
    held = sum(entry.n_vectors for entry in Catalogue(photos.index_dir).segments())
    assert held < 2 * 20


def test_the_collection_inside_the_folder_is_not_indexed(photographs, here):
    photos = ns.index(photographs, recipe="gist", collection=photographs / "my-index")
    assert counts(photos) == {"added": 13}
    photos = ns.index(photographs, collection=photographs / "my-index")
    assert counts(photos) == {"unchanged": 13}
    assert not list(photos.skips())


def test_a_collection_belongs_to_one_folder(photographs, tmp_path, here):
    ns.index(photographs, recipe="gist", collection=tmp_path / "home")
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(UsageError, match="another --collection"):
        ns.index(other, collection=tmp_path / "home")


def test_a_folder_can_be_moved_with_its_collection(photographs, tmp_path, here):
    ns.index(photographs, recipe="gist")
    photographs.rename(tmp_path / "moved")
    photos = ns.open(tmp_path / "moved" / "sub")
    assert photos.root == tmp_path / "moved"
    assert photos.search(photos.root / "coffee.png")[0].path == "coffee.png"


def test_a_file_that_was_replaced_with_its_old_size_and_time_is_noticed(tmp_path):
    path, day = tmp_path / "a.bmp", 86_400 * 10**9
    Image.new("RGB", (8, 8), "red").save(path)
    long_ago = path.stat().st_mtime_ns - day
    os.utime(path, ns=(long_ago, long_ago))
    with ns.index(tmp_path, recipe="tiny") as photos:
        before = next(photos.images()).sha256
    Image.new("RGB", (8, 8), "blue").save(path)
    os.utime(path, ns=(long_ago, long_ago))
    with ns.index(tmp_path, recipe="tiny") as photos:
        assert photos.summary.changed == 1
        assert next(photos.images()).sha256 != before
    path.chmod(0o600)
    with ns.index(tmp_path, recipe="tiny") as photos:
        assert (photos.summary.changed, photos.summary.unchanged) == (0, 1)
