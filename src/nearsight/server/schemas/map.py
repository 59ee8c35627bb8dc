"""The map."""

from __future__ import annotations

from pydantic import BaseModel, JsonValue

from nearsight.server.schemas.common import schema_example
from nearsight.server.schemas.search import HIT_EXAMPLE

_PLACE: dict[str, JsonValue] = {
    "id": 12,
    "path": "2012/moscow.jpg",
    "x": 0.25,
    "y": 0.5,
    **{name: HIT_EXAMPLE[name] for name in ("width", "height", "thumbnail")},
}


class MapImageResponse(BaseModel):
    """One image of a map: `x` (right) and `y` (down) in 0..1, at the same scale."""

    model_config = schema_example(**_PLACE)
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

    model_config = schema_example(
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
