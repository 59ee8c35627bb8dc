"""What a person decided: kept by contents, not asked again, undone, exchanged; and acted on without losing anything."""

from __future__ import annotations

import csv
import errno
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest

import nearsight as ns
from nearsight.applications.duplicates import acting
from nearsight.errors import StorageError, UsageError
from tests.api.conftest import read, write
from tests.conftest import thirteen

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two photographs with copies: a re-saved and a small one of the first, the same file twice of the second."""
    root = thirteen(tmp_path_factory.mktemp("decisions") / "photographs")
    pixels = read(root / "coffee.png")
    write(root / "saved.jpg", pixels, quality=60)
    write(root / "small.jpg", cv2.resize(pixels, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), quality=90)
    shutil.copy(root / "flower.jpg", root / "sub" / "flower again.jpg")
    ns.duplicates(root)
    return root


@pytest.fixture
def folder(made, tmp_path, own_trash):
    """A copy of the folder with its collection, and an empty trash."""
    return shutil.copytree(made, tmp_path / "folder", symlinks=True)


def groups(folder, **options):
    return [{each.path for each in group.members} for group in ns.duplicates(folder, **options).groups]


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and ".nearsight" not in path.parts
    }


COFFEE, FLOWER = {"coffee.png", "saved.jpg", "small.jpg"}, {"flower.jpg", "sub/flower again.jpg"}


def test_what_is_decided_is_not_asked_again(folder):
    assert sorted(map(sorted, groups(folder))) == sorted(map(sorted, (COFFEE, FLOWER)))
    ns.decide(folder, "duplicate", "small.jpg", "coffee.png")
    assert COFFEE in groups(folder)  # saved.jpg is left
    ns.decide(folder, "keep both", "coffee.png", "saved.jpg")
    found = ns.duplicates(folder)
    assert [{each.path for each in group.members} for group in found.groups] == [FLOWER]
    assert found.n_decided == 1
    (group,) = (each for each in ns.duplicates(folder, decided=True).groups if each.decided)
    assert {each.path: each.decision for each in group.members} == {
        "coffee.png": "keep both",
        "saved.jpg": "keep both",
        "small.jpg": "duplicate",
    }


def test_what_is_no_duplicate_is_in_no_group_with_it(folder):
    ns.decide(folder, "not a duplicate", "saved.jpg", "coffee.png")
    together = [each for each in groups(folder) if {"saved.jpg", "coffee.png"} <= each]
    assert together == []
    assert any("small.jpg" in each for each in groups(folder))  # it is a copy of either


def test_a_decision_follows_the_contents_wherever_they_are_moved(folder):
    ns.decide(folder, "keep both", "flower.jpg", "sub/flower again.jpg")
    ns.decide(folder, "keep both", "coffee.png", "saved.jpg")
    ns.decide(folder, "duplicate", "small.jpg", "coffee.png")
    os.rename(folder / "flower.jpg", folder / "sub" / "moved.jpg")
    os.rename(folder / "coffee.png", folder / "sub" / "cup.png")
    assert groups(folder) == []
    assert {"sub/moved.jpg", "sub/cup.png"} <= {
        path for each in ns.decisions(folder) for path in (each.path, each.other_path)
    }
    exported = folder.parent / "decided.csv"
    assert ns.export_decisions(folder, exported) == 3
    shutil.rmtree(folder / ".nearsight")
    assert len(groups(folder)) == 2
    assert ns.import_decisions(folder, exported) == 3
    assert groups(folder) == []
    assert ns.import_decisions(folder, exported) == 0


def test_the_last_decision_is_undone_and_what_it_replaced_holds_again(folder):
    ns.decide(folder, "keep both", "flower.jpg", "sub/flower again.jpg")
    ns.decide(folder, "duplicate", "sub/flower again.jpg", "flower.jpg")
    assert [each.decision for each in ns.decisions(folder)] == ["duplicate"]
    (undone,) = ns.undo_decisions(folder)
    assert undone.decision == "duplicate"
    assert [each.decision for each in ns.decisions(folder)] == ["keep both"]
    ns.undo_decisions(folder)
    assert FLOWER in groups(folder)
    with pytest.raises(UsageError, match="nothing was decided"):
        ns.undo_decisions(folder)


def test_proposals_are_accepted_and_undone_at_once(folder):
    found = ns.duplicates(folder)
    same = sum(each.same_as_kept for group in found.groups for each in group.members)
    assert ns.accept_proposals(folder, found) == same == len(ns.decisions(folder)) == 3
    assert groups(folder) == []
    assert ns.accept_proposals(folder, ns.duplicates(folder, decided=True)) == 0
    assert len(ns.undo_decisions(folder)) == 3
    assert ns.decisions(folder) == []


def test_who_chose_what_to_keep_finds_it_proposed(folder):
    ns.decide(folder, "duplicate", "coffee.png", "small.jpg")
    (group,) = (each for each in ns.duplicates(folder).groups if len(each.members) == 3)
    assert (group.keep, group.keep_why) == ("small.jpg", "you chose to keep it")
    assert not any(each.same_as_kept for each in group.members)  # it is smaller than the others


@pytest.mark.parametrize(
    ("decided", "said"),
    [
        (("delete", "a.jpg", "b.jpg"), 'duplicate, keep both, not a duplicate; got "delete"'),
        (("duplicate", "none.jpg", "coffee.png"), "no image at none.jpg"),
        (("duplicate", "coffee.png", "coffee.png"), "same one twice"),
        (("not a duplicate", "flower.jpg", "sub/flower again.jpg"), "equal, byte for byte"),
    ],
)
def test_what_cannot_be_decided_is_said(folder, decided, said):
    with pytest.raises(UsageError, match=said):
        ns.decide(folder, *decided)
    assert ns.decisions(folder) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("duplicate,a.jpg,00,b.jpg,{b},x", "line 2: sha256: a SHA-256 has 64"),
        ("gone,a.jpg,{a},b.jpg,{b},x", "line 2: decision: a decision is"),
        ("not a duplicate,a.jpg,{a},b.jpg,{a},x", "line 2: both images have the same contents"),
        ("duplicate,a.jpg", "line 2: sha256"),
    ],
)
def test_a_table_that_is_none_adds_nothing(folder, tmp_path, line, said):
    table = tmp_path / "table.csv"
    table.write_text("decision,path,sha256,other_path,other_sha256,made\n" + line.format(a="aa" * 32, b="bb" * 32))
    with pytest.raises(UsageError, match=said):
        ns.import_decisions(folder, table)
    assert ns.decisions(folder) == []


def test_nothing_goes_before_it_is_told_to(folder):
    before = contents(folder)
    assert ns.act_on_decisions(folder).files == ()
    ns.accept_proposals(folder, ns.duplicates(folder))
    for to in ("trash", "list"):
        planned = ns.act_on_decisions(folder, to)
        assert {each.path for each in planned.files} == (COFFEE | FLOWER) - {"coffee.png", kept_flower(folder)}
        assert not any(each.problem for each in planned.files)
    assert ns.act_on_decisions(folder, "list", dry_run=False).journal == ""
    assert contents(folder) == before
    assert not (folder / ".nearsight" / "journals").exists()


def kept_flower(folder):
    return next(each.other_path for each in ns.decisions(folder) if "flower" in each.path)


def test_the_trash_gives_everything_back(folder):
    before = contents(folder)
    ns.accept_proposals(folder, ns.duplicates(folder))
    done = ns.act_on_decisions(folder, "trash", dry_run=False)
    assert len(contents(folder)) == len(before) - 3
    assert {"coffee.png", kept_flower(folder)} <= set(contents(folder))
    notes = [json.loads(line) for line in Path(done.journal).read_text("utf8").splitlines()]
    assert [each["done"] for each in notes] == [False, True] * 3
    assert groups(folder) == []
    assert ns.restore_duplicates(folder) == [(each["path"], "") for each in reversed(notes) if each["done"]]
    assert contents(folder) == before
    assert ns.restore_duplicates(folder, done.journal) == [
        (each["path"], "") for each in reversed(notes) if each["done"]
    ]


def test_of_what_is_decided_in_a_circle_all_stay(folder):
    before = contents(folder)
    ns.decide(folder, "duplicate", "coffee.png", "saved.jpg")
    ns.decide(folder, "duplicate", "saved.jpg", "small.jpg")
    ns.decide(folder, "duplicate", "small.jpg", "coffee.png")
    ns.decide(folder, "duplicate", "flower.jpg", "sub/flower again.jpg")
    done = ns.act_on_decisions(folder, "trash", dry_run=False)
    assert {each.path: bool(each.problem) for each in done.files} == {
        "coffee.png": True,
        "saved.jpg": True,
        "small.jpg": True,
        "flower.jpg": False,
    }
    assert set(before) - set(contents(folder)) == {"flower.jpg"}


def test_of_a_chain_the_last_is_kept(folder):
    ns.decide(folder, "duplicate", "small.jpg", "saved.jpg")
    ns.decide(folder, "duplicate", "saved.jpg", "coffee.png")
    planned = ns.act_on_decisions(folder)
    assert {each.path: each.kept for each in planned.files} == {"small.jpg": "coffee.png", "saved.jpg": "coffee.png"}


def test_what_is_to_be_kept_too_stays(folder):
    ns.decide(folder, "keep both", "small.jpg", "saved.jpg")
    ns.decide(folder, "duplicate", "small.jpg", "coffee.png")
    (planned,) = ns.act_on_decisions(folder).files
    assert planned.problem == "you also decided to keep it beside saved.jpg"


def test_what_changed_since_stays_and_so_does_what_would_be_the_last(folder):
    ns.accept_proposals(folder, ns.duplicates(folder))
    write(folder / "saved.jpg", np.zeros((40, 40, 3), np.uint8))
    (folder / kept_flower(folder)).unlink()
    done = {each.path: each.problem for each in ns.act_on_decisions(folder, "trash", dry_run=False).files}
    assert done["saved.jpg"] == "it is gone, or was changed since it was indexed"
    (flower,) = (problem for path, problem in done.items() if "flower" in path)
    assert flower == "the image to keep is gone, or was changed since it was indexed"
    assert done["small.jpg"] == ""
    assert not (folder / "small.jpg").exists()
    assert (folder / "saved.jpg").exists()


def test_a_file_is_no_duplicate_of_itself_by_another_path(folder):
    kept, other = folder / "flower.jpg", folder / "sub" / "flower again.jpg"
    ns.decide(folder, "duplicate", "sub/flower again.jpg", "flower.jpg")
    other.unlink()
    other.symlink_to(kept)
    (planned,) = ns.act_on_decisions(folder, "trash", dry_run=False).files
    assert planned.problem == "it is the file to keep, by another path"
    assert kept.exists()


def test_equal_files_become_links_and_files_again(folder):
    before, times = contents(folder), (folder / "sub" / "flower again.jpg").stat().st_mtime_ns
    ns.decide(folder, "duplicate", "sub/flower again.jpg", "flower.jpg")
    ns.decide(folder, "duplicate", "saved.jpg", "coffee.png")
    done = ns.act_on_decisions(folder, "hardlink", dry_run=False)
    assert {each.path: each.problem for each in done.files} == {
        "saved.jpg": "its bytes are not those of the image to keep, which a link would put in its place",
        "sub/flower again.jpg": "",
    }
    kept, linked = folder / "flower.jpg", folder / "sub" / "flower again.jpg"
    assert linked.samefile(kept)
    assert contents(folder) == before
    (again,) = (each for each in ns.act_on_decisions(folder, "hardlink").files if "flower" in each.path)
    assert again.problem == "it is linked already"
    assert ns.restore_duplicates(folder) == [(str(linked), "")]
    assert not linked.samefile(kept)
    assert contents(folder) == before
    assert linked.stat().st_mtime_ns == times


def test_data_is_shared_where_the_file_system_can(folder, monkeypatch):
    before = contents(folder)
    ns.decide(folder, "duplicate", "sub/flower again.jpg", "flower.jpg")

    def refuse(*given):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    (done,) = ns.act_on_decisions(folder, "reflink", dry_run=False).files
    assert "use trash or hardlink" in done.problem
    assert contents(folder) == before
    assert not list(folder.rglob(".tmp-*"))

    def clone(target, request, source):
        assert request == 0x40049409
        os.write(target, os.pread(source, 1 << 24, 0))

    monkeypatch.setattr(fcntl, "ioctl", clone)
    (done,) = ns.act_on_decisions(folder, "reflink", dry_run=False).files
    assert done.problem == ""
    assert contents(folder) == before


def test_without_a_journal_nothing_goes(folder, monkeypatch):
    before = contents(folder)
    ns.accept_proposals(folder, ns.duplicates(folder))

    def full(descriptor):
        if "journals" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(acting.os, "fsync", full)
    with pytest.raises(StorageError, match="journal cannot be written"):
        ns.act_on_decisions(folder, "trash", dry_run=False)
    assert contents(folder) == before


def test_what_is_in_the_way_of_a_restored_file_stays(folder):
    ns.decide(folder, "duplicate", "saved.jpg", "coffee.png")
    ns.act_on_decisions(folder, "trash", dry_run=False)
    (folder / "saved.jpg").write_bytes(b"another one")
    assert [problem for _, problem in ns.restore_duplicates(folder)] == ["another file is there now"]
    (folder / "saved.jpg").unlink()
    assert [problem for _, problem in ns.restore_duplicates(folder)] == [""]


def test_a_run_that_was_killed_before_it_noted_the_end_is_undone_too(folder):
    before = contents(folder)
    ns.accept_proposals(folder, ns.duplicates(folder))
    journal = Path(ns.act_on_decisions(folder, "trash", dry_run=False).journal)
    lines = journal.read_text("utf8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]) + lines[-1][:20], "utf8")  # the end of the last file is half written
    assert [problem for _, problem in ns.restore_duplicates(folder)] == ["", "", ""]
    assert contents(folder) == before


def test_a_trash_that_was_emptied_is_said(folder, tmp_path):
    ns.decide(folder, "duplicate", "saved.jpg", "coffee.png")
    ns.act_on_decisions(folder, "trash", dry_run=False)
    shutil.rmtree(tmp_path / "home" / "data" / "Trash")
    assert [problem for _, problem in ns.restore_duplicates(folder)] == [
        "it is not in the trash as it was put there: restore it by your desktop"
    ]


def test_there_is_no_other_way_and_no_other_journal(folder, tmp_path):
    with pytest.raises(UsageError, match="trash, hardlink, reflink, list; got away"):
        ns.act_on_decisions(folder, "away")
    with pytest.raises(UsageError, match="nothing was done"):
        ns.restore_duplicates(folder)
    (tmp_path / "none.jsonl").write_text("[1]\n")
    with pytest.raises(UsageError, match="is no journal"):
        ns.restore_duplicates(folder, tmp_path / "none.jsonl")


def test_a_decision_with_a_flipped_bit_is_noticed_and_dropped(folder):
    ns.decide(folder, "keep both", "coffee.png", "saved.jpg")
    db = sqlite3.connect(folder / ".nearsight" / "catalogue.sqlite")
    db.execute("UPDATE decision SET kind='duplicate'")
    db.commit()
    db.close()
    with pytest.raises(ns.NearsightError, match="damaged"):
        ns.decisions(folder)
    with ns.open(folder) as photos:
        assert any("table decision" in each.what for each in photos.verify())


def test_the_exported_table_has_a_line_for_each_decision_that_holds(folder, tmp_path):
    ns.decide(folder, "keep both", "coffee.png", "saved.jpg")
    ns.decide(folder, "duplicate", "saved.jpg", "coffee.png")
    ns.export_decisions(folder, tmp_path / "decided.csv")
    (row,) = csv.DictReader((tmp_path / "decided.csv").read_text("utf8").splitlines())
    assert (row["decision"], row["path"], row["other_path"]) == ("duplicate", "saved.jpg", "coffee.png")
    assert row["sha256"] == hashlib.sha256((folder / "saved.jpg").read_bytes()).hexdigest()
