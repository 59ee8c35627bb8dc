"""Links that are followed: what is outside comes in, each folder and file once, and every walk ends."""

from __future__ import annotations

import os

import pytest

from nearsight.files import FollowingFileSystem, LocalFileSystem
from nearsight.images.ignore_rules import FileRules
from nearsight.images.walk import FoundFile, LeftOut, SkippedEntry, walk_folder

FOLLOWING = FileRules(follow_links=True)


@pytest.fixture
def tree(tmp_path):
    """A folder, and another one outside it."""
    for name in ("in/a.jpg", "in/real/r.jpg", "out/o.jpg", "out/deep/d.jpg", "out/deep/@eaDir/t.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path / "in"


def walked(root, rules=FOLLOWING):
    found = list(walk_folder(bytes(root), LocalFileSystem(), rules=rules))
    taken = [os.fsdecode(each.path) for each in found if isinstance(each, FoundFile)]
    return taken, {os.fsdecode(each.path): each.reason.value for each in found if isinstance(each, SkippedEntry)}


def test_a_folder_and_a_file_outside_are_taken(tree):
    (tree / "more").symlink_to("../out")
    (tree / "real" / "o2.jpg").symlink_to("../../out/deep/d.jpg")
    (tree / "rel.jpg").symlink_to("real/r.jpg")
    taken, skipped = walked(tree)
    assert taken == ["a.jpg", "more/deep/d.jpg", "more/o.jpg", "real/r.jpg"]
    assert skipped == {"real/o2.jpg": "reached-twice", "rel.jpg": "reached-twice"}
    assert walked(tree, FileRules())[1] == dict.fromkeys(["more", "real/o2.jpg", "rel.jpg"], "symbolic-link")


def test_the_state_is_that_of_what_a_link_leads_to(tree):
    (tree / "f.jpg").symlink_to("../out/o.jpg")
    found = {each.path: each for each in walk_folder(bytes(tree), LocalFileSystem(), rules=FOLLOWING)}
    state = (tree / ".." / "out" / "o.jpg").stat()
    assert found[b"f.jpg"] == FoundFile(b"f.jpg", 9, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


@pytest.mark.parametrize(
    ("links", "loops", "twice", "more"),
    [
        ({"up": ".."}, {"up/in"}, set(), ["up/out/deep/d.jpg", "up/out/o.jpg"]),
        ({"self": "self", "one": "two", "two": "one"}, {"self", "one", "two"}, set(), []),
        ({"here": ".", "real/back": ".."}, {"here", "real/back"}, set(), []),
        ({"album": "real"}, set(), {"album"}, []),
        ({"l1": "../out", "l2": "../out"}, set(), {"l2"}, ["l1/deep/d.jpg", "l1/o.jpg"]),
        ({"l1": "../out/deep", "l2": "../out"}, set(), {"l2/deep"}, ["l1/d.jpg", "l2/o.jpg"]),
        ({"../out/round": ".", "l": "../out"}, {"l/round"}, set(), ["l/deep/d.jpg", "l/o.jpg"]),
        ({"../out/back": "../in", "l": "../out"}, {"l/back"}, set(), ["l/deep/d.jpg", "l/o.jpg"]),
        ({"../out/back": "../in/real", "l": "../out"}, set(), {"l/back"}, ["l/deep/d.jpg", "l/o.jpg"]),
        ({"../out/round": "..", "l": "../out"}, {"l/round/in", "l/round/out"}, set(), ["l/deep/d.jpg", "l/o.jpg"]),
        ({"f1.jpg": "../out/o.jpg", "f2.jpg": "../out/o.jpg"}, set(), {"f2.jpg"}, ["f1.jpg"]),
        ({"f1.jpg": "../out/o.jpg", "l": "../out"}, set(), {"l/o.jpg"}, ["f1.jpg", "l/deep/d.jpg"]),
    ],
)
def test_loops_end_and_what_is_reached_twice_is_taken_once(tree, links, loops, twice, more):
    for name, target in links.items():
        (tree / name).symlink_to(target)
    taken, skipped = walked(tree)
    assert taken == sorted(["a.jpg", "real/r.jpg", *more])
    assert skipped == {**dict.fromkeys(loops, "link-loop"), **dict.fromkeys(twice, "reached-twice")}


def test_a_link_to_nothing_and_to_a_device_have_their_reasons(tree):
    (tree / "none.jpg").symlink_to("nowhere.jpg")
    (tree / "below").symlink_to("a.jpg/x")
    (tree / "null").symlink_to("/dev/null")
    assert walked(tree)[1] == {"none.jpg": "broken-link", "below": "broken-link", "null": "not-a-regular-file"}


def test_rules_hold_behind_links_too(tree):
    (tree / "more").symlink_to("../out")
    found = list(walk_folder(bytes(tree), LocalFileSystem(), rules=FOLLOWING))
    assert [each.path for each in found if isinstance(each, LeftOut)] == [b"more/deep/@eaDir"]
    out = FileRules(exclude=("more/",), follow_links=True)
    assert walked(tree, out) == (["a.jpg", "real/r.jpg"], {})


def test_only_files_of_the_following_kind_read_through_a_link(tree):
    (tree / "f.jpg").symlink_to("../out/o.jpg")
    (tree / "null.jpg").symlink_to("/dev/null")
    path = bytes(tree / "f.jpg")
    assert FollowingFileSystem().read(path, 99)[0] == b"out/o.jpg"
    for files, name, reason in (
        (LocalFileSystem(), path, "symbolic-link"),
        (FollowingFileSystem(), bytes(tree / "null.jpg"), "not-a-regular-file"),
    ):
        with pytest.raises(Exception, match=r".") as caught:
            files.read(name, 99)
        assert caught.value.reason.value == reason
