"""The copies in a folder: what is a group, what is remembered, and what is said where something is wrong."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.applications.duplicates import candidates
from nearsight.applications.duplicates.comparison import PairComparer
from nearsight.errors import UsageError
from nearsight.rerankers._copy_verdict import CopyVerdict
from tests.api.conftest import read, write
from tests.conftest import thirteen

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs; of one the same file twice, a re-saved, a small, a mirrored, a cropped and a captioned copy."""
    root = thirteen(tmp_path_factory.mktemp("duplicates") / "photographs")
    coffee = root / "coffee.png"
    pixels = read(coffee)
    shutil.copy(coffee, root / "sub" / "again.png")
    write(root / "saved.jpg", pixels, quality=60)
    write(root / "small.jpg", cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), quality=90)
    write(root / "mirror.png", pixels[:, ::-1])
    write(root / "crop.png", pixels[60:350, 100:480])
    captioned = np.array(pixels)
    cv2.putText(captioned, "COFFEE", (150, 380), cv2.FONT_HERSHEY_DUPLEX, 3.0, (255, 255, 255), 8, cv2.LINE_AA)
    write(root / "captioned.png", captioned)
    return root


def by_path(found):
    """The verdicts of each group, the first as an empty one, by the paths."""
    return [{each.path: each.verdict for each in group.members} for group in found.groups]


@pytest.fixture(scope="module")
def found(folder):
    return ns.duplicates(folder)


def test_copies_are_one_group_and_nothing_else_is(found):
    (group,) = by_path(found)
    assert set(group) == {"coffee.png", "sub/again.png", "saved.jpg", "small.jpg", "mirror.png"}
    assert sorted(group.values()).count("") == 1
    assert {"identical file", "copy"} >= set(group.values()) - {""}
    assert found.n_images == 19
    assert found.failures == ()


def test_one_is_proposed_to_be_kept_and_what_shows_the_same_is_counted(folder, found):
    (group,) = found.groups
    (kept,) = (each for each in group.members if each.keep)
    assert kept.path == group.keep
    assert (kept.width, kept.height) == (600, 400)
    assert group.keep_why
    others = [each for each in group.members if each.same_as_kept]
    assert {each.path for each in others} == {each.path for each in group.members} - {group.keep}
    assert group.same_bytes == sum((folder / each.path).stat().st_size for each in others)


def test_parts_and_edited_copies_are_members_where_they_are_asked_for(folder):
    (group,) = ns.duplicates(folder, verdicts=["identical", "copy", "edited", "part"]).groups
    members = {each.path: each for each in group.members}
    assert set(members) > {"crop.png", "captioned.png"}
    first = group.members[0]
    for name in ("crop.png", "captioned.png"):
        said = members[name].verdict if first.path != name else ""
        wanted = {"crop.png": "part", "captioned.png": "edited copy"}[name]
        assert said == wanted
        assert not members[name].same_as_kept
    (change,) = members["captioned.png"].changes
    assert change.hit_box[1] > 0.6
    assert "first" in members["crop.png"].why


def test_without_identical_the_same_file_is_compared_as_any_other(folder):
    (group,) = by_path(ns.duplicates(folder, verdicts=["copy"]))
    assert {"saved.jpg", "small.jpg", "mirror.png"} <= set(group)
    assert len({"coffee.png", "sub/again.png"} & set(group)) == 1  # to each other they are identical, not copies


def test_only_equal_files_need_no_comparison(folder):
    found = ns.duplicates(folder, verdicts=["identical"])
    assert by_path(found) == [{"coffee.png": "", "sub/again.png": "identical file"}]


def test_a_second_run_compares_nothing_and_says_the_same(folder, found):
    again = ns.duplicates(folder)
    assert again.groups == found.groups
    assert again.n_remembered == again.n_compared == found.n_compared > 0


def test_without_what_is_remembered_the_result_is_the_same(folder, found):
    (folder / ".nearsight" / "comparisons.sqlite").unlink()
    again = ns.duplicates(folder)
    assert again.groups == found.groups
    assert again.n_remembered == 0


