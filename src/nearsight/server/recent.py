"""The last few of something, in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _nothing(value: object) -> int:
    return 0


class Recent(Generic[K, V]):
    """At most `most` values by key, of at most `room` in all; the one that was not used for longest goes first."""

    def __init__(self, most: int, room: int = 1, size: Callable[[V], int] = _nothing) -> None:
        self._most, self._room, self._size = most, room, size
        self._values, self._lock = OrderedDict[K, V](), Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, which is now the most recent; or None."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep a value."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most or (len(self._values) > 1 and self._held() > self._room):
                self._values.popitem(last=False)

    def _held(self) -> int:
        return sum(map(self._size, self._values.values()))
