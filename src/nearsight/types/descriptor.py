"""How images become rows, or points with what is around each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.values import Floats, Image, LocalFeatures


class Descriptor(Method, ABC):
    """Turns images into rows of one width and dtype.

    A subclass writes `size` and `rows`, and sets `side`, `metric` and `dtype` where they differ from those here: class
    attributes, or properties where they depend on a parameter.
    """

    @property
    def side(self) -> int:
        """The longest side of the pixels it is given. Smaller images come as they are; nothing is enlarged for it."""
        return 256

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
        """Whether a row is a list of records of any length, `dtype` each; then `rows` makes a list of them."""
        return False

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of values of a row."""

    @property
    def digest(self) -> str:
        """What its rows depend on besides its parameters, such as a model's checksum; a part of the rows' key."""
        return ""

    def load(self) -> None:
        """Load what its rows need from elsewhere, so that the first image need not wait; UsageError where it lacks.

        It is called before any image is read, in the asking process and in each worker.
        """
        return

    @abstractmethod
    def embed(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size)` of `dtype` for N images `(H, W, 3) uint8`, each at least 1 x 1."""

    def describe(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size)` of `dtype` for N images; checks them first. Raises ValueError on anything but images."""
        for image in images:
            _check(image)
        if not len(images):
            return np.empty((0, self.size), self.dtype)
        return self.embed(images)

    def encode_queries(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - rows, or a list of them where ragged
        """The rows that these images ask with: those that `describe` makes, where nothing better is known."""
        return self.describe(images)

    def embed_colours(self, colours: Mapping[tuple[int, int, int], float]) -> NDArray[Any] | None:
        """The row `(size,)` of an image of these colours (0..255) in these shares; None where it has no such thing."""
        return None

    def embed_histogram(self, amounts: NDArray[np.float64]) -> NDArray[Any] | None:
        """The row of an image with these amounts in the bins, in any unit; None where rows are no histogram of it."""
        return None

    def encode_texts(self, words: Sequence[str]) -> Floats | None:
        """The rows `(N, size) float32` of texts in one space with those of images; None where there is none.

        For no texts it says whether there is such a space, and reads nothing for it.
        """
        return None

    def explain_overlap(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """What two rows `(size,)` have in common, as half a sentence for a person; empty where nothing can be said."""
        return ""


class LocalDescriptor(Method, ABC):
    """Finds points in images and describes what is around each.

    A subclass writes `size` and `features`, and sets `side`, `metric` and `dtype` where they differ from those here.
    Its field `n` is how many it keeps at most, those of the strongest response.
    """

    n: int

    @property
    def side(self) -> int:
        """The longest side of the pixels it is given. Smaller images come as they are; nothing is enlarged for it."""
        return 1024

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
        """Which features of two images belong together, places in both `(m, 2)`; None: the nearest descriptors do."""
        return None

    def describe(self, images: Sequence[Image]) -> list[LocalFeatures]:
        """The features of each image; checks them first. Raises ValueError on anything but images."""
        for image in images:
            _check(image)
        return [self.features(image) for image in images]


def _check(image: Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"an image is (H, W, 3) uint8, at least 1 x 1; got {image.shape} {image.dtype}")
