"""Pages of a TIFF and frames of an animation are images of their own, for as long as their file has them."""

from __future__ import annotations

import os

import numpy as np
import pytest
from PIL import Image

import nearsight as ns

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
    assert "others would go too" in planned["other.tif"]
    assert "others would go too" in planned["scan.tif, page 2"]
    assert planned["same.tif"] == ""
