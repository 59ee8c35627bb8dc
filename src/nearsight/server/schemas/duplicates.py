"""Duplicates, and what was decided about them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from nearsight.applications.duplicates.find import DEFAULT_VERDICTS
from nearsight.server.schemas.common import schema_example
from nearsight.server.schemas.search import ChangeResponse


class DuplicatesRequest(BaseModel):
    """What counts as a duplicate, and which of a group to keep, as `nearsight duplicates` takes them."""

    model_config = schema_example(verdicts=["identical", "copy"], keep="largest")
    verdicts: list[str] = [*DEFAULT_VERDICTS]
    keep: str = "largest"


class DecisionRequest(BaseModel):
    """A decision about two images by their ids: of a `duplicate`, `image` is to go, and `other` is kept."""

    model_config = schema_example(decision="duplicate", image=12, other=3)
    decision: str
    image: int = Field(ge=1, le=(1 << 63) - 1)
    other: int = Field(ge=1, le=(1 << 63) - 1)


class DecisionsRequest(BaseModel):
    """Decisions that are made, and undone, at once."""

    decisions: list[DecisionRequest] = Field(min_length=1, max_length=10_000)


class DecisionResponse(BaseModel):
    """What was decided about two images, which are known by their contents; the paths are where they are."""

    model_config = schema_example(
        decision="duplicate",
        path="small.jpg",
        sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        other_path="large.jpg",
        other_sha256="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
        made="2026-11-30T18:00:00+00:00",
    )
    decision: str
    path: str
    sha256: str
    other_path: str
    other_sha256: str
    made: str


class DecisionsResponse(BaseModel):
    """A page of decisions, the oldest first, and how many there are."""

    total: int
    decisions: list[DecisionResponse]


class MemberResponse(BaseModel):
    """An image of a group. `verdict` says what it is to the first one, as which it is empty.

    `same_as_kept`: proved to be identical to the one to keep, or a copy of it, and no larger. `decision`: "duplicate",
    "kept", "keep both", "not a duplicate", or empty. `transform` maps points of the first, in units of its width and
    height, to points of this one; null where it is not known. Boxes of `changes` are in the first (`query_box`) and in
    this one (`hit_box`).
    """

    id: int
    path: str
    width: int
    height: int
    bytes: int
    format: str
    taken: str | None
    thumbnail: str
    image: str
    verdict: str
    why: str
    keep: bool
    same_as_kept: bool
    decision: str
    transform: list[list[float]] | None
    changes: list[ChangeResponse]


class GroupResponse(BaseModel):
    """Images that are copies of the first of them. `decided`: nothing is left to decide about them."""

    number: int
    keep_why: str
    decided: bool
    members: list[MemberResponse]


class DuplicatesResponse(BaseModel):
    """A page of the groups that the last job found, `total` of this state; `found` is false before there was one.

    `left_out` says what was not looked at, and `failures` counts the pairs that could not be compared.
    """

    found: bool
    total: int
    n_open: int
    n_decided: int
    n_images: int
    left_out: str
    failures: int
    groups: list[GroupResponse]
