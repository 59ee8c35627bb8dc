from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from nearsight.errors import ImageError, Reason, StorageError
from nearsight.files import TEMPORARY_PREFIX, LocalFileSystem


def reason(path: Path, files: LocalFileSystem | None = None, limit: int = 1000) -> Reason:
    with pytest.raises(ImageError) as caught:
        (files or LocalFileSystem()).read(bytes(path), limit)
    return caught.value.reason


def test_reads_whole_file_with_its_state(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1000)
    data, state = LocalFileSystem().read(bytes(path), 1000)
    assert (data, state.st_size, state.st_mtime_ns) == (b"x" * 1000, 1000, path.stat().st_mtime_ns)


def test_large_file_is_read_in_several_pieces(tmp_path):
    path = tmp_path / "a"
    content = os.urandom(1 << 20) * 40
    path.write_bytes(content)
    assert LocalFileSystem().read(bytes(path), 1 << 30)[0] == content


def test_reasons_of_what_is_not_a_readable_file(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"x" * 1001)
    (tmp_path / "link").symlink_to(tmp_path / "large")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert reason(tmp_path / "socket") is Reason.NOT_REGULAR
    assert reason(tmp_path / "empty") is Reason.EMPTY
    assert reason(tmp_path / "large") is Reason.FILE_TOO_LARGE
    assert reason(tmp_path / "link") is Reason.LINK
    assert reason(tmp_path / "fifo") is Reason.NOT_REGULAR
    assert reason(tmp_path) is Reason.NOT_REGULAR
    assert reason(tmp_path / "none") is Reason.VANISHED
    assert reason(tmp_path / "large" / "below") is Reason.VANISHED
    assert reason(Path("/dev/null")) is Reason.NOT_REGULAR


class Swapping(LocalFileSystem):
    """Puts something else in the file's place between the look and the opening."""

    def __init__(self, swap):
        self.swap = swap

    def _open(self, path, flags):
        self.swap(Path(os.fsdecode(path)))
        return super()._open(path, flags)


def test_file_replaced_by_link_or_fifo_after_the_look(tmp_path):
    path = tmp_path / "a"

    def by(make):
        def swap(path):
            path.unlink()
            make(path)

        path.write_bytes(b"x")
        return Swapping(swap)

    assert reason(path, by(lambda path: path.symlink_to("/etc/passwd"))) is Reason.LINK
    path.unlink()
    assert reason(path, by(os.mkfifo)) is Reason.NOT_REGULAR
    path.unlink()
    assert reason(path, by(lambda path: None)) is Reason.VANISHED


def test_file_that_changes_while_it_is_read(tmp_path):
    path = tmp_path / "a"

    class Growing(LocalFileSystem):
        def _read(self, descriptor, count):
            with path.open("ab") as file:
                file.write(b"more")
            return super()._read(descriptor, count)

    path.write_bytes(b"x" * 100)
    assert reason(path, Growing()) is Reason.CHANGING


def failing(method: str, code: int, nth: int = 1):
    """Files whose n-th call of a method fails."""

    class Failing(LocalFileSystem):
        calls = 0

    def call(self, *arguments):
        self.calls += 1
        if self.calls == nth:
            raise OSError(code, os.strerror(code))
        return getattr(LocalFileSystem, method)(self, *arguments)

    setattr(Failing, method, call)
    return Failing()


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_unreadable(tmp_path, code):
    (tmp_path / "a").write_bytes(b"x")
    assert reason(tmp_path / "a", failing("_read", code)) is Reason.UNREADABLE
    assert reason(tmp_path / "a", failing("_open", code)) is Reason.UNREADABLE


def test_write_new_writes_all_parts(tmp_path):
    import numpy as np

    path = tmp_path / "a"
    LocalFileSystem().write_new(path, [b"one", memoryview(np.arange(4, dtype="<u2")), b"", bytearray(b"two")])
    assert path.read_bytes() == b"one" + bytes([0, 0, 1, 0, 2, 0, 3, 0]) + b"two"
    assert os.listdir(tmp_path) == ["a"]
    LocalFileSystem().write_new(path, [])
    assert path.read_bytes() == b""


def test_short_writes_are_continued(tmp_path):
    class Short(LocalFileSystem):
        def _write(self, descriptor, view):
            return super()._write(descriptor, view[:7])

    Short().write_new(tmp_path / "a", [bytes(range(256)), b"end"])
    assert (tmp_path / "a").read_bytes() == bytes(range(256)) + b"end"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize(
    ("method", "nth"), [("_open", 1), ("_write", 1), ("_write", 2), ("_fsync", 1), ("_read", 1), ("_rename", 1)]
)
def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, method, nth, code):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(StorageError, match=os.strerror(code)) as caught:
        failing(method, code, nth).write_new(path, [b"new", b"er"])
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_disk_that_forgets_is_noticed(tmp_path):
    class Forgetful(LocalFileSystem):
        def _write(self, descriptor, view):
            return super()._write(descriptor, memoryview(bytes(len(view))))

    with pytest.raises(StorageError, match="read back"):
        Forgetful().write_new(tmp_path / "a", [b"new"])
    assert os.listdir(tmp_path) == []


def test_order_of_a_write_is_data_sync_rename_folder_sync(tmp_path):
    calls = []

    class Noting(LocalFileSystem):
        def _write(self, descriptor, view):
            calls.append("write")
            return super()._write(descriptor, view)

        def _fsync(self, descriptor):
            calls.append(
                "sync " + os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}"))[: len(TEMPORARY_PREFIX)]
            )
            super()._fsync(descriptor)

        def _rename(self, source, target):
            calls.append("rename")
            super()._rename(source, target)

    (tmp_path / "home").mkdir()
    Noting().write_new(tmp_path / "home" / "a", [b"x"])
    assert calls == ["write", f"sync {TEMPORARY_PREFIX}", "rename", "sync home"]


def test_exception_of_the_caller_passes_and_leaves_nothing(tmp_path):
    def parts():
        yield b"x"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalFileSystem().write_new(tmp_path / "a", parts())
    assert os.listdir(tmp_path) == []


def test_map(tmp_path):
    files = LocalFileSystem()
    files.write_new(tmp_path / "a", [b"mapped"])
    files.write_new(tmp_path / "empty", [])
    view = files.map(tmp_path / "a")
    assert bytes(view) == b"mapped"
    assert view.readonly
    assert len(files.map(tmp_path / "empty")) == 0
    with pytest.raises(FileNotFoundError):
        files.map(tmp_path / "none")


def test_small_things(tmp_path):
    files = LocalFileSystem()
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    files.write_new(tmp_path / "a" / "z", [b"123"])
    assert files.listdir(tmp_path / "a") == ["b", "z"]
    assert files.size(tmp_path / "a" / "z") == 3
    files.rename(tmp_path / "a" / "z", tmp_path / "a" / "y")
    assert files.exists(tmp_path / "a" / "y")
    assert not files.exists(bytes(tmp_path / "a" / "z"))
    files.remove(tmp_path / "a" / "y")
    files.remove(tmp_path / "a" / "y")
    assert files.listdir(tmp_path / "a") == ["b"]
    with pytest.raises(StorageError):
        files.remove(tmp_path / "a" / "b")
    with pytest.raises(StorageError):
        failing("_fsync", errno.EIO).make_folder(tmp_path / "c")
