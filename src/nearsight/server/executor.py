"""Threads off the event loop, with a bounded queue and a deadline for each task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

from nearsight.server import settings
from nearsight.server.errors import busy_error, timeout_error

R = TypeVar("R")
_Task: TypeAlias = "tuple[Future[Any], Callable[[], Any]] | None"


class BoundedExecutor:
    """Runs functions in daemon threads, so that a stuck one does not keep the process alive."""

    def __init__(self, name: str, limits: settings.ExecutorSettings) -> None:
        self._limits, self._queue = limits, Queue[_Task](limits.queue)
        for number in range(limits.threads):
            Thread(target=self._serve, name=f"{name}-{number}", daemon=True).start()

    async def run(self, work: Callable[[], R]) -> R:
        """Return the result of `work`. RefusedError: 503 if the queue is full, 504 past the deadline."""
        future: Future[R] = Future()
        try:
            self._queue.put_nowait((future, work))
        except Full:
            raise busy_error() from None
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._limits.seconds)
        except TimeoutError:
            raise timeout_error(self._limits.seconds) from None

    def close(self) -> None:
        """Let the threads end after the tasks in the queue."""
        for _ in range(self._limits.threads):
            with suppress(Full):
                self._queue.put_nowait(None)

    def _serve(self) -> None:
        while (task := self._queue.get()) is not None:
            _run_task(*task)
            del task  # releases its images before the next task


def _run_task(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
        del future, work  # the error references this frame
    else:
        future.set_result(result)
