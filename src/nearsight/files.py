"""The one module that touches the file system; SQLite is the only other one that writes.

Images come in through `read`, which trusts nothing: not the name, not the kind, not the size. What nearsight stores
goes out through `write_new`, which leaves either the whole file under its name, or nothing. Paths of images are
`bytes`, because a name need not be text.

`LocalFileSystem` makes every call that can fail through a method of its own (`_open`, `_read`, `_write`, `_fsync`,
`_rename`), so a test can make the n-th one fail.
"""

from __future__ import annotations

import errno
import mmap
import os
import secrets
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from nearsight.errors import ImageError, Reason, StorageError

TEMPORARY_PREFIX = ".tmp-"
"""What the name of an unfinished file begins with. One that is found later was left by a kill, and may be removed."""

CHUNK_BYTES = 1 << 20
"""Bytes per read call."""

MIB = 1 << 20

BytesLike = bytes | bytearray | memoryview

_MISSING_ERRNOS = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}


class FileSystem(Protocol):
    """The file operations that nearsight needs."""

    def scan(self, folder: bytes) -> list[os.DirEntry[bytes]]:
        """The entries of one folder, in no order."""
        ...

    def read(self, path: bytes, limit: int) -> tuple[bytes, os.stat_result]:
        """The whole of a regular file of at most `limit` bytes."""
        ...

    def open_regular(self, path: bytes) -> BinaryIO:
        """A regular file of any size, open for reading."""
        ...

    def write_new(self, path: Path, parts: Iterable[BytesLike]) -> None:
        """Write a file whole, or not at all."""
        ...

    def map(self, path: Path) -> memoryview:
        """The whole file as read-only memory."""
        ...

    def size(self, path: Path) -> int:
        """The length of a file in bytes."""
        ...

    def exists(self, path: Path | bytes) -> bool:
        """Whether the path exists, even as a broken link."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file durably; an existing target is replaced."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file; a missing one is fine."""
        ...

    def listdir(self, folder: Path) -> list[str]:
        """The names in a folder, sorted."""
        ...

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents; an existing one is fine."""
        ...


class LocalFileSystem:
    """The file system of this machine."""

    def scan(self, folder: bytes) -> list[os.DirEntry[bytes]]:
        """The entries of one folder, in no order. Raises OSError."""
        with os.scandir(folder) as entries:
            return list(entries)

    def read(self, path: bytes, limit: int) -> tuple[bytes, os.stat_result]:
        """The whole of a regular file of at most `limit` bytes, and its state.

        1. What the name stands for must be a regular file, before it is opened (a FIFO would wait for ever) and after.
        2. Its size is checked before a byte is read.
        3. Size and time of change must be the same afterwards.

        Raises
        ------
        ImageError : with the reason why it was not read
        """
        try:
            _check_file_kind(os.lstat(path))
            descriptor = self._open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                return self._read_whole(descriptor, limit)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _read_error(error) from error

    def open_regular(self, path: bytes) -> BinaryIO:
        """A regular file of any size, open for reading.

        Raises
        ------
        ImageError : with the reason why it cannot be opened
        """
        try:
            _check_file_kind(os.lstat(path))
            descriptor = self._open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                _check_file_kind(os.fstat(descriptor))
                return os.fdopen(descriptor, "rb")
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            raise _read_error(error) from error

    def write_new(self, path: Path, parts: Iterable[BytesLike]) -> None:
        """Write a file whole, or not at all.

        1. Into a temporary file of the same folder, which nobody else can have open.
        2. fsync, then read back from the disk and compare the checksum.
        3. Rename, then fsync the folder, so that the name is as durable as the bytes.

        Raises
        ------
        StorageError : with one line that says why; the temporary file is gone, and `path` is as it was
        """
        temporary = path.with_name(TEMPORARY_PREFIX + secrets.token_hex(8))
        with _file_errors(path):
            try:
                self._write_and_verify(temporary, parts)
                self._rename(temporary, path)
            except BaseException:
                with suppress(OSError):
                    temporary.unlink()
                raise
            self._sync_folder(path.parent)

    def map(self, path: Path) -> memoryview:
        """The whole file as read-only memory, which lives as long as the view does.

        Raises FileNotFoundError where there is none, StorageError where it cannot be read.
        """
        with _file_errors(path):
            descriptor = self._open(os.fsencode(path), os.O_RDONLY | os.O_CLOEXEC)
            try:
                if not os.fstat(descriptor).st_size:
                    return memoryview(b"")
                return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
            finally:
                os.close(descriptor)

    def size(self, path: Path) -> int:
        """The length of a file in bytes. Raises FileNotFoundError where there is none, StorageError."""
        with _file_errors(path):
            return path.stat().st_size

    def exists(self, path: Path | bytes) -> bool:
        """Whether the path exists, even as a broken link. True when in doubt."""
        try:
            os.lstat(path)
        except OSError as error:
            return error.errno not in _MISSING_ERRNOS
        return True

    def rename(self, source: Path, target: Path) -> None:
        """Rename a file durably; an existing target is replaced. Raises StorageError."""
        with _file_errors(source):
            self._rename(source, target)
            self._sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Remove a file; a missing one is fine. Raises StorageError."""
        with _file_errors(path):
            path.unlink(missing_ok=True)

    def listdir(self, folder: Path) -> list[str]:
        """The names in a folder, sorted. Raises StorageError."""
        with _file_errors(folder):
            return sorted(os.listdir(folder))

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents durably; an existing one is fine. Raises StorageError."""
        with _file_errors(path):
            missing = [folder for folder in (path, *path.parents) if not folder.exists()]
            for folder in reversed(missing):
                folder.mkdir(exist_ok=True)
                self._sync_folder(folder.parent)

    def _read_whole(self, descriptor: int, limit: int) -> tuple[bytes, os.stat_result]:
        before = os.fstat(descriptor)
        _check_file_kind(before)
        _check_size(before.st_size, limit)
        data = self._read_at_most(descriptor, before.st_size + 1)
        after = os.fstat(descriptor)
        if (len(data), after.st_size, after.st_mtime_ns) != (before.st_size, before.st_size, before.st_mtime_ns):
            raise ImageError(Reason.CHANGING, "written to while it was read")
        return data, after

    def _read_at_most(self, descriptor: int, max_bytes: int) -> bytes:
        chunks, left = [], max_bytes
        while left and (chunk := self._read(descriptor, min(left, CHUNK_BYTES * 16))):
            chunks.append(chunk)
            left -= len(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _write_and_verify(self, path: Path, parts: Iterable[BytesLike]) -> None:
        descriptor = self._open(os.fsencode(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC)
        try:
            written = self._write_parts(descriptor, parts)
            self._fsync(descriptor)
            if self._checksum(descriptor) != written:
                raise OSError(errno.EIO, "what was read back is not what was written")
        finally:
            os.close(descriptor)

    def _write_parts(self, descriptor: int, parts: Iterable[BytesLike]) -> tuple[int, int]:
        length = crc = 0
        for part in parts:
            view = memoryview(part).cast("B") if memoryview(part).nbytes else memoryview(b"")
            length, crc = length + len(view), zlib.crc32(view, crc)
            while view:
                view = view[self._write(descriptor, view) :]
        return length, crc

    def _checksum(self, descriptor: int) -> tuple[int, int]:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, not from memory
        os.lseek(descriptor, 0, os.SEEK_SET)
        length = crc = 0
        while chunk := self._read(descriptor, CHUNK_BYTES):
            length, crc = length + len(chunk), zlib.crc32(chunk, crc)
        return length, crc

    def _sync_folder(self, folder: Path) -> None:
        descriptor = self._open(os.fsencode(folder), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._fsync(descriptor)
        finally:
            os.close(descriptor)

    def _open(self, path: bytes, flags: int) -> int:
        return os.open(path, flags, 0o666)

    def _read(self, descriptor: int, count: int) -> bytes:
        return os.read(descriptor, count)

    def _write(self, descriptor: int, view: memoryview) -> int:
        return os.write(descriptor, view)

    def _fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def _rename(self, source: Path, target: Path) -> None:
        source.rename(target)


class FollowingFileSystem(LocalFileSystem):
    """The file system of this machine; `read` reads what a symbolic link leads to, for a folder whose links count."""

    def read(self, path: bytes, limit: int) -> tuple[bytes, os.stat_result]:
        """As `LocalFileSystem.read` does, of the file that a path leads to in the end."""
        return super().read(os.path.realpath(path), limit)


def _check_file_kind(state: os.stat_result) -> None:
    if stat.S_ISLNK(state.st_mode):
        raise ImageError(Reason.LINK, "links are not followed")
    if not stat.S_ISREG(state.st_mode):
        raise ImageError(Reason.NOT_REGULAR, file_kind(state.st_mode))


def _check_size(size: int, limit: int) -> None:
    if not size:
        raise ImageError(Reason.EMPTY)
    if size > limit:
        raise ImageError(Reason.FILE_TOO_LARGE, f"{-(-size // MIB):,} MiB; at most {limit / MIB:,.4g} MiB are read")


_KINDS: list[tuple[Callable[[int], bool], str]] = [
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
]


def file_kind(mode: int) -> str:
    """Name of a kind of file that is not regular."""
    return next((words for test, words in _KINDS if test(mode)), "of an unknown kind")


def _read_error(error: OSError) -> ImageError:
    if error.errno in _MISSING_ERRNOS:
        return ImageError(Reason.VANISHED)
    if error.errno == errno.ELOOP:
        return ImageError(Reason.LINK, "links are not followed")
    if error.errno == errno.ENXIO:  # a socket, or a device without a driver, that took the place of the file
        return ImageError(Reason.NOT_REGULAR)
    return ImageError(Reason.UNREADABLE, error.strerror or "")


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}{_storage_remedy(error)}") from error


def _storage_remedy(error: OSError) -> str:
    """What to do about a disk that refuses."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "; make room on the disk, then run the same command again: what was committed is kept"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "; check who may write there, or choose another place with --collection"
    return "; check the disk, then run the same command again"
