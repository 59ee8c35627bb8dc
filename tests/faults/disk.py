"""A disk that loses its power, simulated from the system calls that a writer made.

What survives is what POSIX promises, and no more:

- the bytes of a file as they were at its last fsync; of each write after it, every sector of 512 bytes survives or
  not, for itself, so writes are lost, reordered and torn;
- the names in a folder as they were at the folder's last fsync; of each creation, renaming and removal after it, each
  is done or not, for itself, but never by half: a renaming is atomic;
- the length of a file: it can have grown although the bytes did not arrive, which then are zeros;
- bytes beside a write are never harmed (what SQLite calls powersafe overwrite), and a sector is never half-written.

No real file system is that unkind in all respects at once; ext4, XFS and btrfs keep more order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
TRACED = (
    "openat,close,lseek,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,mkdir,rmdir,dup,dup2,link,symlink,"
    "unlinkat,renameat,renameat2,mkdirat,linkat,truncate,fallocate,writev,pwritev,copy_file_range,sendfile"
)
"""All that changes files; `read_log` fails on what it does not know."""


@dataclass(frozen=True)
class Op:
    """One thing that was done to the disk, or said to the user (`ack`)."""

    kind: str
    path: str = ""
    file: int = 0
    at: int = 0
    data: bytes = b""


def read_log(log, home, pipe):
    """The operations below a folder, in order, and what was written to the pipe's descriptor."""
    reader = _Reader(str(home), pipe)
    for line in Path(log).read_text().splitlines():
        if (match := re.match(r"(\w+)\((.*)\) += (-?\d+)", line)) and int(match[3]) >= 0:
            reader.read(match[1], match[2], int(match[3]))
    return reader.ops


