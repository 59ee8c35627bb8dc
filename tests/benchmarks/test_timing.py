from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from benchmarks.machine import table
from benchmarks.timing import Times, best_times, one_core, time_call, time_in_turns
from threadpoolctl import threadpool_info


def test_ways_take_turns_and_their_times_are_kept_apart():
    order = []
    ways = {"a": lambda: order.append("a"), "b": lambda: (order.append("b"), time.sleep(0.02))}
    found = time_in_turns(ways, 3)
    assert order == list("ababab")
    assert len(found["a"]) == 3
    assert min(each.wall for each in found["b"]) >= 0.02 > min(each.wall for each in found["a"])


def test_best_is_the_least_of_both(monkeypatch):
    found = {"a": [Times(3, 1), Times(2, 4)], "b": [Times(5, 6)]}
    monkeypatch.setattr("benchmarks.timing.time_in_turns", lambda ways, rounds: found)
    assert best_times({}, 2) == {"a": Times(2, 1), "b": Times(5, 6)}


def test_work_of_children_counts_and_sleep_does_not():
    busy = "import time\nwhile time.process_time() < .2: pass"
    asleep, working = (
        time_call(lambda: time.sleep(0.2)),
        time_call(lambda: subprocess.run([sys.executable, "-c", busy])),
    )
    assert asleep.wall >= 0.2 > 0.1 > asleep.cpu
    assert 0.2 <= working.cpu < 0.4


def test_one_core_and_one_thread_then_as_before():
    before = os.sched_getaffinity(0)
    with one_core():
        assert len(os.sched_getaffinity(0)) == 1
        assert {library["num_threads"] for library in threadpool_info()} <= {1}
    assert os.sched_getaffinity(0) == before


def test_restored_after_an_error():
    before = os.sched_getaffinity(0)
    with pytest.raises(KeyError), one_core():
        raise KeyError
    assert os.sched_getaffinity(0) == before


def test_table():
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
