"""How things are timed: side by side, on a known number of cores and threads."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import cv2
from threadpoolctl import threadpool_limits


class Times(NamedTuple):
    """Seconds: on the clock, and of the processors' time of this process and of the children it has waited for."""

    wall: float
    cpu: float


def time_call(call: Callable[[], Any]) -> Times:
    """What one call takes."""
    start, work = time.perf_counter(), _cpu()
    call()
    return Times(time.perf_counter() - start, _cpu() - work)


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def time_in_turns(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Times]]:
    """What each way takes, in turns, so that a busy moment of the machine meets all of them."""
    found: dict[str, list[Times]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            found[name].append(time_call(call))
    return found


def best_times(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Times]:
    """The least that each way takes, on the clock and of the processors, taken in turns."""
    found = time_in_turns(ways, rounds)
    return {name: Times(*map(min, zip(*each, strict=True))) for name, each in found.items()}


@contextmanager
def one_core() -> Iterator[None]:
    """Everything inside runs on one core, and no library starts threads of its own.

    Libraries that are first imported inside are not told; import them before.
    """
    cores, threads = os.sched_getaffinity(0), cv2.getNumThreads()
    os.sched_setaffinity(0, {max(cores)})
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        os.sched_setaffinity(0, cores)
        cv2.setNumThreads(threads)
