"""Queries, hits and explanations."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from nearsight.server.schemas.common import schema_example

HIT_EXAMPLE: dict[str, JsonValue] = {
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
    "bytes": 5230112,
    "format": "JPEG",
    "taken": "2012-05-31T14:30:00",
    "taken_from": "EXIF",
    "time_zone": "+04:00",
    "camera": "Canon EOS 5D",
    "lens": "EF 24-105mm f/4L",
    "iso": 100,
    "latitude": 55.7539,
    "longitude": 37.6208,
    "altitude": 140.0,
    "place_from": "EXIF",
    "rating": 4,
    "creator": "Ann",
    "city": "Moscow",
    "country": "Russia",
    "page": 1,
    "n_pages": 1,
    "read_share": 1.0,
    "thumbnail": "/api/collections/photos/images/12/thumbnail?v=9f86d081884c",
    "image": "/api/collections/photos/images/12?v=9f86d081884c",
    "caption": "Red Square in the rain.",
    "tags": ["moscow", "rain"],
    "labels": [{"label": "palace", "confidence": 0.83, "model": "mobilenetv2", "state": "automatic"}],
}


class UploadResponse(BaseModel):
    """An uploaded query image; its id is a hash of its content."""

    model_config = schema_example(upload="9f86d081884c7d659a2feaa0c55ad015", width=4000, height=3000)
    upload: str
    width: int
    height: int


class ColoursResponse(BaseModel):
    """Colours of an image with their shares, the largest first, as in `colours=`."""

    model_config = schema_example(colours={"#c0312b": 0.6, "#f4f2ec": 0.4})
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

    model_config = schema_example(label="palace", confidence=0.83, model="mobilenetv2", state="automatic")
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
    models, the most confident first, or by people. `taken` is local time as far as it is known ("1993", "1965-07"),
    `taken_from` and `place_from` what said so; `rating` is 0 to 5, -1 rejected. `page` of `n_pages` of its file; a
    `read_share` below 1 is that of a damaged file.
    """

    model_config = schema_example(**HIT_EXAMPLE)
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
    bytes: int
    format: str
    taken: str | None
    taken_from: str
    time_zone: str | None
    camera: str | None
    lens: str | None
    iso: int | None
    latitude: float | None
    longitude: float | None
    altitude: float | None
    place_from: str
    rating: int | None
    creator: str | None
    city: str | None
    country: str | None
    page: int
    n_pages: int
    read_share: float
    thumbnail: str
    image: str
    caption: str
    tags: list[str]
    labels: list[LabelResponse]


class HintResponse(BaseModel):
    """A sense that looks further; `command` indexes the collection by it, empty where it is indexed already."""

    sense: str
    looks_for: str
    command: str


class SearchResponse(BaseModel):
    """The hits, best first.

    `verdict` is "found", "nothing like it here" (no hit that was judged is alike), "too plain to judge", "no image
    matches" (no hit at all), or empty (no verdict). `empty_because` says what left no image, where there is no hit: the
    words, the filter, or both. `hint` names a sense that would look further, null if none would.

    Where `final` is false, hits are still being judged: those without a verdict are not judged yet, the order may
    change, and an empty verdict leaves all open.
    """

    model_config = schema_example(
        query={
            **{"upload": None, "id": 12, "colours": {}, "words": "", "where": "", "by": "copy", "k": 20, "box": None},
            **{"fuse": "reciprocal", "like": [], "unlike": []},
        },
        final=True,
        recipe="gist() | gistis() | verify()",
        verdict="found",
        empty_because="",
        hint=None,
        total=500,
        seconds={"decode": 0.0, "search": 0.09},
        hits=[HIT_EXAMPLE],
    )
    query: QueryEcho
    final: bool
    recipe: str
    verdict: str
    empty_because: str
    hint: HintResponse | None
    total: int
    seconds: dict[str, float]
    hits: list[HitResponse]


class ExplanationResponse(BaseModel):
    """Why a hit was found. Points and the homography are in units of the width and height of each image.

    Shares are a grid, from the top left, of what each region adds to the cosine similarity. Those of the hit cover the
    whole image, those of the query the box of the query, or the whole image. `changes` are the areas that differ.
    """

    model_config = schema_example(
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
