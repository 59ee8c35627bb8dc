"""What rules leave out, with git itself as the oracle of its own rules."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nearsight.errors import UsageError
from nearsight.files import LocalFileSystem
from nearsight.images.ignore_rules import FileRules, IgnorePatterns, relative_glob
from nearsight.images.walk import FoundFile, LeftOut, SkippedEntry, walk_folder

FILES = [
    *("a.jpg", "b.png", "keep/a.jpg", "keep/x.txt", "keep/in/b.jpg", "raw/1.nef", "raw/1.jpg", "2012/raw/2.nef"),
    *("2012/05/raw/3.nef", "2012/05/a b.jpg", "2012/#x.jpg", "!odd.jpg", "x/y/z/deep.jpg", "x/y/private/p.jpg"),
    *(
        "private/p.jpg",
        "private/sub/q.jpg",
        "Ünter/übe.jpg",
        "foo",
        "bar/foo/c.jpg",
        "trail ",
        "a[1].jpg",
        "build.d/o.jpg",
    ),
]
RULES = [
    {"": "*.png\n"},
    {"": "private/\n"},
    {"": "/private/\n"},
    {"": "x/y/private\n"},
    {"": "*\n!keep/\n!*.jpg\n"},
    {"": "/*\n!/keep\n"},
    {"": "keep/*\n!keep/a.jpg\n"},
    {"": "keep/**\n!keep/in/\n"},
    {"": "**/raw/*.nef\n"},
    {"": "2012/**/raw\n"},
    {"": "2012/**\n"},
    {"": "**/p.jpg\n"},
    {"": "foo/\n"},
    {"": "foo\n"},
    {"": "\\#x.jpg\n# a comment\n\n\\!odd.jpg\n"},
    {"": "a b.jpg\ntrail\\ \nübe.jpg\n"},
    {"": "a[[]1].jpg\n"},
    {"": "[ab].*\n?.jpg\n"},
    {"": "[!a].jpg\n"},
    {"": "*/\n"},
    {"": "!/*/*\n/**/*\n!2012/raw/\n"},
    {"": "pri**\n!private/sub/\n"},
    {"": "*.jpg\n", "keep": "!a.jpg\n"},
    {"": "private/\n", "private": "!p.jpg\n"},
    {"": "!p.jpg\n", "private": "*\n!sub/\n"},
    {"2012": "/05/raw\n/raw\n", "2012/05": "!raw\n"},
    {"x/y": "z/\n", "x": "!z/\n"},
    {"": "*.jpg  \n"},
]


def made(root: Path, rules, name: str) -> Path:
    for file in FILES:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    for folder, text in rules.items():
        (root / folder / name).write_text(text)
    return root


def taken(root: Path, rules: FileRules | None = None) -> list[str]:
    found = walk_folder(bytes(root), LocalFileSystem(), rules=rules or FileRules())
    return [os.fsdecode(each.path) for each in found if isinstance(each, FoundFile)]


def left_out(root: Path, rules: FileRules | None = None) -> dict[str, str]:
    found = walk_folder(bytes(root), LocalFileSystem(), rules=rules or FileRules())
    return {os.fsdecode(each.path): str(each.rule) for each in found if isinstance(each, LeftOut)}


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
@pytest.mark.parametrize("rules", RULES)
def test_ignore_files_leave_out_what_git_would(tmp_path, rules):
    ours = made(tmp_path / "ours", rules, ".nearsightignore")
    gits = made(tmp_path / "gits", rules, ".gitignore")
    alone = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", "init", "-q", gits], check=True, env=alone)
    shown = ["git", "-C", gits, "ls-files", "-z", "--others", "--exclude-standard"]
    listed = subprocess.run(shown, check=True, capture_output=True, env=alone).stdout.decode().split("\0")
    assert taken(ours) == sorted(each for each in listed if each and not each.endswith(".gitignore"))


def test_each_is_left_out_by_a_rule_that_is_named(tmp_path):
    made(tmp_path, {"": "*.png\n", "x": "y/private/\n"}, ".nearsightignore")
    assert left_out(tmp_path, FileRules(exclude=("raw/",))) == {
        "2012/05/raw": "--exclude raw/",
        "2012/raw": "--exclude raw/",
        "b.png": ".nearsightignore: *.png",
        "raw": "--exclude raw/",
        "x/y/private": "x/.nearsightignore: y/private/",
    }


def test_options_go_before_ignore_files(tmp_path):
    made(tmp_path, {"": "*.png\n!a.jpg\n"}, ".nearsightignore")
    assert "b.png" in taken(tmp_path, FileRules(include=("*.png",)))
    assert "a.jpg" not in taken(tmp_path, FileRules(exclude=("a.jpg",)))
    assert "a.jpg" in taken(tmp_path, FileRules(exclude=("a.jpg",), include=("a.jpg",)))


def test_what_is_included_by_a_path_is_taken_from_a_folder_that_is_left_out(tmp_path):
    made(tmp_path, {}, "")
    out = FileRules(exclude=("private/", "2012/"))
    rest = taken(tmp_path, out)
    assert set(taken(tmp_path, FileRules(out.exclude, ("/private/sub/q.jpg",)))) - set(rest) == {"private/sub/q.jpg"}
    assert set(taken(tmp_path, FileRules(out.exclude, ("2012/**/*.nef",)))) - set(rest) == {
        "2012/05/raw/3.nef",
        "2012/raw/2.nef",
    }
    assert set(taken(tmp_path, FileRules(out.exclude, ("private/sub/",)))) - set(rest) == {"private/sub/q.jpg"}
    assert taken(tmp_path, FileRules(out.exclude, ("q.jpg",))) == rest, "a name does not reach into such a folder"
    assert left_out(tmp_path, FileRules(out.exclude, ("private/sub/q.jpg",))).keys() >= {"private", "2012"}


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("Über*", "U\u0308ber.jpg"),  # typed composed, stored as a Mac does
        ("*.jpg", "new\nline.jpg"),
        ("a.jpg", "sub/new\nline/a.jpg"),
        ("[#]x.jpg", "#x.jpg"),
        ("#recycled", "#recycled"),
        ("@eaDir", "@eaDir"),
        ("a  b.jpg", "a  b.jpg"),
        ("*", ".hidden"),
    ],
)
def test_names_of_every_kind_match(pattern, name):
    rules = FileRules().extend([pattern])
    patterns = IgnorePatterns("--exclude", b"", rules.exclude)
    assert patterns.find(name.encode(), is_folder=False)
    assert not patterns.find(b"other/b.png/x", is_folder=False) or pattern == "*"


def test_a_name_that_is_not_text_is_matched_by_its_bytes():
    patterns = IgnorePatterns.parse(b"", b"\xff*.jpg\n")
    assert patterns.find(b"sub/\xff\xfe.jpg", is_folder=False)
    assert not patterns.find(b"sub/\xfe.jpg", is_folder=False)


def test_a_trailing_line_break_of_a_name_is_no_end():
    assert not IgnorePatterns.parse(b"", b"a.jpg").find(b"a.jpg\n", is_folder=False)


@pytest.mark.parametrize("data", ["\ufeff*.png\r\n".encode(), "*.png\r\n".encode("utf-16"), b"*.png\n[z-a]\n[a\n"])
def test_files_as_editors_write_them(data):
    patterns = IgnorePatterns.parse(b"sub/", data)
    assert patterns.find(b"sub/a.png", is_folder=False)
    assert not patterns.find(b"sub/a.jpg", is_folder=False)


@pytest.mark.parametrize("glob", ["", "/", "[z-a]", "!a.jpg", "  "])
def test_what_is_no_pattern_is_refused(glob):
    with pytest.raises(UsageError, match=r"no pattern|begins with !"):
        FileRules().extend([glob])


def test_rules_add_up_and_the_last_word_about_a_pattern_counts():
    first = FileRules().extend(["*.png", "private/"], follow_links=True)
    assert first.extend(["raw/"]) == FileRules(("*.png", "private/", "raw/"), (), follow_links=True)
    back = first.extend(include=["*.png", "*.png"], follow_links=False)
    assert back == FileRules(("private/",), ("*.png",))
    assert back.extend(["*.png"]) == FileRules(("private/", "*.png"))


def test_paths_of_this_machine_count_from_the_folder():
    assert relative_glob("/home/me/photos/private/", "/home/me/photos") == "/private/"
    assert relative_glob("./private", "/home/me/photos") == "/private"
    assert relative_glob("/private", "/home/me/photos") == "/private"
    assert relative_glob("*.png", "/") == "*.png"


def test_an_ignore_file_that_cannot_be_read_leaves_the_folder_unread(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.jpg").touch()
    (tmp_path / "sub" / ".nearsightignore").symlink_to("elsewhere")
    (tmp_path / "b.jpg").touch()
    first, second = walk_folder(bytes(tmp_path), LocalFileSystem())
    assert isinstance(first, FoundFile)
    assert isinstance(second, SkippedEntry)
    assert (second.path, second.reason.value, second.subtree) == (b"sub", "unreadable", True)
    assert ".nearsightignore" in second.detail
    (tmp_path / ".nearsightignore").symlink_to("elsewhere")
    with pytest.raises(UsageError, match="nearsightignore"):
        list(walk_folder(bytes(tmp_path), LocalFileSystem()))


def test_an_ignore_file_is_passed_over_itself_and_may_be_empty(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / ".nearsightignore").touch()
    assert [each.path for each in walk_folder(bytes(tmp_path), LocalFileSystem())] == [b"a.jpg"]
