from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image as Pillow

from nearsight.errors import NearsightError, Reason
from nearsight.workers.pool import BATCH_SIZE, MAX_BATCHES_AHEAD, Failure, WorkerLimits, WorkerPool
from tests.images.hostile import many_scans, photo, saved

from .jobs import Ingest, Script

QUICK = WorkerLimits(seconds=0.8, memory=256 << 20)


def run(tasks, workers=2, limits=QUICK):
    with WorkerPool(Script(), workers, limits) as pool:
        return [result for _, result in pool.run(tasks)]


def test_results_come_in_the_order_of_the_tasks():
    tasks = [("sleep", 0.2 if number % 7 == 0 else 0) if number % 3 else number for number in range(60)]
    with WorkerPool(Script(), 2, QUICK) as pool:
        pairs = list(pool.run(tasks))
    assert [task for task, _ in pairs] == tasks
    assert [result for _, result in pairs] == [task**2 if isinstance(task, int) else "slept" for task in tasks]


@pytest.mark.parametrize("workers", [1, 2])
def test_hang_is_killed_and_the_others_survive(workers):
    results = run([*range(20), ("hang",), *range(20)], workers)
    assert results[20] == Failure(Reason.TIMEOUT, "no end after 0.8 seconds")
    assert results[:20] + results[21:] == [n * n for n in [*range(20)] * 2]


@pytest.mark.parametrize("workers", [1, 3])
def test_crash_is_survived(workers):
    results = run([*range(20), ("crash",), *range(20), ("crash",)], workers)
    assert results[20] == results[41] == Failure(Reason.CRASHED, "the decoder died of SIGSEGV")
    assert results[:20] + results[21:41] == [n * n for n in [*range(20)] * 2]


def test_memory_hog_and_its_neighbours():
    results = run([1, ("hog",), 2, ("hold", 150), ("hold", 1000)])
    assert results == [1, Failure(Reason.OUT_OF_MEMORY), 4, 150, Failure(Reason.OUT_OF_MEMORY)]


def test_second_try_can_succeed(tmp_path):
    assert run([1, ("once", str(tmp_path / "mark")), 3]) == [1, "second time", 9]


def test_errors_of_prepare_are_verdicts_without_a_second_try():
    results = run([("refuse",), ("wrong",), 3])
    assert results[0] == Failure(Reason.CORRUPT, "as it was told")
    assert results[1].reason is Reason.CRASHED
    assert "KeyError: 'unexpected' (jobs.py:" in results[1].detail
    assert results[2] == 9


def test_error_of_finish_is_the_one_items_fault():
    results = run([*range(40), ("value", "bad"), *range(40)])
    assert results[40].reason is Reason.CRASHED
    assert "does not like" in results[40].detail
    assert results[:40] + results[41:] == [n * n for n in [*range(40)] * 2]


def test_death_in_finish_is_the_one_items_fault():
    results = run([*range(40), ("value", "die"), *range(10)])
    assert results[40] == Failure(Reason.CRASHED, "the decoder ended with exit code 3")
    assert results[:40] + results[41:] == [n * n for n in [*range(40), *range(10)]]


def test_result_that_cannot_be_sent():
    assert run([("unpicklable",), ])[0].reason is Reason.CRASHED  # fmt: skip


def test_same_verdicts_twice():
    tasks = [1, ("hang",), ("crash",), ("hog",), ("refuse",), ("value", "bad"), 2]
    assert run(tasks) == run(tasks)


def test_input_is_lazy_and_the_window_bounded():
    taken = []
    with WorkerPool(Script(), 2, QUICK) as pool:
        results = pool.run(taken.append(n) or n for n in itertools.count())
        for n in range(300):
            assert next(results) == (n, n * n)
            assert len(taken) - n <= 2 * MAX_BATCHES_AHEAD * BATCH_SIZE
        results.close()
        assert list(pool.run([3, 4])) == [(3, 9), (4, 16)]


def test_pool_runs_again_after_an_abandoned_run():
    with WorkerPool(Script(), 2, QUICK) as pool:
        for _ in pool.run([1, ("sleep", 0.4), ("sleep", 0.4)]):
            break
        assert [result for _, result in pool.run([5, 6])] == [25, 36]


