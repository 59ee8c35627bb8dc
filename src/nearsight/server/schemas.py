"""Schemas of requests and responses, with the examples of OpenAPI."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from nearsight.applications.duplicates.find import DEFAULT_VERDICTS
from nearsight.senses import DEFAULT_SENSES


def _schema_example(**values: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": values})


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
_HIT: dict[str, JsonValue] = {
    "rank": 1,
    "id": 12,
    "path": "2012/moscow.jpg",
    "score": 0.99,
    "distance": 0.12,
    "metric": "l2",
    "verdict": "edited copy",
    "alike": True,
    "why": "the same image, changed in 1.5 % of the common part, in 1 area",
    "changes": [{"query_box": [0.4, 0.8, 0.6, 0.9], "hit_box": [0.4, 0.8, 0.6, 0.9], "share": 0.015}],
    "width": 4000,
    "height": 3000,
    "thumbnail": "/api/collections/photos/images/12/thumbnail?v=9f86d081884c",
    "image": "/api/collections/photos/images/12?v=9f86d081884c",
    "caption": "Red Square in the rain.",
    "tags": ["moscow", "rain"],
    "labels": [{"label": "palace", "confidence": 0.83, "model": "mobilenetv2", "state": "automatic"}],
}
_PLACE: dict[str, JsonValue] = {
    "id": 12,
    "path": "2012/moscow.jpg",
    "x": 0.25,
    "y": 0.5,
    **{name: _HIT[name] for name in ("width", "height", "thumbnail")},
}


class ErrorResponse(BaseModel):
    """An error message and a hint; `reason` is the code of an image that cannot be decoded."""

    model_config = _schema_example(error="not found: collection 'scans'", hint="see /api/collections for the list")
    error: str
    hint: str
    reason: str | None = None


class HealthResponse(BaseModel):
    """The status of the service."""

    model_config = _schema_example(status="ok", version="0.1.0")
    status: str
    version: str


class SenseResponse(BaseModel):
    """A kind of similarity; `supports_text`: whether queries may have `text=`, with or without an image."""

    model_config = _schema_example(
        name="colour", description="the same colours in the same amounts", supports_text=False
    )
    name: str
    description: str
    supports_text: bool


class ProgressResponse(BaseModel):
    """The progress of a job: its step, and `done` of `total`; 0 of 0 where that is not known."""

    model_config = _schema_example(step="describing", done=120, total=500)
    step: str
    done: int
    total: int


class SummaryResponse(BaseModel):
    """The result of a job, in images; `skipped` counts files by reason.

    `excluded` counts images whose files a rule now leaves out. `migrated_from` is the storage format that the job
    updated, null where it was up to date.
    """

    model_config = _schema_example(**_SUMMARY)
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

    model_config = _schema_example(
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

    model_config = _schema_example(by=[*DEFAULT_SENSES])
    by: list[str] = []


class DuplicatesRequest(BaseModel):
    """What counts as a duplicate, and which of a group to keep, as `nearsight duplicates` takes them."""

    model_config = _schema_example(verdicts=["identical", "copy"], keep="largest")
    verdicts: list[str] = [*DEFAULT_VERDICTS]
    keep: str = "largest"


class DecisionRequest(BaseModel):
    """A decision about two images by their ids: of a `duplicate`, `image` is to go, and `other` is kept."""

    model_config = _schema_example(decision="duplicate", image=12, other=3)
    decision: str
    image: int = Field(ge=1, le=(1 << 63) - 1)
    other: int = Field(ge=1, le=(1 << 63) - 1)


class DecisionsRequest(BaseModel):
    """Decisions that are made, and undone, at once."""

    decisions: list[DecisionRequest] = Field(min_length=1, max_length=10_000)


class DecisionResponse(BaseModel):
    """What was decided about two images, which are known by their contents; the paths are where they are."""

    model_config = _schema_example(
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


class CollectionResponse(BaseModel):
    """A collection; `query_types` are those it supports, `problem` says why it cannot be opened, if so."""

    model_config = _schema_example(**_COLLECTION)
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

    model_config = _schema_example(**_COLLECTION, skipped={"truncated": 2}, bytes=5_242_880, generation=7)
    skipped: dict[str, int]
    bytes: int
    generation: int


class SkippedFileResponse(BaseModel):
    """A skipped file, and the reason: a code, more of it where there is more, and what is wrong and what to do."""

    model_config = _schema_example(
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


class UploadResponse(BaseModel):
    """An uploaded query image; its id is a hash of its content."""

    model_config = _schema_example(upload="9f86d081884c7d659a2feaa0c55ad015", width=4000, height=3000)
    upload: str
    width: int
    height: int


class ColoursResponse(BaseModel):
    """Colours of an image with their shares, the largest first, as in `colours=`."""

    model_config = _schema_example(colours={"#c0312b": 0.6, "#f4f2ec": 0.4})
    colours: dict[str, float]


class QueryEcho(BaseModel):
    """The query of a search, as it was understood."""

    upload: str | None
    id: int | None
    colours: dict[str, float]
    histogram: list[float] | None = None
    text: list[str] = []
    minus_text: list[str] = []
    words: str
    where: str
    by: str | None
    fuse: str
    like: list[int]
    unlike: list[int]
    k: int
    box: tuple[float, float, float, float] | None


class LabelResponse(BaseModel):
    """A label of an image. `state` is automatic or confirmed; `model` is empty for one set by hand."""

    model_config = _schema_example(label="palace", confidence=0.83, model="mobilenetv2", state="automatic")
    label: str
    confidence: float
    model: str
    state: str


class ChangeResponse(BaseModel):
    """An area in which a copy differs: boxes x0, y0, x1, y1 in 0..1 of both images, and its share of what is common."""

    query_box: tuple[float, float, float, float]
    hit_box: tuple[float, float, float, float]
    share: float


class HitResponse(BaseModel):
    """One image that was found; `thumbnail` and `image` are URLs. The boxes of `changes` are within the query's box.

    `caption` (lines) and `tags` come from the file and its sidecars: untrusted text, never markup. `labels` are set by
    models, the most confident first, or by people.
    """

    model_config = _schema_example(**_HIT)
    rank: int
    id: int
    path: str
    score: float | None
    distance: float | None
    metric: str
    verdict: str
    alike: bool | None
    why: str
    changes: list[ChangeResponse]
    width: int
    height: int
    thumbnail: str
    image: str
    caption: str
    tags: list[str]
    labels: list[LabelResponse]


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


class HintResponse(BaseModel):
    """A sense that looks further; `command` indexes the collection by it, empty where it is indexed already."""

    sense: str
    looks_for: str
    command: str


class SearchResponse(BaseModel):
    """The hits, best first.

    `verdict` is "found", "nothing like it here" (no hit that was judged is alike), "too plain to judge", "no image
    matches" (no hit at all), or empty (no verdict). `hint` names a sense that would look further, null if none would.

    Where `final` is false, hits are still being judged: those without a verdict are not judged yet, the order may
    change, and an empty verdict leaves all open.
    """

    model_config = _schema_example(
        query={
            **{"upload": None, "id": 12, "colours": {}, "words": "", "where": "", "by": "copy", "k": 20, "box": None},
            **{"fuse": "reciprocal", "like": [], "unlike": []},
        },
        final=True,
        recipe="gist() | gistis() | verify()",
        verdict="found",
        hint=None,
        total=500,
        seconds={"decode": 0.0, "search": 0.09},
        hits=[_HIT],
    )
    query: QueryEcho
    final: bool
    recipe: str
    verdict: str
    hint: HintResponse | None
    total: int
    seconds: dict[str, float]
    hits: list[HitResponse]


class MapImageResponse(BaseModel):
    """One image of a map: `x` (right) and `y` (down) in 0..1, at the same scale."""

    model_config = _schema_example(**_PLACE)
    id: int
    path: str
    x: float
    y: float
    width: int
    height: int
    thumbnail: str


class MapResponse(BaseModel):
    """Images laid out in a plane. `images` are the first of `total`, in the order of their hashes: a random sample.

    `explained` (0..1) is the share of the variance of the `landmarks` that two dimensions explain; `stress` is 0 if all
    distances are in proportion; `trustworthiness` is 1 if the ten nearest neighbours on the map are the true ones, .5
    at random.
    """

    model_config = _schema_example(
        recipe="colour_histogram() | ivf()",
        metric="jensen_shannon",
        landmarks=500,
        explained=0.18,
        stress=0.42,
        trustworthiness=0.81,
        total=500,
        images=[_PLACE],
    )
    recipe: str
    metric: str
    landmarks: int
    explained: float
    stress: float
    trustworthiness: float
    total: int
    images: list[MapImageResponse]


class ExplanationResponse(BaseModel):
    """Why a hit was found. Points and the homography are in units of the width and height of each image.

    Shares are a grid, from the top left, of what each region adds to the cosine similarity. Those of the hit cover the
    whole image, those of the query the box of the query, or the whole image. `changes` are the areas that differ.
    """

    model_config = _schema_example(
        sentence="31 matched points agree on one transform",
        verdict="copy",
        alike=True,
        query_points=[[0.25, 0.5]],
        hit_points=[[0.27, 0.5]],
        homography=[[1.0, 0.0, 0.02], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        query_shares=None,
        hit_shares=None,
        changes=[],
    )
    sentence: str
    verdict: str
    alike: bool | None
    query_points: list[tuple[float, float]] | None
    hit_points: list[tuple[float, float]] | None
    homography: list[list[float]] | None
    query_shares: list[list[float]] | None = None
    hit_shares: list[list[float]] | None = None
    changes: list[ChangeResponse]
