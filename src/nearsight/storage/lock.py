"""The writer's lock: one process writes to a collection at a time, and whoever waits is told which."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from nearsight.errors import LockedError, StorageError
from nearsight.files import FileSystem

LOCK_FILE = "write.lock"
HOLDER_FILE = "writer.json"
HOLDER_TRIES = 50
HOLDER_PAUSE = 0.01
"""Seconds between two reads of the holder's file: half a second in all."""


@contextmanager
def writer_lock(index_dir: Path, files: FileSystem) -> Iterator[None]:
    """Hold the writer's lock of a collection.

    Raises
    ------
    LockedError
        another process holds it; the message names the process
    StorageError
        the directory cannot be written
    """
    lock = FileLock(index_dir / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockedError(
            f"{index_dir} is being written by {_lock_holder(index_dir, files)}; try again when it has finished"
        ) from None
    except OSError as problem:
        raise StorageError(
            f"{index_dir} cannot be written ({problem.strerror}): choose another with --collection"
        ) from None
    try:
        holder = {"pid": os.getpid(), "host": socket.gethostname()}
        files.write_new(index_dir / HOLDER_FILE, [json.dumps(holder).encode()])
        yield
    except OSError as problem:
        raise StorageError(f"{index_dir}: {problem.strerror or problem}") from problem
    finally:
        with suppress(OSError, StorageError):
            files.remove(index_dir / HOLDER_FILE)
        lock.release()


def _lock_holder(index_dir: Path, files: FileSystem) -> str:
    """Name the process that holds the lock. One that acquired it a moment ago has yet to write its name."""
    for _ in range(HOLDER_TRIES):
        with suppress(OSError, ValueError, KeyError, StorageError):
            holder = json.loads(bytes(files.map(index_dir / HOLDER_FILE)))
            if _is_alive(int(holder["pid"]), holder["host"]):
                return f"process {holder['pid']} on {holder['host']}"
        time.sleep(HOLDER_PAUSE)
    return "another process"


def _is_alive(pid: int, host: str) -> bool:
    """Whether this may be the holder, and not a process that was killed and left its name behind."""
    return host != socket.gethostname() or Path(f"/proc/{pid}").exists()
