"""Watching and harming system calls with strace.

Plain strace, without `--seccomp-bpf`: with it, injected faults silently do not happen.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

MUTATING = (
    "openat", "write", "pwrite64", "writev", "pwritev", "ftruncate", "truncate", "fallocate", "fsync", "fdatasync",
    "sync_file_range", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "link",
    "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "utimensat", "copy_file_range", "sendfile",
)  # fmt: skip
"""Every call that can change what a file system holds, or make it durable."""


@cache
def unusable():
    """Why system calls cannot be harmed here; empty where they can. It asserts that a kill really happens."""
    if not shutil.which("strace"):
        return "strace is not installed"
    with tempfile.TemporaryDirectory() as box:
        command = ["strace", "-o", f"{box}/log", "-e", "inject=mkdir,mkdirat:signal=KILL:when=1", "mkdir", f"{box}/a"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        made = Path(box, "a").exists()
    return "" if done.returncode in (137, -9) and not made else f"strace does not work here: {done.stderr[:80]!r}"


def needed():
    """Skip where strace does not work."""
    if unusable():
        pytest.skip(unusable())


@contextmanager
def attached(log, *options):
    """Gives a tracer for `Forks.start`: strace on the one process, its lines in `log`; waits for its end."""
    started = []

    def tracer(pid):
        command = ["strace", "-p", str(pid), "-o", str(log), *options]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        started.append(process)
        said = process.stderr.readline()
        assert "attached" in said, said

    try:
        yield tracer
    finally:
        for process in started:
            with process:
                process.wait(60)


@dataclass(frozen=True)
class Call:
    """The n-th call of a name in a run, and its line."""

    name: str
    number: int
    line: str


def calls(log, within):
    """The calls of a log that change something below a folder (its path is in the line), in their order."""
    counted, found = Counter(), []
    for line in Path(log).read_text(errors="replace").splitlines():
        name = re.match(r"(\w+)\(", line)
        if name is None:
            continue
        counted[name[1]] += 1
        if str(within) in line and not (name[1] == "openat" and "O_CREAT" not in line):
            found.append(Call(name[1], counted[name[1]], line))
    return found


def traced(forks, act, *arguments, within):
    """The mutating calls of an undisturbed act."""
    with tempfile.TemporaryDirectory() as box:
        with attached(f"{box}/log", "-y", "-e", f"trace={','.join(MUTATING)}") as tracer:
            forks.run(act, *arguments, tracer=tracer).result  # noqa: B018
        return calls(f"{box}/log", within)


def killed_at(forks, call, act, *arguments):
    """Do an act and kill it at the entry of a call; its ending."""
    return injected(forks, f"{call.name}:signal=KILL:when={call.number}", act, *arguments)


def injected(forks, fault, act, *arguments):
    """Do an act with a fault in one of its calls: `NAME:error=EIO:when=3`."""
    name = fault.partition(":")[0]
    with (
        tempfile.TemporaryDirectory() as box,
        attached(f"{box}/log", "-e", f"trace={name}", "-e", f"inject={fault}") as tracer,
    ):
        return forks.run(act, *arguments, tracer=tracer)
