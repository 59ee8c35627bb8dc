"""What a person decided about copies, and what follows from it for a group: what is settled, and what is kept."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from nearsight.applications.duplicates.results import DuplicateGroup
from nearsight.errors import UsageError
from nearsight.storage.records import DecisionKind, DecisionRecord, ImageRecord, decision_key

__all__ = ["KEPT", "Decisions", "require_possible", "review"]


class Known(Protocol):
    """An image as decisions know it."""

    @property
    def id(self) -> int:
        """Its id in the collection."""
        ...

    @property
    def path(self) -> bytes:
        """Its path in the folder."""
        ...

    @property
    def sha256(self) -> bytes:
        """Of its file's contents."""
        ...


AnyImage = TypeVar("AnyImage", bound=Known)
KEPT = "kept"
"""What is said of an image that another one was decided to be a duplicate of."""


class Decisions:
    """The newest decision about each pair of images."""

    def __init__(self, decisions: Iterable[DecisionRecord]) -> None:
        self._by_pair = {each.key: each for each in decisions}
        self._by_content = defaultdict[bytes, list[DecisionRecord]](list)
        for each in self._by_pair.values():
            for content in {each.content, each.other}:
                self._by_content[content].append(each)

    def __len__(self) -> int:
        return len(self._by_pair)

    def __iter__(self) -> Iterator[DecisionRecord]:
        return iter(sorted(self._by_pair.values(), key=lambda each: each.id))

    def apart(self, content: bytes, other: bytes) -> bool:
        """Whether images of these contents are no duplicates."""
        if not self._by_pair:
            return False
        found = self._by_pair.get(decision_key(content, other, b"", b""))
        return found is not None and found.kind is DecisionKind.NOT_A_DUPLICATE

    def among(self, images: Sequence[AnyImage]) -> Iterator[tuple[DecisionRecord, list[AnyImage], Sequence[AnyImage]]]:
        """The decisions about images of a group, each with the images on its two sides, the oldest first.

        Images of equal content stand on a side together, unless the decision is about just these.
        """
        files = defaultdict[bytes, list[AnyImage]](list)
        for image in images:
            files[image.sha256].append(image)
        for each in sorted({each.id: each for content in files for each in self._by_content.get(content, ())}.items()):
            decision = each[1]
            sides = [
                [image for image in files.get(content, ()) if decision.content != decision.other or image.path == path]
                for content, path in ((decision.content, decision.path), (decision.other, decision.other_path))
            ]
            if all(sides):
                yield decision, sides[0], sides[1]

    def settled(self, images: Sequence[AnyImage]) -> dict[int, str]:
        """By id, the newest that was decided about an image of a group and another one of it: a kind, or `KEPT`."""
        found: dict[int, str] = {}
        for decision, firsts, others in self.among(images):
            found |= dict.fromkeys((image.id for image in firsts), decision.kind.value)
            of_others = KEPT if decision.kind is DecisionKind.DUPLICATE else decision.kind.value
            found |= dict.fromkeys((image.id for image in others), of_others)
        return found

    def is_settled(self, images: Sequence[AnyImage]) -> bool:
        """Whether decisions connect all images of a group, so that nothing is left to decide."""
        parts = {image.id: {image.id} for image in images}
        for _, firsts, others in self.among(images):
            joined = set[int]().union(*(parts[image.id] for image in (*firsts, *others)))
            parts |= dict.fromkeys(joined, joined)
        return len(next(iter(parts.values()))) == len(images)

    def kept(self, images: Sequence[AnyImage]) -> list[AnyImage]:
        """Those that a person chose to keep instead of others of the group, and that are not to go themselves."""
        kept, gone = set[int](), set[int]()
        for decision, firsts, others in self.among(images):
            if decision.kind is DecisionKind.DUPLICATE:
                gone |= {image.id for image in firsts}
                kept |= {image.id for image in others}
        return [image for image in images if image.id in kept - gone]


@dataclass(frozen=True)
class _Member:
    """A member of a group, as decisions know it."""

    id: int
    path: bytes
    sha256: bytes


def review(group: DuplicateGroup, decisions: Decisions) -> DuplicateGroup:
    """A group that was found before, with what was decided about it since.

    Where a person chose another image to keep, nothing is known to be the same as that one before it is compared again.
    """
    images = [_Member(each.id, os.fsencode(each.path), bytes.fromhex(each.sha256)) for each in group.members]
    settled, kept = decisions.settled(images), decisions.kept(images)
    members = [replace(each, decision=settled.get(each.id, "")) for each in group.members]
    keep, why = group.keep, group.keep_why
    if kept and keep not in {os.fsdecode(each.path) for each in kept}:
        keep, why = os.fsdecode(kept[0].path), "you chose to keep it"
        members = [replace(each, keep=each.path == keep, same_as_kept=False) for each in members]
    return replace(group, members=tuple(members), keep=keep, keep_why=why, decided=decisions.is_settled(images))


def require_possible(kind: DecisionKind, image: ImageRecord, other: ImageRecord) -> None:
    """UsageError where nothing of this kind can be said of two images."""
    if image.path == other.path:
        raise UsageError("a decision is about two images; got the same one twice")
    if kind is DecisionKind.NOT_A_DUPLICATE and image.sha256 == other.sha256:
        raise UsageError('these two files are equal, byte for byte: they can be "keep both", not "not a duplicate"')
