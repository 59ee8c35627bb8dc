"""Bursts: one view, within seconds, by one camera; apart from copies, and never proposed to be let go."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import nearsight as ns
from nearsight.errors import UsageError
from tests.conftest import thirteen

pytestmark = pytest.mark.usefixtures("in_this_process")


def shoot(path, pixels, second, camera="One", minute=0):
    exif = Image.Exif()
    exif[0x0110] = camera
    exif.get_ifd(0x8769)[0x9003] = f"2020:05:01 12:{minute:02d}:{second:02d}"
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, exif=exif, quality=90)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A cup, thrice by one camera and once by another; a cat in between; and the cup a minute later."""
    source = thirteen(tmp_path_factory.mktemp("source") / "photographs")
    root = tmp_path_factory.mktemp("bursts")
    cup, cat = (np.asarray(Image.open(source / name).convert("RGB")) for name in ("coffee.png", "chelsea.png"))
    shoot(root / "1.jpg", cup[0:380, 0:560], 10)
    shoot(root / "2.jpg", cup[8:388, 12:572], 11)
    shoot(root / "3.jpg", cat, 12)
    shoot(root / "4.jpg", cup[12:392, 4:564], 14)
    shoot(root / "5.jpg", cup[4:384, 8:568], 12, camera="Two")
    shoot(root / "6.jpg", cup[2:382, 8:568], 20, minute=1)
    Image.fromarray(cup[6:386, 8:568]).save(root / "undated.png")
    return root


def by_path(found):
    return [{each.path: each.verdict for each in group.members} for group in found.groups]


def test_one_view_within_seconds_by_one_camera_is_a_burst(folder):
    found = ns.bursts(folder)
    assert by_path(found) == [{"1.jpg": "", "2.jpg": "burst", "4.jpg": "burst"}]
    assert found.left_out == "1 image of which no time is known"
    (group,) = found.groups
    assert group.members[1].why.startswith("taken 1 s after the first, views correlate 0.")
    assert sum(each.keep for each in group.members) == 1
    assert not any(each.same_as_kept for each in group.members)
    assert ns.accept_proposals(folder, found) == 0


def test_the_seconds_between_two_are_a_bound(folder):
    assert by_path(ns.bursts(folder, seconds=1)) == [{"1.jpg": "", "2.jpg": "burst"}]
    with pytest.raises(UsageError, match="more than 0 seconds"):
        ns.bursts(folder, seconds=0)


def test_a_burst_does_not_last_for_ever(tmp_path, folder):
    cup = np.asarray(Image.open(folder / "1.jpg").convert("RGB"))
    for second in range(0, 58, 2):
        shoot(tmp_path / f"{second:02d}.jpg", np.roll(cup, second % 3, axis=1), second)
    groups = by_path(ns.bursts(tmp_path, seconds=2))
    assert [len(each) for each in groups] == [21, 8]  # 40 seconds, then the others


def test_a_burst_is_decided_like_copies(folder, tmp_path):
    ns.decide(folder, "keep both", "1.jpg", "2.jpg")
    ns.decide(folder, "duplicate", "4.jpg", "2.jpg")
    found = ns.bursts(folder)
    assert (found.groups, found.n_decided) == ((), 1)
    (group,) = ns.bursts(folder, decided=True).groups
    assert (group.keep, group.keep_why) == ("2.jpg", "you chose to keep it")
    ns.undo_decisions(folder)
    ns.undo_decisions(folder)
