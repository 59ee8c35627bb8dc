"""duplicates and check as their user runs them, with real workers."""

from __future__ import annotations

import csv
import json
import re
import shutil

import pytest
from PIL import Image

from tests.command import nearsight
from tests.conftest import thirteen


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = thirteen(tmp_path_factory.mktemp("cli") / "images")
    with Image.open(made / "china.jpg") as image:
        image.save(made / "saved.jpg", quality=70)
        image.resize((320, 214)).save(made / "small.png")
    shutil.copy(made / "flower.jpg", made / "sub" / "flower again.jpg")
    return made


def test_groups_are_printed_written_and_remembered(folder, tmp_path):
    done = nearsight("duplicates", folder, "--csv", tmp_path / "groups.csv", COLUMNS="160")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-2] == (
        "16 images, 2 groups with 3 other images; 3 are identical to the one to keep, or copies of it and no "
        f"larger: {sum((folder / name).stat().st_size for name in not_kept(done.stdout, folder)) / 1e6:,.1f} MB"
    )
    rows = list(csv.DictReader((tmp_path / "groups.csv").read_text("utf8").splitlines()))
    assert {row["path"]: row["verdict"] for row in rows if row["group"] == rows[0]["group"]}
    assert sorted(row["path"] for row in rows) == sorted(
        ["china.jpg", "saved.jpg", "small.png", "flower.jpg", "sub/flower again.jpg"]
    )
    assert sum(row["keep"] == "True" for row in rows) == 2
    listed = json.loads(nearsight("duplicates", folder, "--json").stdout)
    assert listed["n_remembered"] == listed["n_compared"] > 0
    assert [[each["path"] for each in group["members"]] for group in listed["groups"]]


def test_the_page_shows_each_group_and_frames_what_differs(folder, tmp_path):
    edited = shutil.copytree(folder, tmp_path / "<b>images")
    with Image.open(edited / "china.jpg") as image:
        image.paste((250, 20, 20), (40, 40, 160, 110))
        image.save(edited / "<img src=x> edited.png")
    page = tmp_path / "page.html"
    done = nearsight("duplicates", edited, "--verdict", "identical,copy,edited", "--html", page)
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf8")
    assert text.count("<section>") == 2
    assert text.count('<img src="data:image/jpeg;base64,') == 6
    assert text.count('class="keep"') == 2
    assert "<img src=x>" not in text
    assert "<b>images" not in text
    assert "<script" not in text
    boxes = [tuple(map(float, found)) for found in re.findall(BOX, text)]
    assert any(
        box == pytest.approx((100 * 40 / 640, 100 * 40 / 427, 100 * 120 / 640, 100 * 70 / 427), abs=6) for box in boxes
    )
    refused = nearsight("duplicates", folder, "--across", edited, "--html", page)
    assert (refused.returncode, "--across" in refused.stderr) == (2, True)


BOX = r"left: ([\d.]+)%; top: ([\d.]+)%; width: ([\d.]+)%; height: ([\d.]+)%"


def not_kept(text, folder):
    """The files of a table that are not the ones to keep."""
    kept = [line for line in text.splitlines() if " keep " in line]
    names = ["china.jpg", "saved.jpg", "small.png", "flower.jpg", "sub/flower again.jpg"]
    return [name for name in names if not any(f" {name} " in line for line in kept)]


def test_a_folder_without_copies_is_exit_code_one(tmp_path, random_image):
    random_image(tmp_path / "one.jpg", 1)
    done = nearsight("duplicates", tmp_path)
    assert done.returncode == 1
    assert "1 image, 0 groups" in done.stdout


def test_what_is_not_in_another_folder_is_a_list_for_rsync(folder, tmp_path, random_image):
    card = tmp_path / "card"
    card.mkdir()
    shutil.copy(folder / "rocket.jpg", card / "there.jpg")
    random_image(card / "new.jpg", 5)
    done = nearsight("duplicates", card, "--across", folder, "--missing", tmp_path / "files", COLUMNS="160")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 images have a copy there, 1 of them as large and whole" in done.stdout
    assert (tmp_path / "files").read_text() == "new.jpg\n"
    assert not (card / ".nearsight").exists()
    checked = nearsight("check", card / "new.jpg", card / "there.jpg", "--in", folder, COLUMNS="160")
    assert checked.returncode == 0
    assert "1 of 2 images have a copy there" in checked.stdout
    assert nearsight("check", card / "new.jpg", "--in", folder).returncode == 1


