"""Jobs for the worker tests; workers import them by name."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nearsight.errors import ImageError, Reason
from nearsight.files import LocalFileSystem
from nearsight.images.decode import decode_image
from nearsight.images.thumbnail import SIDE, encode
from nearsight.images.validate import Limits


@dataclass(frozen=True)
class Script:
    """Does what the task says; an int is squared."""

    def prepare(self, task: Any) -> Any:
        return getattr(self, task[0])(*task[1:]) if isinstance(task, tuple) else task * task

    def finish(self, items: list[Any]) -> list[Any]:
        if "bad" in items:
            raise ValueError("finish does not like this")
        if "die" in items:
            os._exit(3)
        return [item() if callable(item) else item for item in items]

    def hang(self) -> None:
        time.sleep(1000)

    def sleep(self, seconds: float) -> str:
        time.sleep(seconds)
        return "slept"

    def crash(self) -> None:
        ctypes.string_at(0)

    def hog(self) -> int:
        return len(np.ones(2 << 30, np.uint8))

    def hold(self, mebibytes: int) -> int:
        return len(np.ones(mebibytes << 20, np.uint8)) >> 20

    def once(self, path: str) -> str:
        """Crashes the first time."""
        if not os.path.exists(path):
            open(path, "w").close()
            os.abort()
        return "second time"

    def refuse(self) -> None:
        raise ImageError(Reason.CORRUPT, "as it was told")

    def wrong(self) -> None:
        raise KeyError("unexpected")

    def value(self, value: str) -> str:
        return value

    def unpicklable(self) -> Any:
        return lambda: lambda: None

    def facts(self) -> tuple[int, Any, str]:
        import resource

        os.write(1, b"noise")
        os.write(2, b"noise")
        return os.getpid(), resource.getrlimit(resource.RLIMIT_CORE), os.environ["OMP_NUM_THREADS"]


@dataclass(frozen=True)
class Ingest:
    """What an ingest does with a file, short of describing it: read, gate, decode, thumbnail."""

    limits: Limits = field(default_factory=Limits)

    def prepare(self, task: bytes) -> tuple[str, int, int, bytes]:
        data, _ = LocalFileSystem().read(task, self.limits.file)
        image = decode_image(data, self.limits, metadata=True)
        return image.format, image.width, image.height, encode(image.render(SIDE))


@dataclass(frozen=True)
class Measured:
    """As `Ingest`, with the peak of the worker's memory in bytes and the seconds it took; verdicts as results."""

    limits: Limits = field(default_factory=Limits)

    def prepare(self, task: bytes) -> tuple[str, int, float]:
        began = time.monotonic()
        try:
            verdict = Ingest(self.limits).prepare(task)[0]
        except ImageError as error:
            if error.reason is Reason.OUT_OF_MEMORY:
                raise
            verdict = f"{error.reason.value}: {error.detail}"
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        return verdict, peak * 1024, time.monotonic() - began
