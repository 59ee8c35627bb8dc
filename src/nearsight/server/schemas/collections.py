"""Collections and the jobs that change them."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from nearsight.senses import DEFAULT_SENSES
from nearsight.server.schemas.common import schema_example

_COLLECTION: dict[str, JsonValue] = {
    "id": "photos",
    "name": "Photos",
    "images": 500,
    "senses": [
        {
            "name": "copy",
            "description": "the same image, altered: re-saved, resized, cropped, mirrored",
            "supports_text": False,
        }
    ],
    "default_sense": "copy",
    "query_types": ["image", "words"],
    "readonly": False,
    "job": None,
    "problem": None,
}


_SUMMARY: dict[str, JsonValue] = {
    **dict.fromkeys(("changed", "moved", "removed", "excluded", "completed"), 0),
    "added": 12,
    "unchanged": 488,
    "skipped": {"truncated": 2},
    "seconds": 3.1,
    "migrated_from": None,
}


class SenseResponse(BaseModel):
    """A kind of similarity; `supports_text`: whether queries may have `text=`, with or without an image."""

    model_config = schema_example(
        name="colour", description="the same colours in the same amounts", supports_text=False
    )
    name: str
    description: str
    supports_text: bool


class ProgressResponse(BaseModel):
    """The progress of a job: its step, and `done` of `total`; 0 of 0 where that is not known."""

    model_config = schema_example(step="describing", done=120, total=500)
    step: str
    done: int
    total: int


class SummaryResponse(BaseModel):
    """The result of a job, in images; `skipped` counts files by reason.

    `excluded` counts images whose files a rule now leaves out. `migrated_from` is the storage format that the job
    updated, null where it was up to date.
    """

    model_config = schema_example(**_SUMMARY)
    added: int
    changed: int
    moved: int
    removed: int
    excluded: int
    unchanged: int
    completed: int
    skipped: dict[str, int]
    seconds: float
    migrated_from: int | None


class JobResponse(BaseModel):
    """A job: `kind` is index or duplicates, `state` is running, done, failed or cancelled; `summary` is of indexing."""

    model_config = schema_example(
        id="5d41402abc4b2a76",
        collection="photos",
        kind="index",
        by=["scene"],
        state="done",
        progress={"step": "describing", "done": 500, "total": 500},
        summary=_SUMMARY,
        error=None,
    )
    id: str
    collection: str
    kind: str
    by: list[str]
    state: str
    progress: ProgressResponse
    summary: SummaryResponse | None
    error: str | None


class JobRequest(BaseModel):
    """The senses to index by, besides those of the collection."""

    model_config = schema_example(by=[*DEFAULT_SENSES])
    by: list[str] = []


class CollectionResponse(BaseModel):
    """A collection; `query_types` are those it supports, `problem` says why it cannot be opened, if so."""

    model_config = schema_example(**_COLLECTION)
    id: str
    name: str
    images: int
    senses: list[SenseResponse]
    default_sense: str
    query_types: list[str]
    readonly: bool
    job: JobResponse | None
    problem: str | None = None


class CollectionDetailsResponse(CollectionResponse):
    """A collection with its skipped files by reason, and its size."""

    model_config = schema_example(**_COLLECTION, skipped={"truncated": 2}, bytes=5_242_880, generation=7)
    skipped: dict[str, int]
    bytes: int
    generation: int


class SkippedFileResponse(BaseModel):
    """A skipped file, and the reason: a code, more of it where there is more, and what is wrong and what to do."""

    model_config = schema_example(
        path="empty.jpg",
        reason="empty",
        detail="",
        message="the file is empty; get it again from where it came, or delete it",
    )
    path: str
    reason: str
    detail: str
    message: str


class SkippedFilesResponse(BaseModel):
    """A page of the skipped files, and their total number."""

    total: int
    files: list[SkippedFileResponse]
