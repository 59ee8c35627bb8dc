"""The last few of something, in memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _nothing(value: object) -> int:
    return 0


class Recent(Generic[K, V]):
    """At most `most` values by key, of at most `room` in all; the one that was not used for longest goes first.

    A value costs its share of the number or of the room, whichever is larger. One that is larger than the room has it
    for itself.
    """

    def __init__(self, most: int, room: int = 1, size: Callable[[V], int] = _nothing) -> None:
        whole = most * room
        self._values = LRUCache[K, V](whole, lambda value: min(max(room, most * size(value)), whole))
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, which is now the most recent; or None."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = value
