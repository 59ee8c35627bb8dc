"""Work off the event loop: a few threads, a bounded queue before them, a deadline for each piece."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Full, Queue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

from nearsight.server import settings
from nearsight.server.errors import busy, late

R = TypeVar("R")
_Piece: TypeAlias = "tuple[Future[Any], Callable[[], Any]] | None"


class Lane:
    """Daemon threads, so that a stuck piece of work does not keep the process from ending."""

    def __init__(self, name: str, limits: settings.Lane) -> None:
        self._limits, self._queue = limits, Queue[_Piece](limits.queue)
        for number in range(limits.threads):
            Thread(target=self._serve, name=f"{name}-{number}", daemon=True).start()

    async def run(self, work: Callable[[], R]) -> R:
        """The result of the work. RefusedError: 503 where the queue is full, 504 where the deadline passes."""
        future: Future[R] = Future()
        try:
            self._queue.put_nowait((future, work))
        except Full:
            raise busy() from None
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._limits.seconds)
        except TimeoutError:
            raise late(self._limits.seconds) from None

    def close(self) -> None:
        """Let the threads end when they have done what waits."""
        for _ in range(self._limits.threads):
            with suppress(Full):
                self._queue.put_nowait(None)

    def _serve(self) -> None:
        while (piece := self._queue.get()) is not None:
            _do(*piece)
            del piece  # or its images would be held until the next one comes


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:
        future.set_exception(error)
        del future, work  # the error holds this frame
    else:
        future.set_result(result)