def test_large_tasks_and_results():
    large = "x" * (3 << 20)
    assert run([("value", large)] * 20) == [large] * 20


def test_the_fork_server_has_one_thread():
    with WorkerPool(Ingest(), 1) as pool:
        list(pool.run([b"/none"]))
        assert psutil.Process(pool._fork_server._process.pid).num_threads() == 1


def test_no_tasks():
    assert run([]) == []


def test_workers_are_confined(capfd):
    pid, core, threads = run([("facts",)])[0]
    assert pid != os.getpid()
    assert core == (0, 0)
    assert threads == "1"
    assert capfd.readouterr() == ("", "")


def test_workers_are_recycled():
    results = run([("facts",)] * 12, 1, WorkerLimits(recycle_after=3))
    assert len({pid for pid, _, _ in results}) >= 3


def test_nothing_is_left_after_closing():
    before = set(psutil.Process().children(recursive=True))
    with WorkerPool(Script(), 2, QUICK) as pool:
        list(pool.run([1, 2, 3]))
        children = [each for each in psutil.Process().children(recursive=True) if each not in before]
        assert len(children) >= 2
    assert psutil.wait_procs(children, timeout=5)[1] == []


def test_needs_a_worker():
    with pytest.raises(ValueError, match="at least 1"):
        WorkerPool(Script(), 0)


def test_job_that_cannot_be_loaded_says_why():
    class Local(Script):
        def __reduce__(self):
            return (int, ("not a number",))

    with WorkerPool(Local(), 1) as pool, pytest.raises(NearsightError, match="not a number"):
        list(pool.run([1]))


def test_a_dead_worker_between_runs_is_replaced():
    with WorkerPool(Script(), 1, QUICK) as pool:
        list(pool.run([1]))
        os.kill(pool.pids[0], signal.SIGKILL)
        assert [result for _, result in pool.run([1, 2])] == [1, 4]


SCRIPT = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what runs in the background ignore it
from nearsight.workers.pool import WorkerLimits, WorkerPool
from tests.workers.jobs import Script
with WorkerPool(Script(), 2, WorkerLimits(seconds=1000)) as pool:
    run = pool.run([1, 2, ("hang",), ("hang",), 3])
    next(run), next(run)
    print(*pool.pids, pool._fork_server._process.pid, flush=True)
    next(run)
"""


def hanging():
    """A program, without a guarded main, whose workers hang; and the ids of all its processes."""
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(root), str(root / "src"), os.environ.get("PYTHONPATH", "")])
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(workers) == 3
    time.sleep(0.2)
    return parent, workers


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_parent_leaves_no_worker_behind(number):
    parent, workers = hanging()
    with parent.stdout, parent.stderr:
        began = time.monotonic()
        parent.send_signal(number)
        assert parent.wait(5) != 0
        assert psutil.wait_procs(workers, timeout=3)[1] == []
        assert time.monotonic() - began < 3


def test_large_webp_has_one_verdict_whatever_went_before(tmp_path):
    (tmp_path / "large.webp").write_bytes(saved(Pillow.new("RGB", (8000, 8000)), "WEBP", lossless=True, method=0))
    (tmp_path / "small.png").write_bytes(saved(photo(3000, 3000), "PNG"))
    large, small = bytes(tmp_path / "large.webp"), bytes(tmp_path / "small.png")
    with WorkerPool(Ingest(), 1) as pool:
        verdicts = [result for task, result in pool.run([large, small, small, large]) if task == large]
    assert verdicts[0] == verdicts[1] or not any(isinstance(verdict, Failure) for verdict in verdicts)
    assert all(not isinstance(v, Failure) or v.reason is Reason.OUT_OF_MEMORY for v in verdicts)


def test_slow_image_is_stopped_by_the_clock_alone(tmp_path):
    (tmp_path / "slow.jpg").write_bytes(many_scans(490, 9_000, 9_000))
    with WorkerPool(Ingest(), 1, WorkerLimits(seconds=0.3)) as pool:
        ((_, result),) = pool.run([bytes(tmp_path / "slow.jpg")])
    assert result == Failure(Reason.TIMEOUT, "no end after 0.3 seconds")