def test_a_new_file_costs_its_own_comparisons_only(folder, found, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copied")
    write(copied / "third.jpg", read(copied / "coffee.png"), quality=80)
    later = ns.duplicates(copied)
    assert "third.jpg" in by_path(later)[0]
    assert 0 < later.n_compared - later.n_remembered <= 6
    shutil.rmtree(copied / ".nearsight")
    assert ns.duplicates(copied).groups == later.groups


def test_an_image_has_so_many_candidates_at_most_and_what_is_left_out_is_said(folder, found, monkeypatch):
    assert found.left_out == ""
    monkeypatch.setattr(candidates, "MAX_CANDIDATES", 1)
    fewer = ns.duplicates(folder)
    assert fewer.n_candidates < found.n_candidates
    assert "pairs of images that have many likelier candidates" in fewer.left_out


def strongest(weights):
    pairs = sorted(weights)
    kept = candidates.strongest(np.array(pairs), np.array([weights[pair] for pair in pairs], np.float32))
    return [pair for pair, stays in zip(pairs, kept, strict=True) if stays]


def test_the_strongest_candidates_of_either_image_stay(monkeypatch):
    monkeypatch.setattr(candidates, "MAX_CANDIDATES", 2)
    weights = {(1, other): 10 - other for other in range(2, 8)} | {(5, 6): 1}
    # each is one of the two of its other image
    assert strongest(weights) == [(1, 2), (1, 3), (1, 4), (1, 5), (1, 6), (1, 7), (5, 6)]
    assert strongest(weights | {(7, other): 20 for other in (8, 9)}) == [
        pair for pair in sorted(weights | {(7, 8): 1, (7, 9): 1}) if pair != (1, 7)
    ]


def test_a_run_that_is_stopped_goes_on(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copied")
    (copied / ".nearsight" / "comparisons.sqlite").unlink()
    steps = []

    def stop(progress):
        steps.append(progress.step)
        if steps.count("comparing") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ns.duplicates(copied, watch=stop)
    found = ns.duplicates(copied)
    assert found.n_remembered >= 3
    assert by_path(found) == by_path(ns.duplicates(folder))


def test_a_file_that_is_gone_is_judged_by_its_thumbnail_or_not_at_all(folder, tmp_path):
    copied = shutil.copytree(folder, tmp_path / "copied")
    (copied / ".nearsight" / "comparisons.sqlite").unlink()
    (copied / "saved.jpg").unlink()
    (group,) = ns.duplicates(copied, update=False).groups
    why = next(each.why for each in group.members if each.path == "saved.jpg")
    assert "thumbnail" in why
    assert "saved.jpg" not in by_path(ns.duplicates(copied))[0]


def test_the_pattern_says_what_is_kept(folder):
    (group,) = ns.duplicates(folder, keep="path:*mirror*").groups
    assert (group.keep, group.keep_why) == ("mirror.png", "its path fits *mirror*")
    (group,) = ns.duplicates(folder, verdicts=["copy", "edited"], keep="path:captioned*").groups
    assert group.keep != "captioned.png"  # it is no copy of the others
    (group,) = ns.duplicates(folder, keep="path:small*").groups
    assert group.keep == "small.jpg"
    assert group.same_bytes == 0  # all others are larger


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"keep": "path:zzz*"}, "no image's path fits zzz"),
        ({"keep": "best"}, "largest"),
        ({"verdicts": ["same scene"]}, "identical, copy, edited, part"),
        ({"verdicts": []}, "none"),
    ],
)
def test_what_cannot_be_done_is_said(folder, options, said):
    with pytest.raises(UsageError, match=said):
        ns.duplicates(folder, **options)


def test_a_folder_that_is_not_there_and_one_that_is_not_indexed(tmp_path):
    with pytest.raises(UsageError, match="not a folder"):
        ns.duplicates(tmp_path / "none")
    with pytest.raises(UsageError, match="nearsight index"):
        ns.duplicates(tmp_path, update=False)
    assert not os.listdir(tmp_path)


def test_a_collection_without_copy_is_told_what_to_run(tmp_path, random_image):
    random_image(tmp_path / "a.jpg", 1)
    ns.index(tmp_path, ["colour"]).close()
    with pytest.raises(UsageError, match="--by copy"):
        ns.duplicates(tmp_path, update=False)
    assert ns.duplicates(tmp_path).groups == ()


def test_folders_without_copies_and_without_images(tmp_path, random_image):
    for seed in range(4):
        random_image(tmp_path / f"{seed}.jpg", seed)
    assert ns.duplicates(tmp_path).groups == ()
    (tmp_path / "empty").mkdir()
    assert ns.duplicates(tmp_path / "empty").groups == ()


@pytest.fixture(scope="module")
def card(folder, tmp_path_factory):
    """Some photographs as they are in the folder, smaller, larger, grey and cropped there, and some that are not."""
    root = tmp_path_factory.mktemp("card") / "card"
    root.mkdir()
    shutil.copy(folder / "rocket.jpg", root / "same.jpg")
    write(root / "saved.jpg", read(folder / "chelsea.png"), quality=85)
    flower = read(folder / "flower.jpg")
    write(root / "larger.jpg", cv2.resize(flower, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC), quality=92)
    write(root / "part.jpg", read(folder / "china.jpg")[40:300, 60:500], quality=92)
    noise = np.random.default_rng(3).integers(0, 256, (12, 16, 3), np.uint8)
    write(root / "new.png", cv2.resize(noise, (320, 240), interpolation=cv2.INTER_CUBIC))
    return root


