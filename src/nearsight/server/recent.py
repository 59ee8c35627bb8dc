"""A thread-safe LRU cache, limited by number and by size."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

from cachetools import LRUCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _zero(value: object) -> int:
    return 0


class RecentCache(Generic[K, V]):
    """At most `max_items` values of at most `max_size` in total; the least recently used is dropped first.

    A value costs its share of the number or of the size, whichever is larger. One larger than `max_size` is kept alone.
    """

    def __init__(self, max_items: int, max_size: int = 1, size: Callable[[V], int] = _zero) -> None:
        capacity = max_items * max_size
        self._values = LRUCache[K, V](capacity, lambda value: min(max(max_size, max_items * size(value)), capacity))
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """Return a value and mark it as used; None for an unknown key."""
        with self._lock:
            return self._values.get(key)

    def put(self, key: K, value: V) -> None:
        """Store a value."""
        with self._lock:
            self._values[key] = value
