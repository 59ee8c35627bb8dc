"""The contracts that everything composes around.

*A recipe turns images into rows; an index turns rows into hits; everything after maps hits to hits.*

Pictures are `(H, W, 3) uint8` sRGB arrays, upright. Coordinates are `(x, y)` with pixel centres at .5. Ids are int64
catalogue ids. Scores: larger is better, everywhere; a metric's distance keeps its natural unit for display.

A method is a frozen dataclass: its fields are its parameters, and it keeps no result, so threads may share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
"""`(H, W, 3) uint8`, sRGB, upright."""

Ids: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]
Box: TypeAlias = tuple[float, float, float, float]
"""`(x0, y0, x1, y1)` in pixels of the upright picture."""

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by name: what an index has fitted, or what it keeps of rows."""

T = TypeVar("T")

NO_ID = -1
"""The id that pads a row of hits where fewer than k were found; its score is -inf."""


@dataclass(frozen=True)
class LocalFeatures:
    """Described parts of one picture.

    `points (n, 2) float32` x, y in pixels; `scales (n,) float32` diameter in pixels; `angles (n,) float32` degrees,
    clockwise from the x axis; `descriptors (n, D)`; `size` the picture's width and height in pixels. `grids` are the
    columns and rows of the maps whose positions these are, map after map and row by row; empty where they are no whole
    maps.
    """

    points: Floats
    scales: Floats
    angles: Floats
    descriptors: NDArray[Any]
    size: tuple[int, int]
    grids: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        positions = sum(columns * rows for columns, rows in self.grids)
        assert positions == (len(self.points) if self.grids else 0), (self.grids, self.points.shape)

    def __len__(self) -> int:
        return len(self.points)

    def chosen(self, at: Any) -> LocalFeatures:  # noqa: ANN401 - whatever indexes an array
        """Those of the features that `at` indexes, in its order; they are no whole maps any more."""
        places = self.points[at], self.scales[at], self.angles[at]
        return LocalFeatures(*places, self.descriptors[at], self.size)


Described: TypeAlias = "NDArray[Any] | LocalFeatures"
"""What a descriptor makes of one picture: a vector `(D,)`, or local features."""


@dataclass(frozen=True)
class Query:
    """Everything that can be asked at once. A field that a recipe cannot serve is an error, never ignored."""

    picture: Path | bytes | Image | int | None = None
    """A file, its bytes, pixels, or the id of a picture of the collection."""
    box: Box | None = None
    plus_texts: tuple[str, ...] = ()
    minus_texts: tuple[str, ...] = ()
    """Texts that are wanted, and texts that are not, by a descriptor that has a side for texts."""
    plus_pictures: tuple[Path | bytes | Image, ...] = ()
    minus_pictures: tuple[Path | bytes | Image, ...] = ()
    """Further pictures that are wanted, and pictures that are not."""
    minus_weight: float = 1.0
    """How much what is not wanted counts, where what is wanted counts 1."""
    colours: Mapping[str, float] = field(default_factory=dict)
    histogram: Sequence[float] | None = None
    """Amounts of a histogram descriptor's bins, in any unit."""
    words: str = ""
    where: str = ""
    like: tuple[int, ...] = ()
    """Ids of pictures of the collection that were marked as alike."""
    unlike: tuple[int, ...] = ()
    """Ids of pictures that were marked as not alike; they are not found again."""


@dataclass(frozen=True)
class Hits:
    """The answer of an index or a refiner for Q queries: `ids (Q, k) int64`, `scores (Q, k) float32`, best first.

    Larger is better. Rows with fewer than k hits are padded with `NO_ID` and -inf.
    """

    ids: Ids
    scores: Floats


@dataclass(frozen=True)
class Explanation:
    """Why one hit was returned.

    `alike` is the method's own judgement of this hit, None where it has none, and `verdict` the same in words
    ("copy", "mirrored copy", "not a copy"); `similarity` in 0..1 is what is shown as the score. `query_points` and
    `hit_points` `(M, 2) float32` are matched points in unit coordinates (0..1 of the width and height of each
    picture); `homography (3, 3)` maps unit points of the query to unit points of the hit. `query_shares` and
    `hit_shares` `(rows, columns) float32` lie over the whole of each picture: what each place adds to the cosine of the
    two. They sum to it, those of the query for the hit as it is stored, those of the hit for the query as it was asked.
    """

    sentence: str
    verdict: str = ""
    alike: bool | None = None
    similarity: float | None = None
    query_points: Floats | None = None
    hit_points: Floats | None = None
    homography: NDArray[np.float64] | None = None
    query_shares: Floats | None = None
    hit_shares: Floats | None = None


class Method:
    """What a recipe can name. Subclasses are frozen dataclasses in a file of the method's own name.

    `version` rises when the output changes, so that rows of different versions never mix.
    """

    version: ClassVar[int] = 1


