"""The answer to a query: hits, best first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, overload

from nearsight.search.heat_map import HeatMapInputs
from nearsight.storage.records import DetailRecord, ImageRecord
from nearsight.types import Explanation

FOUND = "found"
NOTHING = "nothing like it here"
TOO_PLAIN = "too plain to judge"
"""The query has too little structure for a verdict on any hit."""
NO_MATCH = "no image matches"
"""No hit at all: the words or the filter leave no image."""


@dataclass(frozen=True, kw_only=True)
class ImageSummary:
    """An image, with what its file, its sidecars and its name say of it.

    Attributes
    ----------
    id, path : in the collection
    width, height : of the upright image, in pixels
    bytes, format : of its file
    taken : local time, as far as it is known: "1993", "1965-07", "2012-05-31" or "2012-05-31T14:30:00"
    taken_from, place_from : what said so, such as "EXIF"; empty where nothing did
    time_zone : such as "+02:00"
    camera, lens, iso, creator, city, country : None where not known
    latitude, longitude : degrees, positive north and east
    altitude : metres above the sea
    rating : 0 to 5 stars; -1 is rejected
    page, n_pages : which one of how many pages of its file it is
    read_share : how much of it could be read, 0 to 1: less than 1 is damaged
    """

    id: int
    path: str
    width: int = 0
    height: int = 0
    bytes: int = 0
    format: str = ""
    taken: str | None = None
    taken_from: str = ""
    time_zone: str | None = None
    camera: str | None = None
    lens: str | None = None
    iso: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    place_from: str = ""
    rating: int | None = None
    creator: str | None = None
    city: str | None = None
    country: str | None = None
    page: int = 1
    n_pages: int = 1
    read_share: float = 1.0


SUMMARY_FIELDS = tuple(each.name for each in fields(ImageSummary))


def image_summary(image: ImageRecord, detail: DetailRecord) -> ImageSummary:
    """What the catalogue knows of an image, in one."""
    known = {**vars(detail), **vars(image), "path": os.fsdecode(image.path), "bytes": image.size}
    return ImageSummary(**{name: known[name] for name in SUMMARY_FIELDS})


@dataclass(frozen=True, kw_only=True)
class Hit(ImageSummary):
    """One image that was found.

    `score` in 0..1; `distance` in the unit of `metric`; `alike` and `verdict` are the method's verdict, `why` a
    sentence; `explanation` holds the matched points, if any. If there is a `heat_map`, `Collection.explain` returns
    what each region of both images adds to the score.
    """

    rank: int
    score: float
    distance: float
    metric: str
    verdict: str
    alike: bool | None
    why: str
    explanation: Explanation = field(repr=False)
    heat_map: HeatMapInputs | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """What `search --json` prints for a hit."""
        names = ("rank", "id", "path", "score", "distance", "metric", "verdict", "alike", "why")
        changes = [asdict(change) for change in self.explanation.changes]
        found = {**{name: getattr(self, name) for name in names}, "changes": changes}
        return found | {name: getattr(self, name) for name in SUMMARY_FIELDS if name not in found}


@dataclass(frozen=True)
class Hint:
    """A sense that looks further where nothing is alike: its name, and what it looks for.

    `command` indexes the collection by it, empty where it is indexed already.
    """

    sense: str
    looks_for: str
    command: str = ""


@dataclass(frozen=True)
class Results(Sequence[Hit]):
    """The hits of one query, best first.

    `verdict` is "found", "nothing like it here" (no hit that was judged is alike), "too plain to judge", "no image
    matches" (no hit at all), or empty (no verdict). `hint` names a sense that would look further, if there is one.
    `empty_because` says what left no image: the words, the filter, or both; it is empty where there are hits.
    """

    recipe: str
    verdict: str
    hits: tuple[Hit, ...]
    total: int
    hint: Hint | None = None
    empty_because: str = ""

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, at: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[at]

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)
