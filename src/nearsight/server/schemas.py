"""The shapes of the answers, with an example each: what OpenAPI tells of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from nearsight.senses import DEFAULT_SENSES


def _example(**values: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": values})


_COLLECTION: dict[str, JsonValue] = {
    "id": "photos",
    "name": "Photos",
    "images": 500,
    "senses": [{"name": "copy", "line": "the same image, altered: re-saved, resized, cropped, mirrored"}],
    "default_sense": "copy",
    "asks": ["image", "words"],
    "readonly": False,
    "job": None,
    "problem": None,
}
_SUMMARY: dict[str, JsonValue] = {
    **dict.fromkeys(("changed", "moved", "removed", "completed"), 0),
    "added": 12,
    "unchanged": 488,
    "skipped": {"truncated": 2},
    "seconds": 3.1,
}
_HIT: dict[str, JsonValue] = {
    "rank": 1,
    "id": 12,
    "path": "2012/moscow.jpg",
    "score": 0.99,
    "distance": 0.12,
    "metric": "l2",
    "verdict": "copy",
    "alike": True,
    "why": "31 matched points agree on one transform",
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


class Error(BaseModel):
    """What is wrong and what would help; `reason` is the code of an image that cannot be read."""

    model_config = _example(error="there is no such collection", what_to_do="see /api/collections for those there are")
    error: str
    what_to_do: str
    reason: str | None = None


class Health(BaseModel):
    """That the service runs."""

    model_config = _example(status="ok", version="0.1.0")
    status: str
    version: str


class Sense(BaseModel):
    """One meaning of alike; `texts`: whether it can be asked with `text=`, with an image or without."""

    model_config = _example(name="colour", line="the same colours in the same amounts", texts=False)
    name: str
    line: str
    texts: bool


class Progress(BaseModel):
    """Where a job stands: `looking` (files seen) or `describing` (`done` of `total` committed)."""

    model_config = _example(step="describing", done=120, total=500)
    step: str
    done: int
    total: int


class Summary(BaseModel):
    """What a job did, in images; `skipped` counts files by reason."""

    model_config = _example(**_SUMMARY)
    added: int
    changed: int
    moved: int
    removed: int
    unchanged: int
    completed: int
    skipped: dict[str, int]
    seconds: float


class Job(BaseModel):
    """One run over a folder. `state` is running, done, failed or cancelled."""

    model_config = _example(
        id="5d41402abc4b2a76",
        collection="photos",
        by=["scene"],
        state="done",
        progress={"step": "describing", "done": 500, "total": 500},
        summary=_SUMMARY,
        error=None,
    )
    id: str
    collection: str
    by: list[str]
    state: str
    progress: Progress
    summary: Summary | None
    error: str | None


class Start(BaseModel):
    """What a job is to index by, besides what the collection has."""

    model_config = _example(by=[*DEFAULT_SENSES])
    by: list[str] = []


class Collection(BaseModel):
    """A collection; `asks` are the ways of asking that it offers, `problem` says why it cannot be used, if so."""

    model_config = _example(**_COLLECTION)
    id: str
    name: str
    images: int
    senses: list[Sense]
    default_sense: str
    asks: list[str]
    readonly: bool
    job: Job | None
    problem: str | None = None


class CollectionDetails(Collection):
    """A collection with what was skipped, by reason, and its size."""

    model_config = _example(**_COLLECTION, skipped={"truncated": 2}, bytes=5_242_880, generation=7)
    skipped: dict[str, int]
    bytes: int
    generation: int


class Skipped(BaseModel):
    """One file that is not in the collection, and why."""

    model_config = _example(path="broken.jpg", reason="truncated", detail="")
    path: str
    reason: str
    detail: str


class SkippedFiles(BaseModel):
    """Some of the files that were skipped, and how many there are in all."""

    total: int
    files: list[Skipped]


class Upload(BaseModel):
    """An image that can be asked with. The name is that of its content."""

    model_config = _example(upload="9f86d081884c7d659a2feaa0c55ad015", width=4000, height=3000)
    upload: str
    width: int
    height: int


class PickedColours(BaseModel):
    """Colours of an image with their shares, the largest first, as `colours=` takes them."""

    model_config = _example(colours={"#c0312b": 0.6, "#f4f2ec": 0.4})
    colours: dict[str, float]


class Asked(BaseModel):
    """What was asked."""

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


class Label(BaseModel):
    """What an image is labelled as. `state` is automatic or confirmed; `model` is empty where somebody said it."""

    model_config = _example(label="palace", confidence=0.83, model="mobilenetv2", state="automatic")
    label: str
    confidence: float
    model: str
    state: str


class Hit(BaseModel):
    """One image that was found; `thumbnail` and `image` are addresses.

    `caption` (lines) and `tags` are what sidecars and the file itself say of it: text of others, never markup. `labels`
    are what models say that it shows, the surest first, and what somebody confirmed.
    """

    model_config = _example(**_HIT)
    rank: int
    id: int
    path: str
    score: float | None
    distance: float | None
    metric: str
    verdict: str
    alike: bool | None
    why: str
    width: int
    height: int
    thumbnail: str
    image: str
    caption: str
    tags: list[str]
    labels: list[Label]


class Answer(BaseModel):
    """The hits, best first. `verdict` is "found", "nothing like it here", or empty (not judged)."""

    model_config = _example(
        query={
            **{"upload": None, "id": 12, "colours": {}, "words": "", "where": "", "by": "copy", "k": 20, "box": None},
            **{"fuse": "reciprocal", "like": [], "unlike": []},
        },
        recipe="gist() | gistis() | verify()",
        verdict="found",
        total=500,
        seconds={"decode": 0.0, "search": 0.09},
        hits=[_HIT],
    )
    query: Asked
    recipe: str
    verdict: str
    total: int
    seconds: dict[str, float]
    hits: list[Hit]


class Place(BaseModel):
    """One image on the map: `x` across and `y` down, in 0..1, at one scale for both."""

    model_config = _example(**_PLACE)
    id: int
    path: str
    x: float
    y: float
    width: int
    height: int
    thumbnail: str


class Map(BaseModel):
    """Images laid out in a plane. `images` are the first of `total`, in an order by content: as good as by lot.

    `explained` (0..1) is the share of two dimensions in what the distances of the `landmarks` hold; `stress` is 0 where
    all distances are shown in proportion; `trustworthiness` is 1 where the ten nearest on the map are the nearest, .5
    by chance.
    """

    model_config = _example(
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
    images: list[Place]


class Explanation(BaseModel):
    """Why a hit was returned. Points and the homography are in units of the images' width and height.

    Shares, where there are some, are rows of what each place adds to the cosine of both images, from the top left.
    Those of the hit lie over all of it, those of the query over the box that was asked with, or over all of it.
    """

    model_config = _example(
        sentence="31 matched points agree on one transform",
        verdict="copy",
        alike=True,
        query_points=[[0.25, 0.5]],
        hit_points=[[0.27, 0.5]],
        homography=[[1.0, 0.0, 0.02], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        query_shares=None,
        hit_shares=None,
    )
    sentence: str
    verdict: str
    alike: bool | None
    query_points: list[tuple[float, float]] | None
    hit_points: list[tuple[float, float]] | None
    homography: list[list[float]] | None
    query_shares: list[list[float]] | None = None
    hit_shares: list[list[float]] | None = None