class _Reader:
    """Follows descriptors and names through a log."""

    def __init__(self, home, pipe):
        self.home, self.pipe = home, pipe
        self.ops, self.names, self.open, self.places = [], {}, {}, {}
        self.folders = {str(Path(home).parent)}
        self.last = 0

    def inside(self, path):
        return path == self.home or path.startswith(self.home + "/")

    def read(self, name, given, result):
        texts = [bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', given)]
        numbers = [int(number) for number in re.findall(r"(?<![\w\\])\d+(?!\w)", re.sub(r'"[^"]*"', "", given))]
        known = getattr(self, f"_{name}", None)
        if known is not None:
            known(texts, numbers, given, result)
            return
        paths = [text.decode("utf8", "surrogateescape") for text in texts]
        assert not any(map(self.inside, paths)), f"{name} is not simulated"
        assert name not in ("writev", "pwritev", "fallocate") or numbers[0] not in self.open, f"{name} is not simulated"

    def _openat(self, texts, numbers, given, result):
        path = texts[0].decode("utf8", "surrogateescape")
        if not self.inside(path) and path not in self.folders:
            self.open.pop(result, None)
            return
        if "O_CREAT" in given and path not in self.names:
            self._new(path, "create")
        self.open[result], self.places[result] = path if path in self.folders else self.names[path], 0
        if "O_TRUNC" in given:
            self._size(self.open[result], 0)

    def _new(self, path, kind):
        self.last += 1
        self.names[path] = self.last
        self.ops.append(Op(kind, path, self.last))

    def _size(self, file, size):
        self.ops.append(Op("size", file=file, at=size))

    def _close(self, texts, numbers, given, result):
        self.open.pop(numbers[0], None)

    def _lseek(self, texts, numbers, given, result):
        self.places[numbers[0]] = result

    def _write(self, texts, numbers, given, result):
        descriptor = numbers[0]
        if descriptor == self.pipe:
            self.ops.append(Op("said", data=texts[0]))
        elif descriptor in self.open:
            self._put(descriptor, self.places[descriptor], texts[0][:result])
            self.places[descriptor] += result

    def _pwrite64(self, texts, numbers, given, result):
        if numbers[0] in self.open:
            self._put(numbers[0], numbers[-1], texts[0][:result])

    def _put(self, descriptor, at, data):
        self.ops.append(Op("write", file=self.open[descriptor], at=at, data=data))

    def _ftruncate(self, texts, numbers, given, result):
        if numbers[0] in self.open:
            self._size(self.open[numbers[0]], numbers[1])

    def _fsync(self, texts, numbers, given, result):
        if (held := self.open.get(numbers[0])) is not None:
            kind = "sync folder" if isinstance(held, str) else "sync"
            self.ops.append(Op(kind, held) if isinstance(held, str) else Op(kind, file=held))

    _fdatasync = _fsync

    def _rename(self, texts, numbers, given, result):
        source, target = (text.decode("utf8", "surrogateescape") for text in texts)
        if self.inside(source):
            self.names[target] = self.names.pop(source)
            self.ops.append(Op("rename", source, self.names[target], data=target.encode("utf8", "surrogateescape")))

    def _unlink(self, texts, numbers, given, result):
        path = texts[0].decode("utf8", "surrogateescape")
        if self.inside(path):
            self.ops.append(Op("unlink", path, self.names.pop(path)))

    def _mkdir(self, texts, numbers, given, result):
        path = texts[0].decode("utf8", "surrogateescape")
        if self.inside(path):
            self._new(path, "folder")
            self.folders.add(path)


@dataclass
class _File:
    """The bytes that are safe, and what came after the last fsync: writes, and lengths it was cut to."""

    safe: bytearray = field(default_factory=bytearray)
    pending: list[Op] = field(default_factory=list)

    def surviving(self, keeps, grows):
        """The bytes after the power went. `keeps()` says of a sector whether it arrived, `grows()` of a length."""
        data, length = bytearray(self.safe), len(self.safe)
        for op in self.pending:
            length = op.at if op.kind == "size" else max(length, op.at + len(op.data))
            if op.kind == "size":
                if keeps(op):
                    del data[op.at :]
                    data.extend(bytes(op.at - len(data)))
                continue
            for start, stop in _sectors(op.at, op.at + len(op.data)):
                if keeps(op):
                    data.extend(bytes(max(0, stop - len(data))))
                    data[start:stop] = op.data[start - op.at : stop - op.at]
        if length > len(data) and grows():
            data.extend(bytes(length - len(data)))
        return bytes(data)


def _sectors(start, stop):
    while start < stop:
        end = min(stop, (start // SECTOR + 1) * SECTOR)
        yield start, end
        start = end


def surviving(ops, home, rng):
    """What is on the disk when the power goes after these operations: bytes by path, None for a folder."""
    files, folders = {}, {}
    for op in ops:
        _note(op, files, folders)
    keeps, grows = _chances(rng)
    names = {}
    for folder, (safe, pending) in folders.items():
        names[folder] = dict(safe)
        for op in pending:
            if keeps(op):
                _rename(names[folder], op)
    found = {path: file for held in names.values() for path, file in held.items()}
    whole = {path: files[file].surviving(keeps, grows) if file in files else None for path, file in found.items()}
    kept = {path: data for path, data in whole.items() if _reachable(path, str(home), whole)}
    return {path: data for path, data in kept.items() if not path.endswith("-shm")}


def _reachable(path, home, names):
    """Whether each folder above it is there too."""
    while path != home:
        path = str(Path(path).parent)
        if path not in names and path != str(Path(home).parent):
            return False
    return True


def _note(op, files, folders):
    if op.kind in ("write", "size"):
        files[op.file].pending.append(op)
    elif op.kind == "sync":
        file = files[op.file]
        file.safe, file.pending = bytearray(file.surviving(lambda op: True, lambda: True)), []
    elif op.kind == "sync folder":
        safe, pending = folders.get(op.path, ({}, []))
        for each in pending:
            _rename(safe, each)
        folders[op.path] = (safe, [])
    elif op.kind != "said":
        if op.kind == "create":
            files[op.file] = _File()
        folders.setdefault(str(Path(op.path).parent), ({}, []))[1].append(op)


def _rename(names, op):
    if op.kind in ("create", "folder"):
        names[op.path] = op.file
    else:
        names.pop(op.path, None)
    if op.kind == "rename":
        names[op.data.decode("utf8", "surrogateescape")] = op.file


def _chances(rng):
    """How unkind this loss is: all or nothing arrives, or each write, or each sector for itself; or all until one."""
    kind, share, last, seen = rng.integers(5), rng.random(), {}, {}

    def each_write(op):
        if id(op) not in last:
            last[id(op)] = rng.random() < share
        return last[id(op)]

    def in_order(op):
        if id(op) not in seen:
            seen[id(op)] = len(seen)
        return seen[id(op)] < 8 * share

    ways = [lambda op: False, lambda op: True, each_write, lambda op: rng.random() < share, in_order]
    return ways[kind], lambda: rng.random() < 0.5


def written(state, home, target):
    """Write what survived into a folder."""
    for path in sorted(state):
        place = Path(target) / Path(path).relative_to(home)
        if state[path] is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(state[path])
