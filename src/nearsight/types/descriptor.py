"""The contracts of descriptors of whole images and of local features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.values import Floats, Image


@dataclass(frozen=True)
class LocalFeatures:
    """Described parts of one image.

    `points (n, 2) float32` x, y in pixels; `scales (n,) float32` diameter in pixels; `angles (n,) float32` degrees,
    clockwise from the x axis; `descriptors (n, D)`; `size` the image's width and height in pixels. `grids` are the
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

    def select(self, at: Any) -> LocalFeatures:  # noqa: ANN401 - whatever indexes an array
        """Those of the features that `at` indexes, in its order; they are no whole maps any more."""
        places = self.points[at], self.scales[at], self.angles[at]
        return LocalFeatures(*places, self.descriptors[at], self.size)


Described: TypeAlias = "NDArray[Any] | LocalFeatures"
"""What a descriptor makes of one image: a vector `(D,)`, or local features."""


class Descriptor(Method, ABC):
    """Turns each image into a vector; all have one size and dtype.

    A subclass writes `size` and `embed`, and sets `side`, `metric` and `dtype` where they differ from those here: class
    attributes, or properties where they depend on a parameter.
    """

    @property
    def side(self) -> int:
        """The longest side of the pixels it is given. Smaller images come as they are; nothing is enlarged for it."""
        return 256

    @property
    def query_side(self) -> int:
        """The longest side of the pixels of a query, `side` unless a query is looked at more closely."""
        return self.side

    @property
    def metric(self) -> str:
        """The name of its natural metric, with parameters where it takes some, as in a recipe."""
        return "l2"

    @property
    def dtype(self) -> Any:  # noqa: ANN401 - as NumPy takes it
        """The type of a row's values."""
        return "float32"

    @property
    def variable_length(self) -> bool:
        """Whether an image becomes a list of records of `dtype`; then `embed` returns a list of them."""
        return False

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of values of a vector."""

    @property
    def digest(self) -> str:
        """What vectors depend on besides the parameters, such as a model's checksum; a part of their stored key."""
        return ""

    def load(self) -> None:
        """Load models and other files that it needs; UsageError where one is missing.

        It is called before any image is read, in the main process and in each worker.
        """
        return

    @abstractmethod
    def embed(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size)` of `dtype` for N images `(H, W, 3) uint8`, each at least 1 x 1."""

    def describe(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size)` of `dtype` for N images; checks them first. Raises ValueError on anything but images."""
        for image in images:
            _check_descriptor_contract(image)
        if not len(images):
            return np.empty((0, self.size), self.dtype)
        return self.embed(images)

    def encode_queries(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - vectors, or lists of records
        """The vectors of query images; by default those of `describe`."""
        return self.describe(images)

    def embed_colours(self, colours: Mapping[tuple[int, int, int], float]) -> NDArray[Any] | None:
        """The vector `(size,)` of an image of these colours (0..255) in these shares; None where not supported."""
        return None

    def embed_histogram(self, amounts: NDArray[np.float64]) -> NDArray[Any] | None:
        """The vector of an image with these amounts in the bins, in any unit; None where vectors are no histograms."""
        return None

    def encode_texts(self, words: Sequence[str]) -> Floats | None:
        """The vectors `(N, size) float32` of texts in the space of the images; None where texts are not supported.

        With no texts nothing is loaded: the answer says whether texts are supported.
        """
        return None

    def explain_overlap(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """What two vectors `(size,)` have in common, as half a sentence for a person; empty where unknown."""
        return ""


class LocalDescriptor(Method, ABC):
    """Detects points in images and describes the surroundings of each.

    A subclass writes `size` and `features`, and sets `side`, `metric` and `dtype` where they differ from those here.
    Its field `n` is the most features that are kept: those of the strongest response.
    """

    n: int

    @property
    def side(self) -> int:
        """The longest side of the pixels it is given. Smaller images come as they are; nothing is enlarged for it."""
        return 1024

    @property
    def query_side(self) -> int:
        """The longest side of the pixels of a query, `side` unless a query is looked at more closely."""
        return self.side

    @property
    def metric(self) -> str:
        """The metric of its descriptors: "l2", or "hamming" for strings of bits."""
        return "l2"

    @property
    def dtype(self) -> str:
        """The type of a descriptor's values."""
        return "float32"

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
        """The features of one image `(H, W, 3) uint8`, at least 1 x 1; none is no error."""

    def match_pairs(self, first: LocalFeatures, second: LocalFeatures) -> NDArray[np.int64] | None:
        """Matched pairs `(m, 2)` of positions in both lists; None where the nearest descriptors are to be matched."""
        return None

    def describe(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """The features of each image; checks them first. Raises ValueError on anything but images."""
        for image in images:
            _check_descriptor_contract(image)
        return [self.features(image) for image in images]

    def describe_queries(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """The features of query images; by default those of `describe`."""
        return self.describe(images)


def _check_descriptor_contract(image: Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"an image is (H, W, 3) uint8, at least 1 x 1; got {image.shape} {image.dtype}")