def test_a_name_with_a_line_break_is_no_line_of_a_list(folder, tmp_path, random_image):
    card = tmp_path / "card"
    card.mkdir()
    random_image(card / "two\nlines.jpg", 5)
    done = nearsight("duplicates", card, "--across", folder, "--missing", tmp_path / "files")
    assert (done.returncode, "line break" in done.stderr) == (2, True)
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--missing", "x"), "--across"),
        (("--keep", "best"), "largest"),
        (("--keep", "path:zzz*"), "fits zzz*"),
        (("--verdict", "same"), "identical, copy, edited, part"),
        (("--across", "nowhere"), "not a folder"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_two(folder, options, said):
    done = nearsight("duplicates", folder, *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def decided(folder, tmp_path, own_trash):
    """A copy of the folder with its collection, whose trash is empty."""
    copied = shutil.copytree(folder, tmp_path / "images")
    nearsight("duplicates", copied)
    return copied, {"COLUMNS": "160"}


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*.*") if ".nearsight" not in path.parts}


def test_what_is_accepted_goes_to_the_trash_and_comes_back(decided):
    folder, home = decided
    before = files(folder)
    done = nearsight("duplicates", folder, "--accept", **home)
    assert "decided: 3 duplicates; nearsight duplicates apply shows what would go" in done.stdout
    again = nearsight("duplicates", folder, **home)
    assert again.returncode == 1
    assert "2 groups more, about which you decided: --decided shows them" in again.stdout
    assert nearsight("duplicates", folder, "--decided", **home).stdout.count("you decided: duplicate") == 3
    shown = nearsight("duplicates", "apply", "--in", folder, **home)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"nothing was done: 3 files, [\d.]+ MB would go to the trash with --yes", shown.stdout)
    assert files(folder) == before
    listed = nearsight("duplicates", "apply", "--to", "list", "--in", folder, **home).stdout.splitlines()
    gone = nearsight("duplicates", "apply", "--yes", "--in", folder, **home)
    assert (gone.returncode, gone.stderr) == (0, "")
    assert before - files(folder) == set(listed)
    assert len(listed) == 3
    back = nearsight("duplicates", "restore", "--in", folder, **home)
    assert back.stdout.endswith("3 of 3 files restored\n")
    assert files(folder) == before


def test_decisions_are_printed_written_read_and_undone(decided, tmp_path):
    folder, home = decided
    said = nearsight("duplicates", "decide", "keep-both", "china.jpg", "saved.jpg", "--in", folder, **home)
    assert said.stdout == "china.jpg and saved.jpg are both kept\n"
    nearsight("duplicates", "decide", "not-a-duplicate", "small.png", "saved.jpg", "--in", folder, **home)
    table = tmp_path / "decided.csv"
    listed = nearsight("duplicates", "decisions", "--csv", table, "--in", folder, **home).stdout.splitlines()
    assert listed[1].endswith("small.png and saved.jpg are no duplicates")
    assert listed[2] == f"2 decisions: {table}"
    for _ in range(2):
        nearsight("duplicates", "undo", "--in", folder, **home)
    assert nearsight("duplicates", "decisions", "--in", folder, **home).returncode == 1
    assert nearsight("duplicates", "import", table, "--in", folder, **home).stdout == "2 new decisions\n"
    wrong = nearsight("duplicates", "decide", "away", "china.jpg", "saved.jpg", "--in", folder, **home)
    assert wrong.returncode == 2
    assert wrong.stderr == 'nearsight: a decision is duplicate, keep both, not a duplicate; got "away"\n'


@pytest.mark.parametrize("command", ["find", "decide", "decisions", "import", "undo", "apply", "restore"])
def test_each_command_has_its_help(command):
    told = nearsight("duplicates", command, "--help")
    assert told.returncode == 0
    assert f"nearsight duplicates {command}" in told.stdout
    assert "Example: nearsight duplicates" in told.stdout


def test_options_that_do_not_go_together_are_said(folder):
    done = nearsight("duplicates", folder, "--accept", "--across", folder)
    assert done.returncode == 2
    assert "not with --across" in done.stderr


def test_bursts_are_grouped_apart(tmp_path, folder):
    with Image.open(folder / "china.jpg") as image:
        for second in range(2):
            exif = Image.Exif()
            exif.get_ifd(0x8769)[0x9003] = f"2020:05:01 12:00:0{second}"
            image.crop((second, 0, 600 + second, 400)).save(tmp_path / f"{second}.jpg", exif=exif)
    done = nearsight("duplicates", tmp_path, "--bursts", "5", "--json")
    assert [[each["verdict"] for each in group["members"]] for group in json.loads(done.stdout)["groups"]] == [
        ["", "burst"]
    ]
    wrong = nearsight("duplicates", tmp_path, "--bursts", "5", "--verdict", "copy")
    assert wrong.returncode == 2
    assert "without --verdict" in wrong.stderr
