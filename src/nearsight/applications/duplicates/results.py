"""Groups of duplicates, as they are returned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nearsight.types import Change

__all__ = ["DuplicateGroup", "DuplicateMember", "Duplicates"]


@dataclass(frozen=True)
class DuplicateMember:
    """An image of a group, and what it is to the first one.

    `verdict` and `why` are empty for the first; "part" says that this image is a part of the first. `changes` are the
    areas in which they differ: boxes of the first as `query_box`, of this one as `hit_box`. `same_as_kept` says that it
    was proved to be identical to the one that is proposed to be kept, or a copy of it, and that the one to keep has
    as many pixels and as much colour. They show the same, but for tone, sharpness, noise and compression: which of them
    is better in these is not said. `decision` is what a person said of it and another one of the group: "duplicate",
    where it is to go, "kept", where another one is to go instead, "keep both", "not a duplicate", or nothing.

    `id` is that of the collection, `sha256` of the file's contents, and `transform` three rows of three numbers that
    map points of the first, in units of its width and height, to points of this one; None where that is not known.
    """

    path: str
    width: int
    height: int
    bytes: int
    format: str
    taken: str | None
    verdict: str = ""
    why: str = ""
    changes: tuple[Change, ...] = ()
    keep: bool = False
    same_as_kept: bool = False
    decision: str = ""
    id: int = field(default=0, compare=False)
    sha256: str = ""
    transform: tuple[tuple[float, ...], ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return {**vars(self), "changes": [vars(each) for each in self.changes]}


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that are copies of the first of them, which of them is proposed to be kept, and why.

    `decided` says that a person's decisions connect all of them, so that nothing is left to decide.
    """

    members: tuple[DuplicateMember, ...]
    keep: str
    keep_why: str
    decided: bool = False

    @property
    def same_bytes(self) -> int:
        """Bytes of the members that show the same as the one to keep."""
        return sum(each.bytes for each in self.members if each.same_as_kept)

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        members = [each.as_dict() for each in self.members]
        return {"keep": self.keep, "keep_why": self.keep_why, "decided": self.decided, "members": members}


@dataclass(frozen=True)
class Duplicates:
    """All groups of a collection, those with most bytes of the same first, and how they were found.

    `n_decided` groups are not among them, because nothing is left to decide. `n_candidates` pairs were candidates. What
    `n_compared` pairs are to each other is known, of `n_remembered` from an earlier run; `failures` could not be
    compared, with the reason; `left_out` says what was not looked at.
    """

    groups: tuple[DuplicateGroup, ...]
    n_images: int
    n_candidates: int
    n_compared: int
    n_remembered: int = 0
    failures: tuple[tuple[str, str, str], ...] = ()
    left_out: str = ""
    n_decided: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        names = ("n_images", "n_candidates", "n_compared", "n_remembered", "left_out", "n_decided")
        counts = {name: getattr(self, name) for name in names}
        failures = [dict(zip(("image", "other", "reason"), each, strict=True)) for each in self.failures]
        return {"groups": [each.as_dict() for each in self.groups], **counts, "failures": failures}
