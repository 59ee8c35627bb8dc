from __future__ import annotations

import os
import socket
import subprocess

import pytest

from nearsight.errors import Reason, UsageError
from nearsight.files import LocalFileSystem
from nearsight.images.walk import FoundFile, SkippedEntry, walk_folder

OWN = frozenset({b".nearsight"})


def seen(root, files=None):
    return list(walk_folder(bytes(root), files or LocalFileSystem(), OWN))


def paths(root, files=None):
    return [each.path for each in seen(root, files)]


def test_all_files_in_the_order_of_their_bytes(tmp_path):
    for name in ("b/z.jpg", "b/a/1.jpg", "a.jpg", "a/x.jpg", "a-b/x.jpg", ".hidden/h.jpg", "A.jpg", ".nearsight/own"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a" / ".nearsight").mkdir()
    found = paths(tmp_path)
    assert found == sorted(found)
    assert found == [b".hidden/h.jpg", b"A.jpg", b"a-b/x.jpg", b"a.jpg", b"a/x.jpg", b"b/a/1.jpg", b"b/z.jpg"]


def test_found_has_the_state_of_the_file(tmp_path):
    (tmp_path / "a").write_bytes(b"123")
    state = (tmp_path / "a").stat()
    assert seen(tmp_path) == [FoundFile(b"a", 3, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)]


def test_links_are_never_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").touch()
    (tmp_path / "to-file").symlink_to("real/a")
    (tmp_path / "to-folder").symlink_to("real")
    (tmp_path / "to-nothing").symlink_to("none")
    (tmp_path / "to-self").symlink_to("to-self")
    (tmp_path / "real" / "up").symlink_to("..")
    (tmp_path / "out").symlink_to("/etc")
    result = {each.path: each for each in seen(tmp_path)}
    links = {path for path, each in result.items() if isinstance(each, SkippedEntry)}
    assert links == {b"to-file", b"to-folder", b"to-nothing", b"to-self", b"real/up", b"out"}
    assert all(result[path].reason is Reason.LINK and not result[path].subtree for path in links)


def test_special_files(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    assert [(each.path, each.reason, each.detail) for each in seen(tmp_path)] == [
        (b"fifo", Reason.NOT_REGULAR, "a FIFO"),
        (b"socket", Reason.NOT_REGULAR, "a socket"),
    ]


def test_odd_names_round_trip(tmp_path):
    names = [
        b"new\nline.jpg", b"\x1b[31mred.jpg", "\u202egpj.exe".encode(), b"-rf", b"x" * 255, b"\xff\xfe\x80.jpg",
        "\N{PILE OF POO}.jpg".encode(), b" ", b"~", b"a\\b",
    ]  # fmt: skip
    for name in names:
        with open(os.path.join(bytes(tmp_path), name), "wb") as file:
            file.write(name)
    assert paths(tmp_path) == sorted(names)
    for name in names:
        assert LocalFileSystem().read(os.path.join(bytes(tmp_path), name), 999)[0] == name


def test_tree_deeper_than_python(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("a.jpg", os.O_CREAT, dir_fd=here))
    finally:
        os.close(here)
    try:
        assert paths(tmp_path) == [b"d/" * 1500 + b"a.jpg"]
    finally:  # what cleans up after tests is recursive
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)


class Failing(LocalFileSystem):
    def __init__(self, name, error):
        self.name, self.error = name, error

    def scan(self, folder):
        if os.path.basename(folder) == self.name:
            raise self.error
        return super().scan(folder)


def test_unreadable_folder_says_that_what_is_below_is_unknown(tmp_path):
    for name in ("a/1", "b/1", "c/1"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    files = Failing(b"b", PermissionError(13, "Permission denied"))
    assert paths(tmp_path, files) == [b"a/1", b"b", b"c/1"]
    assert seen(tmp_path, files)[1] == SkippedEntry(b"b", Reason.UNREADABLE, "Permission denied", subtree=True)
    assert seen(tmp_path, Failing(b"b", OSError(5, "Input/output error")))[1].reason is Reason.UNREADABLE


def test_vanishing_folder_and_file(tmp_path):
    for name in ("a/1", "b/1", "b/2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    gone = Failing(b"a", FileNotFoundError(2, "No such file or directory"))
    assert seen(tmp_path, gone)[0].reason is Reason.VANISHED

    class Late(LocalFileSystem):
        def scan(self, folder):
            entries = super().scan(folder)
            if folder.endswith(b"/b"):
                (tmp_path / "b" / "1").unlink()
            return entries

    assert [(each.path, getattr(each, "reason", None)) for each in seen(tmp_path, Late())] == [
        (b"a/1", None), (b"b/1", Reason.VANISHED), (b"b/2", None),
    ]  # fmt: skip


def test_root_that_cannot_be_read_is_an_error_and_not_an_empty_folder(tmp_path):
    with pytest.raises(UsageError, match="not a folder"):
        seen(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="not a folder"):
        seen(tmp_path / "file")
