"""A figure of the structure, with what it was counted from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """Something that was counted, and where it stands: `file:line`, or nothing for a folder."""

    name: str
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A number; `limit` is the most it may be, where it has one. `entries` are the offenders, or what was counted."""

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the number is within its limit."""
        return self.limit is None or self.value <= self.limit