class Metric(Method, ABC):
    """A distance between rows, in its natural unit: smaller is nearer."""

    symbol: ClassVar[str] = ""
    costly: ClassVar[bool] = False
    """Whether a distance takes so long (more than .02 ms) that no more than needed should be measured."""
    margin: ClassVar[tuple[float, float]] = (1e-5, 1e-6)
    """How far what `first` gives may be from what its order is: relative and absolute, twice its largest error."""

    @abstractmethod
    def distances(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats:
        """Distances `(Q, N) float32` between `queries (Q, D)` and `rows (N, D)`."""

    def first(self, queries: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        """Quick numbers `(Q, N)` that rise as the distances do, up to `margin`; those where none are quicker."""
        return self.distances(queries, rows)

    def flattened(self, rows: NDArray[Any]) -> Floats | None:
        """Rows `(N, E) float32` whose straight distances put them in nearly the order of this metric.

        Cells are made of these. None where no such rows are known; then only an exact index serves this metric.
        """
        return None

    def at_least(self, queries: NDArray[Any], rows: NDArray[Any]) -> Floats | None:
        """A lower bound of the distances, `(Q, N)`, where one is far cheaper than they are; otherwise None."""
        return None

    def similarity(self, distances: Floats) -> Floats:
        """The distances on a scale of 0 (as far as can be) to 1 (the same), same shape, falling; 1 / (1 + distance)."""
        return np.asarray(1 / (1 + distances), np.float32)


class Kernel(Metric):
    """How the visual words of two pictures are compared. Their rows are records of features (`visual_words`).

    The similarity is a sum over all pairs of features i, j of the same word w, divided by the lengths of both pictures:

        s(q, d) = sum_w idf(w)^2 b(|q_w|) b(|d_w|) sum_ij weight[bits that differ between i and j] / (|q| |d|)
        |q|^2 = sum_w (idf(w) |q_w| b(|q_w|))^2

    and the distance is 1 - s. idf(w) = log(pictures / pictures with w) or 1; b(n) = 1 / sqrt(n) or 1.
    """

    idf: bool
    """Whether words that many pictures hold count less."""
    burst: bool
    """Whether words that one picture holds often count less."""
    costly = True
    once: ClassVar[bool]
    """Whether each word of a picture counts once: |q_w| is 1, and all its features have the same bits."""

    @abstractmethod
    def weights(self, bits: int) -> Floats:
        """The weight `(bits + 1,)` of a pair of features of which so many of `bits` bits differ."""

    @abstractmethod
    def distances(self, queries: Any, rows: Any) -> Floats:  # noqa: ANN401 - lists of records
        """Distances `(Q, N) float32` between lists of Q and N pictures' records; idf is that of the N."""


class Descriptor(Method, ABC):
    """Turns pictures into rows of one width and dtype.

    A subclass sets `side`, `metric` and `dtype` (class attributes, or properties where they depend on a parameter),
    and writes `size` and `rows`.
    """

    side: int = 256
    """The longest side of the pixels it is given. Smaller pictures come as they are; nothing is enlarged for it."""
    metric: str = "l2"
    """The name of its natural metric, with parameters where it takes some, as in a recipe."""
    dtype: Any = "float32"
    ragged: bool = False
    """Whether a row is a list of records of any length, `dtype` each; then `rows` makes a list of them."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of values of a row."""

    @property
    def digest(self) -> str:
        """What its rows depend on besides its parameters, such as a model's checksum; a part of the rows' key."""
        return ""

    def load(self) -> None:
        """Load what its rows need from elsewhere, so that the first picture need not wait; UsageError where it lacks.

        It is called before any picture is read, in the asking process and in each worker.
        """
        return

    @abstractmethod
    def rows(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size)` of `dtype` for N pictures `(H, W, 3) uint8`, each at least 1 x 1."""

    def describe(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size)` of `dtype` for N pictures; checks them first. Raises ValueError on anything but pictures."""
        for image in images:
            _check(image)
        if not len(images):
            return np.empty((0, self.size), self.dtype)
        return self.rows(images)

    def questions(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - rows, or a list of them where ragged
        """The rows that these pictures ask with: those that `describe` makes, where nothing better is known."""
        return self.describe(images)

    def palette(self, colours: Mapping[tuple[int, int, int], float]) -> NDArray[Any] | None:
        """The row `(size,)` of a picture of these colours (0..255) in these shares; None where it has no such thing."""
        return None

    def histogram(self, amounts: NDArray[np.float64]) -> NDArray[Any] | None:
        """The row of a picture with these amounts in the bins, in any unit; None where rows are no histogram of it."""
        return None

    @property
    def speaks(self) -> bool:
        """Whether `texts` makes rows: whether it is in one space with texts."""
        return False

    def texts(self, words: Sequence[str]) -> Floats:
        """The rows `(N, size) float32` of texts, in one space with those of pictures."""
        raise NotImplementedError(f"{type(self).__name__} has no side for texts")

    def shared(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """What two rows `(size,)` have in common, as half a sentence for a person; empty where nothing can be said."""
        return ""


class LocalDescriptor(Method, ABC):
    """Finds points in pictures and describes what is around each.

    A subclass sets `metric` and `dtype`, and writes `size` and `features`. Its field `n` is how many it keeps at most,
    those of the strongest response.
    """

    side: int = 1024
    """The longest side of the pixels it is given. Smaller pictures come as they are; nothing is enlarged for it."""
    metric: str = "l2"
    """The metric of its descriptors: "l2", or "hamming" for strings of bits."""
    dtype: str = "float32"
    n: int

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of values of one descriptor; of bytes for strings of bits."""

    @property
    def digest(self) -> str:
        """What its features depend on besides its parameters, such as a model's checksum."""
        return ""

    def load(self) -> None:
        """Load what it needs from elsewhere, as `Descriptor.load` does."""
        return

    @abstractmethod
    def features(self, image: Image) -> LocalFeatures:
        """The features of one picture `(H, W, 3) uint8`, at least 1 x 1; none is no error."""

    def pairs(self, first: LocalFeatures, second: LocalFeatures) -> NDArray[np.int64] | None:
        """Which features of two pictures belong together, places in both `(m, 2)`; None: the nearest descriptors do."""
        return None

    def describe(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """The features of each picture; checks them first. Raises ValueError on anything but pictures."""
        for image in images:
            _check(image)
        return [self.features(image) for image in images]


Report: TypeAlias = Callable[[int, int], None]
"""`(done, total)`: how far something has come."""


class Vocabulary(Method, ABC):
    """Visual words: centres of descriptors, learnt once; a descriptor is the word of its nearest centre."""

    @property
    @abstractmethod
    def count(self) -> int:
        """How many words it has at most; fewer where the sample is small."""

    @abstractmethod
    def fit(self, sample: Floats, report: Report) -> Arrays:
        """What is learnt of descriptors `(N, D) float32`, which may lie in a mapped file; `centres (K, D)` among it."""

    @abstractmethod
    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """The nearest words `(N, several) int32` of descriptors, nearest first; -1 where there are no more."""


class Encoder(Method, ABC):
    """Makes what an index can search of what was described: one row a picture, or features of another kind.

    It is fitted once, on a sample of descriptors or rows; the fitted arrays are stored and given back.
    """

    takes: ClassVar[str] = "features"
    """What it encodes: "features", "rows", or "both"; of both it makes the same kind again, each by itself."""
    makes: ClassVar[str] = "rows"
    """What it makes where it takes features: "rows", or other "features"."""
    dtype: Any = "float32"
    ragged: ClassVar[bool] = False
    """Whether its rows are of any length: one record for each visual word that a picture holds (`visual_words`)."""
    metric: str = "l2"
    """The name of its rows' natural metric, with parameters where it takes some, as in a recipe."""

    def made_of(self, kind: str) -> str:
        """What it makes of "features" or of "rows": the one or the other."""
        return kind if self.takes == "both" else self.makes

    @property
    @abstractmethod
    def sample(self) -> int:
        """How many descriptors or rows `fit` is best given; 0: there is nothing to fit."""

    def fit(self, sample: Floats, report: Report) -> Arrays:
        """What is learnt of descriptors or rows `(N, D) float32`, which may lie in a mapped file.

        Raises ValueError where these are too few or of a kind that it cannot take.
        """
        return {}

    @abstractmethod
    def size(self, width: int, fitted: Arrays) -> int:
        """The values of a row (or of a descriptor, where features stay features) made of `width` values."""

    @abstractmethod
    def encode(self, described: Sequence[Any], fitted: Arrays) -> Any:  # noqa: ANN401 - as the class says
        """Rows `(N, size) float32` of N pictures' features or rows; lists where ragged or where features stay so."""

    def questions(self, described: Sequence[Any], fitted: Arrays) -> Any:  # noqa: ANN401 - as the class says
        """The rows that these ask with; those that are stored of them, where nothing better is known."""
        return self.encode(described, fitted)


class Searchable(Protocol):
    """An index with rows in it. Adding and removing return a new one; the old one goes on answering."""

    def add(self, ids: Ids, rows: NDArray[Any]) -> Searchable:
        """With these rows `(N, D)` too."""
        ...

    def remove(self, ids: Ids) -> Searchable:
        """Without these ids; unknown ones are ignored."""
        ...

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> Hits:  # noqa: ANN401 - or lists of records
        """The k best rows for `queries (Q, D)`, only among `allow` (sorted ids) where given; ties by id."""
        ...


class Index(Method, ABC):
    """How rows are searched. Its `metric` field is None for the descriptor's natural one.

    An approximate index is fitted once, on a sample, and keeps something of each row; both are arrays that the
    collection stores and gives back. It sets `kept_by` and writes `fit`, `keep` and `join` too.
    """

    metric: Metric | None
    ragged: ClassVar[bool] = False
    """Whether rows are lists of records (`visual_words`)."""
    answer: ClassVar[str] = "the rows near the query are compared"
    """How it finds what it finds, in words."""
    kept_by: ClassVar[tuple[str, ...]] = ()
    """The parameters on which what it keeps depends; none: it keeps nothing, and is exact."""

    @property
    def exact_below(self) -> int:
        """With fewer rows than this an exact search is as good, and the collection uses one."""
        return 0

    @property
    def sample(self) -> int:
        """How many rows `fit` is best given."""
        return 0

    def serves(self, metric: Metric) -> bool:
        """Whether it can rank by this metric."""
        return True

    @abstractmethod
    def empty(self, metric: Metric, fitted: Arrays | None = None, kept: Sequence[Arrays] = ()) -> Searchable:
        """An index without rows that ranks by `metric`; `kept` is what it need not make of rows that are added."""

    def fit(self, sample: NDArray[Any], metric: Metric) -> Arrays:
        """What is to be learnt of rows before any is kept, from a sample `(N, D)` of them."""
        return {}

    def keep(self, ids: Ids, rows: NDArray[Any], metric: Metric, fitted: Arrays) -> Arrays:
        """What it keeps of these rows `(N, D)`; `ids` among it says of which."""
        return {"ids": ids}

    def join(self, kept: Sequence[Arrays], without: Ids) -> Arrays:
        """What was kept at several times as one, without some ids (sorted)."""
        return {}


@dataclass(frozen=True)
class Match:
    """Matched points of the query and of a hit, `(n, 2) float64` each, and the homography between them `(3, 3)`.

    In units of each picture's longest side.
    """

    query_points: NDArray[np.float64]
    hit_points: NDArray[np.float64]
    homography: NDArray[np.float64]


class Rows(Protocol):
    """What a refiner may read of the collection while one query is answered."""

    total: int
    """Pictures in the collection."""
    memo: dict[Any, Any]
    """Whatever a refiner wants to keep between `refine` and `explain` of the same query."""
    question: Any
    """The row that is asked with, or its records; a refiner may put a better one in its place for those that follow."""
    verified: dict[int, Match]
    """The hits that a refiner has found to show the same thing as the query, and where."""

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        ...

    def row(self, ident: int) -> NDArray[Any]:
        """The stored row of a picture, or its records."""
        ...

    def rows(self, ids: Ids) -> NDArray[Any]:
        """The stored rows `(n, D)` of several pictures, in the order of their ids as given."""
        ...

    def spread(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and rows `(n, D)` of at most so many pictures, spread evenly over the collection; always the same."""
        ...

    def search(self, rows: Any, k: int) -> Hits:  # noqa: ANN401 - rows (Q, D), or a list of records
        """The k best hits of each row, among those that may be found."""
        ...

    def derived(self, ident: int, make: Callable[[Image], T]) -> T:
        """`make` of the stored thumbnail (256 pixels at the longest side) of one picture.

        It may be kept for later queries, so `make` is a function of a module and its result is never changed.
        """
        ...


def _check(image: Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"a picture is (H, W, 3) uint8, at least 1 x 1; got {image.shape} {image.dtype}")


class Refiner(Method, ABC):
    """Maps hits to better hits, one query at a time."""

    ragged: ClassVar[bool] = False
    """Whether it needs rows that are records of visual words."""
    vectors: ClassVar[bool] = False
    """Whether it needs rows of numbers, float32, with a metric that can be straightened (`Metric.flattened`)."""
    judges: ClassVar[bool] = True
    """Whether it says what is alike; otherwise that is judged by the distance, as without refiners."""

    @property
    def depth(self) -> int:
        """How many hits it wants from the index, at least."""
        return 0

    def views(self, image: Image) -> list[Image]:
        """The pictures that the index is asked with for this query; the best score of a hit counts."""
        return [image]

    def guesses(self, image: Image) -> list[Image]:
        """Further views that the query may be a copy in. Their hits count only where nearer than all of `views`."""
        return []

    @abstractmethod
    def refine(self, image: Image, hits: Hits, rows: Rows) -> Hits:
        """Re-ranked hits `(1, k)` for one query picture; it may ask the index for others."""

    @abstractmethod
    def explain(self, image: Image, ids: Ids, rows: Rows) -> list[Explanation | None]:
        """Why, for each of these ids; None where this refiner has not looked at the hit."""
