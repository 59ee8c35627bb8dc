"""Everything hostile goes through real workers: each file ends with an image or a reason, and the same one twice."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from nearsight.errors import Reason
from nearsight.workers.pool import Failure, WorkerPool
from tests.workers.jobs import Measured

from .hostile import generate


class Peak(threading.Thread):
    """Watches the largest memory that any worker of a pool ever held, also of those that fail and are replaced."""

    def __init__(self, pool):
        super().__init__(daemon=True)
        self.pool, self.bytes, self.split_blocks = pool, 0, threading.Event()

    def run(self):
        while not self.split_blocks.wait(0.02):
            for pid in self.pool.pids:
                with suppress(OSError):
                    status = Path(f"/proc/{pid}/status").read_text()
                    self.bytes = max(self.bytes, 1024 * int(re.search(r"VmHWM:\s+(\d+)", status + "VmHWM: 0")[1]))


def judged(paths, workers=2):
    """The verdict, peak memory and seconds for each file; a Failure's verdict is its reason. And the peak of all."""
    with WorkerPool(Measured(), workers) as pool:
        peak = Peak(pool)
        peak.start()
        try:
            return dict(pool.run(paths)), peak
        finally:
            peak.split_blocks.set()
            peak.join()


def verdict(result):
    return (result.reason, result.detail) if isinstance(result, Failure) else result[0]


def reason(result):
    """None for an image."""
    if isinstance(result, Failure):
        return result.reason
    return None if result[0].isupper() else Reason(result[0].split(":")[0])


def check(paths, seconds, memory):
    """The reasons, the slowest file's seconds and the peak memory; fails above the limits, or where verdicts differ."""
    (first, peak), (second, other) = judged(paths), judged(paths)
    assert list(first) == paths
    assert {path: verdict(result) for path, result in first.items()} == {p: verdict(r) for p, r in second.items()}
    measured = [result for result in first.values() if not isinstance(result, Failure)]
    failed = [path for path, result in first.items() if isinstance(result, Failure)]
    slowest = max([result[2] for result in measured] + [alone(path) for path in failed])
    largest = max([result[1] for result in measured] + [peak.bytes, other.bytes])
    assert slowest <= seconds
    assert largest <= memory
    return {path: reason(result) for path, result in first.items()}, slowest, largest


def alone(path):
    """The seconds of one try, of two, of a file that a worker does not survive or has no memory for."""
    with WorkerPool(Measured(), 1) as pool:
        dict(pool.run([path + b" is not there"]))  # the worker is up
        start = time.monotonic()
        assert isinstance(dict(pool.run([path]))[path], Failure)
        return (time.monotonic() - start) / 2


def test_generated_files_get_the_expected_reason(tmp_path, figures):
    expected = generate(tmp_path)
    reasons, slowest, largest = check([bytes(tmp_path / name) for name in expected], 5, 512 << 20)
    wrong = {
        name: reasons[bytes(tmp_path / name)]
        for name, allowed in expected.items()
        if reasons[bytes(tmp_path / name)] not in allowed
    }
    assert wrong == {}
    figures("generated bombs and lies", files=len(expected), slowest=slowest, peak_mib=largest / 2**20)


def hostile():
    folder = os.environ.get("NEARSIGHT_DATA")
    if not folder:
        pytest.skip("NEARSIGHT_DATA is unset: the hostile files lie there")
    found = [path for path in (Path(folder) / "hostile").rglob("*") if path.is_file() and path.name != "manifest.csv"]
    return sorted(map(bytes, found))


def test_a_slice_of_the_hostile_files():
    paths = hostile()
    reasons, *_ = check(paths[:: max(1, len(paths) // 150)], 10, 1 << 30)
    assert len(Counter(reasons.values())) >= 4


@pytest.mark.slow
def test_all_hostile_files(figures):
    found, slowest, largest = check(hostile(), 10, 1 << 30)
    reasons = Counter(found.values())
    assert reasons[None] > 900
    assert not reasons.keys() & {Reason.TIMEOUT, Reason.CRASHED}
    assert reasons[Reason.OUT_OF_MEMORY] < 60  # damaged WebPs that claim to be very large
    numbers = {"ok": reasons[None], "with_a_reason": len(found) - reasons[None], "slowest": slowest}
    figures("hostile files, twice", files=len(found), **numbers, peak_mib=largest / 2**20, verdicts_that_differ=0)
