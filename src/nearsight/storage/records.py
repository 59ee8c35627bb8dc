"""The records of the catalogue, and the problems that verification finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nearsight.errors import Reason
from nearsight.metadata.facts import Facts


@dataclass(frozen=True)
class ImageRecord:
    """One indexed image. `path` is relative to the folder, with /, as the bytes the file system gave."""

    id: int
    path: bytes
    size: int
    mtime_ns: int
    seen_ns: int
    sha256: bytes
    width: int
    height: int
    format: str
    taken: str | None
    camera: str | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True)
class SkipRecord:
    """One file that is not in the collection, and why."""

    path: bytes
    size: int
    mtime_ns: int
    reason: Reason
    detail: str


@dataclass(frozen=True)
class SidecarRecord:
    """One file with captions or tags; `unknown` counts its names that match no image."""

    path: bytes
    size: int
    mtime_ns: int
    seen_ns: int
    unknown: int


@dataclass(frozen=True)
class NoteRecord:
    """Caption and tags of the image at a path, from a source: a sidecar, or the image's own file. One tag a line."""

    image_path: bytes
    source: bytes
    caption: str
    tags: str


@dataclass(frozen=True)
class FactRecord:
    """What a source, a sidecar or the image's own file, says of the image at a path besides words."""

    image_path: bytes
    source: bytes
    facts: Facts


@dataclass(frozen=True)
class DetailRecord:
    """What is known of an image besides its `ImageRecord`.

    Attributes
    ----------
    id : that of the image
    ctime_ns, inode : of the file when it was read; None where that is not known
    page, n_pages : which one of how many pages of its file it is
    read_share : how much of the image could be read, 0 to 1: less than 1 is damaged
    taken_from, time_zone, altitude, place_from, lens, iso, rating, creator, city, country : as in `Facts`, of all
        sources together
    """

    id: int
    ctime_ns: int | None = None
    inode: int | None = None
    page: int = 1
    n_pages: int = 1
    read_share: float = 1.0
    taken_from: str = ""
    time_zone: str | None = None
    altitude: float | None = None
    place_from: str = ""
    lens: str | None = None
    iso: int | None = None
    rating: int | None = None
    creator: str | None = None
    city: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class DoubtRecord:
    """A name in a sidecar, empty for the image beside it, that is not certain to mean an image; why, in a sentence."""

    sidecar: bytes
    name: str
    reason: str


class LabelState(StrEnum):
    """Whether a model set a label, a person confirmed it, or a person dropped it."""

    AUTOMATIC = "automatic"
    CONFIRMED = "confirmed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class LabelRecord:
    """A label of the image at a path, with the model that set it and its confidence (0 to 1).

    `model` is empty for a label that a person set.
    """

    image_path: bytes
    label: str
    confidence: float
    model: str
    state: LabelState

    def as_dict(self) -> dict[str, Any]:
        """The fields that are printed, without the path."""
        said = {"label": self.label, "confidence": self.confidence, "model": self.model}
        return {**said, "state": self.state.value}


class DecisionKind(StrEnum):
    """What a person says of two images: one is to go, both are to stay, or they are not copies at all."""

    DUPLICATE = "duplicate"
    KEEP_BOTH = "keep both"
    NOT_A_DUPLICATE = "not a duplicate"


@dataclass(frozen=True)
class DecisionRecord:
    """A person's decision about two images, which are known by the SHA-256 of their files.

    Of a duplicate, `content` is to go, and `other` is kept. The paths are those of the time, or where the files were
    moved since; of two equal files they say which is which. `made` is a time in UTC; decisions of one `batch` are
    undone together.
    """

    id: int
    batch: int
    content: bytes
    other: bytes
    path: bytes
    other_path: bytes
    kind: DecisionKind
    made: str

    @property
    def key(self) -> frozenset[bytes]:
        """Both images, in no order: their contents, or the paths of equal files."""
        return decision_key(self.content, self.other, self.path, self.other_path)


def decision_key(content: bytes, other: bytes, path: bytes, other_path: bytes) -> frozenset[bytes]:
    """What two images are known by, in no order: their contents, or their contents and paths where these are equal."""
    if content != other:
        return frozenset((content, other))
    return frozenset((content + path, content + other_path))


@dataclass(frozen=True)
class Problem:
    """One thing that is damaged: where, and what is wrong."""

    where: str
    what: str
