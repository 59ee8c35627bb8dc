"""Pages of a TIFF and frames of an animation are images of their own, for as long as their file has them."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.api.indexing import repair
from nearsight.ingest.page_tasks import PageTasks
from nearsight.storage.database import CATALOGUE_FILE
from tests.images.hostile import photo, saved
from tests.images.raw_files import FILES as RAW_FILES

pytestmark = pytest.mark.usefixtures("in_this_process")


def picture(seed):
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(np.kron(noise, np.ones((12, 12, 1), np.uint8)))


def write_pages(path, seeds):
    first, *others = map(picture, seeds)
    first.save(path, save_all=True, append_images=others)


def index(folder, **options):
    return ns.index(folder, recipe="tiny", **options)


def paths(photos):
    return [os.fsdecode(each.path) for each in photos.images()]


@pytest.fixture
def folder(tmp_path):
    write_pages(tmp_path / "scan.tif", [1, 2, 3])
    picture(9).save(tmp_path / "single.png")
    return tmp_path


PAGES = ["scan.tif", "scan.tif, page 2", "scan.tif, page 3"]


def test_each_page_is_found_by_its_own_picture(folder, tmp_path_factory):
    with index(folder) as photos:
        assert paths(photos) == [*PAGES, "single.png"]
        other = tmp_path_factory.mktemp("other") / "two.png"
        picture(2).save(other)
        hit = photos.search(other, recipe="tiny", k=1)[0]
        assert (hit.path, hit.page, hit.n_pages, hit.format) == ("scan.tif, page 2", 2, 3, "TIFF")
        assert photos.verify() == []


def test_a_second_run_reads_nothing_again(folder):
    index(folder).close()
    for each in folder.iterdir():
        if each.is_file():
            os.utime(each, (1e9, 1e9))
    index(folder).close()
    with index(folder) as photos:
        done = photos.summary
        assert (done.added, done.changed, done.removed, done.completed) == (0, 0, 0, 0)
        assert len(photos) == 4


def test_pages_that_a_file_loses_leave_and_others_are_read_anew(folder):
    index(folder).close()
    write_pages(folder / "scan.tif", [1, 7])
    with index(folder) as photos:
        assert paths(photos) == [*PAGES[:2], "single.png"]
        assert photos.search(folder / "scan.tif, page 2", recipe="tiny", k=1)[0].path == PAGES[1]
        assert photos.verify() == []
    write_pages(folder / "scan.tif", [1])
    with index(folder) as photos:
        assert paths(photos) == ["scan.tif", "single.png"]
        assert photos.summary.skipped == {}


def test_pages_move_with_their_file_and_keep_their_labels(folder):
    with index(folder) as photos:
        before = {image.path: image.id for image in photos.images()}
    os.rename(folder / "scan.tif", folder / "z.tif")
    with index(folder) as photos:
        assert paths(photos) == ["single.png", "z.tif", "z.tif, page 2", "z.tif, page 3"]
        assert {image.path.replace(b"z.tif", b"scan.tif"): image.id for image in photos.images()} == before
        assert photos.summary.moved == 3


def test_pages_go_with_their_file(folder):
    index(folder).close()
    (folder / "scan.tif").unlink()
    with index(folder) as photos:
        assert paths(photos) == ["single.png"]


def test_a_file_is_removed_with_its_pages_and_a_page_alone(folder):
    with index(folder) as photos:
        assert photos.remove(["scan.tif, page 3"]) == 1
    with index(folder) as photos:
        assert paths(photos) == [*PAGES[:2], "single.png"]
        assert photos.remove(["scan.tif"]) == 2
    with index(folder) as photos:
        assert paths(photos) == ["single.png"]
        photos.restore(["scan.tif"])
    with index(folder) as photos:
        assert paths(photos) == [*PAGES, "single.png"]


def test_a_file_that_has_the_name_of_a_page_is_itself(folder):
    picture(5).save(folder / "scan.tif, page 2", "PNG")
    with index(folder) as photos:
        formats = {os.fsdecode(image.path): image.format for image in photos.images()}
        assert formats == {PAGES[0]: "TIFF", PAGES[1]: "PNG", PAGES[2]: "TIFF", "single.png": "PNG"}
        assert photos.verify() == []


def test_frames_of_an_animation_that_differ_are_images(tmp_path):
    frames = [picture(seed) for seed in (1, 1, 1, 2, 2)]
    frames[0].save(tmp_path / "cat.gif", save_all=True, append_images=frames[1:], duration=100)
    with index(tmp_path) as photos:
        assert paths(photos)[0] == "cat.gif"
        assert len(photos) == 2


def test_a_recipe_that_is_added_is_computed_for_pages_too(folder):
    index(folder).close()
    with ns.index(folder, recipe="colour_moments") as photos:
        assert photos.verify() == []
        assert photos.summary.completed == 4


def test_a_page_is_never_trashed_with_its_whole_file(folder):
    write_pages(folder / "other.tif", [1, 5])
    write_pages(folder / "same.tif", [1, 2, 3])
    ns.index(folder, by=["copy"]).close()
    ns.decide(folder, "duplicate", "other.tif", "single.png")
    ns.decide(folder, "duplicate", "scan.tif, page 2", "single.png")
    ns.decide(folder, "duplicate", "same.tif", "scan.tif")
    found = ns.duplicates(folder, verdicts=["identical"])
    (group,) = found.groups  # and none of further pages, which equal files have in common
    assert {each.path: each.same_as_kept for each in group.members} == {
        "scan.tif": False,  # the older one is kept
        "same.tif": True,
        "other.tif": False,  # its first page is the same, and would take the others with it
    }
    assert group.same_bytes == (folder / "same.tif").stat().st_size
    planned = {each.path: each.problem for each in ns.act_on_decisions(folder, "trash").files}
    assert "holds more than this image" in planned["other.tif"]
    assert "holds more than this image" in planned["scan.tif, page 2"]
    assert planned["same.tif"] == ""


def test_a_run_that_is_stopped_before_the_pages_is_completed_by_the_next(folder, monkeypatch):
    def stop(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as stopped:
        stopped.setattr(PageTasks, "tasks", stop)
        with pytest.raises(KeyboardInterrupt):
            index(folder)
    with index(folder) as photos:
        assert paths(photos) == [*PAGES, "single.png"]
    write_pages(folder / "scan.tif", [1, 7, 8])
    with monkeypatch.context() as stopped:
        stopped.setattr(PageTasks, "tasks", stop)
        with pytest.raises(KeyboardInterrupt):
            index(folder)
    with index(folder) as photos:
        assert paths(photos) == [*PAGES, "single.png"]
        picture(7).save(folder.parent / "seven.png")
        hit = photos.search(folder.parent / "seven.png", recipe="tiny", k=1)[0]
        assert (hit.path, hit.distance) == (PAGES[1], 0)
        assert photos.verify() == []


@pytest.mark.parametrize("change", ["UPDATE detail SET iso=7 WHERE page=1", "UPDATE fact SET camera='x'"])
def test_repair_keeps_the_pages(folder, change):
    exif = Image.Exif()
    exif[0x110] = "Canon"
    Image.new("RGB", (20, 20)).save(folder / "camera.jpg", exif=exif)
    index(folder).close()
    with closing(sqlite3.connect(folder / ".nearsight" / CATALOGUE_FILE)) as db, db:
        db.execute(change)
    _, summary = repair(folder)
    assert summary.removed == 0
    with index(folder) as photos:
        assert paths(photos) == ["camera.jpg", *PAGES, "single.png"]
        assert photos.verify() == []


def test_a_page_comes_back_where_its_removal_is_undone(folder):
    with index(folder) as photos:
        photos.remove(["scan.tif, page 3"])
    with index(folder) as photos:
        assert photos.restore(["scan.tif, page 3"]) == 1
    with index(folder) as photos:
        assert paths(photos) == [*PAGES, "single.png"]


def test_skipped_pages_go_with_their_pages(folder):
    index(folder).close()
    (folder / "scan.tif").write_bytes((folder / "scan.tif").read_bytes()[:200])
    with index(folder) as photos:
        assert [os.fsdecode(skip.path) for skip in photos.skips()] == ["scan.tif"]
    write_pages(folder / "scan.tif", [4])
    with index(folder) as photos:
        assert list(photos.skips()) == []
        assert paths(photos) == ["scan.tif", "single.png"]


def test_a_moved_file_and_a_new_recipe_leave_no_page_without_its_vector(folder):
    index(folder).close()
    os.rename(folder / "scan.tif", folder / "z.tif")
    with ns.index(folder, recipe="colour_moments") as photos:
        assert photos.verify() == []


def test_a_camera_raw_is_kept_and_never_goes_for_a_picture_of_it(tmp_path):
    preview = saved(photo(400, 300), "JPEG")
    (tmp_path / "a.jpg").write_bytes(preview)
    (tmp_path / "a.cr2").write_bytes(RAW_FILES["CR2"](saved(photo(60, 40), "JPEG"), preview))
    found = ns.duplicates(tmp_path)
    (group,) = found.groups
    assert (group.keep, group.keep_why) == ("a.cr2", "it is a camera raw")
    assert {each.path: each.same_as_kept for each in group.members} == {"a.cr2": False, "a.jpg": True}
    ns.decide(tmp_path, "duplicate", "a.cr2", "a.jpg")
    (planned,) = ns.act_on_decisions(tmp_path, "trash").files
    assert "holds more than this image" in planned.problem


def test_a_raw_is_not_in_an_archive_of_pictures_of_it(tmp_path):
    preview = saved(photo(400, 300), "JPEG")
    for name in ("card", "archive"):
        (tmp_path / name).mkdir()
    (tmp_path / "archive" / "a.jpg").write_bytes(preview)
    (tmp_path / "card" / "a.cr2").write_bytes(RAW_FILES["CR2"](saved(photo(60, 40), "JPEG"), preview))
    (tmp_path / "card" / "broken.jpg").write_bytes(preview[:500])
    (tmp_path / "card" / "Sent").mkdir()
    (tmp_path / "card" / "Sent" / ".nomedia").touch()
    across = ns.duplicates_across(tmp_path / "card", tmp_path / "archive")
    assert (across.missing, across.n_images) == (("a.cr2",), 1)
    assert len(across.not_looked_at) == 2
    assert across.not_looked_at[0] == "1 folder .nomedia"
    (checked,) = ns.check([tmp_path / "card" / "a.cr2"], tmp_path / "archive")
    assert checked.why.endswith("only the preview of this camera raw was compared")


def test_a_check_says_that_other_pages_were_not_compared(folder, tmp_path_factory):
    archive = tmp_path_factory.mktemp("archive")
    photo(320, 240).save(archive / "a.png")
    photo(320, 240).save(folder / "b.tif", save_all=True, append_images=[picture(3)])
    ns.index(archive, by=["copy"]).close()
    (checked,) = ns.check([folder / "b.tif"], archive)
    assert checked.found == "a.png"
    assert checked.why.endswith("of its 2 pages or frames only page 1 was compared")