def test_what_of_a_card_is_in_a_folder_and_what_is_not_there_in_full(folder, card):
    found = ns.duplicates_across(card, folder)
    said = {each.path: (each.other, each.verdict, each.complete) for each in found.found}
    assert said == {
        "same.jpg": ("rocket.jpg", "identical file", True),
        "saved.jpg": ("chelsea.png", "copy", True),
        "larger.jpg": ("flower.jpg", "copy", False),
        "part.jpg": ("china.jpg", "part", False),
    }
    assert found.missing == ("larger.jpg", "new.png", "part.jpg")
    assert os.listdir(card).count(".nearsight") == 0
    assert {each["members"][0]["path"] for each in found.as_dict()["groups"]} == set(said)


def test_a_smaller_copy_does_not_hide_a_complete_one(card, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    pixels = read(card / "saved.jpg")
    for at, factor in enumerate((0.9, 0.8, 0.7)):
        small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        write(archive / f"{at}.jpg", small, quality=95)
    write(archive / "whole.jpg", pixels, quality=25)
    (found,) = ns.duplicates_across(card, archive).found
    assert (found.path, found.other, found.complete) == ("saved.jpg", "whole.jpg", True)


def test_what_is_said_to_be_the_same_as_the_one_to_keep_was_compared_with_it(folder, monkeypatch):
    (group,) = ns.duplicates(folder, keep="path:saved*").groups
    first = group.members[0].path
    assert group.keep == "saved.jpg" != first
    same = {each.path for each in group.members if each.same_as_kept}
    assert {"mirror.png", "small.jpg"} <= same

    def compare(self, pairs):
        for pair, found in compared(self, pairs):
            kept = {self._contents[0][at] for at in pair} >= {saved}
            yield pair, replace(found, verdict=CopyVerdict.SCENE) if kept and not is_head(self, pair) else found

    def is_head(self, pair):
        return head in {self._contents[0][at] for at in pair}

    compared = PairComparer.compare
    with ns.open(folder) as photos:
        contents = {each.path.decode(): each.sha256 for each in photos.images()}
    saved, head = contents["saved.jpg"], contents[first]
    monkeypatch.setattr(PairComparer, "compare", compare)
    (group,) = ns.duplicates(folder, keep="path:saved*").groups
    same = {each.path for each in group.members if each.same_as_kept}
    assert same == {path for path, content in contents.items() if content == head}


def test_a_grey_copy_does_not_replace_one_in_colour(card, tmp_path):
    archive = tmp_path / "archive"
    archive.mkdir()
    Image.open(card / "saved.jpg").convert("L").save(archive / "grey.png")
    found = ns.duplicates_across(card, archive)
    assert [(each.path, each.verdict, each.complete) for each in found.found] == [("saved.jpg", "copy", False)]
    assert "saved.jpg" in found.missing


def test_the_same_file_twice_on_a_card_is_found_twice(folder, card, tmp_path):
    twice = shutil.copytree(card, tmp_path / "twice")
    shutil.copy(twice / "saved.jpg", twice / "saved again.jpg")
    found = {each.path: each.verdict for each in ns.duplicates_across(twice, folder).found}
    assert (found["saved.jpg"], found["saved again.jpg"]) == ("copy", "copy")


def test_only_identical_ones_are_looked_for_where_that_is_asked(folder, card):
    found = ns.duplicates_across(card, folder, verdicts=["identical"])
    assert [each.path for each in found.found] == ["same.jpg"]
    assert len(found.missing) == 4


def test_two_folders_lie_apart(folder, card):
    for one, other in ((folder, folder), (folder, folder / "sub"), (folder / "sub", folder)):
        with pytest.raises(UsageError, match="lies in the other"):
            ns.duplicates_across(one, other)
    with pytest.raises(UsageError, match="not a folder"):
        ns.duplicates_across(card / "none", folder)


def test_new_images_are_checked_and_not_added(folder, card, tmp_path):
    ns.index(folder, ["copy"]).close()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no image")
    checked = {os.path.basename(each.image): each for each in ns.check([card, tmp_path / "broken.jpg"], folder)}
    assert {name: (each.found, each.verdict) for name, each in checked.items()} == {
        "same.jpg": ("rocket.jpg", "identical file"),
        "saved.jpg": ("chelsea.png", "copy"),
        "larger.jpg": ("flower.jpg", "copy"),
        "part.jpg": ("china.jpg", "part"),
        "new.png": (None, ""),
        "broken.jpg": (None, ""),
    }
    assert "broken.jpg" in checked["broken.jpg"].why
    with ns.open(folder) as photos:
        assert len(photos) == 19
