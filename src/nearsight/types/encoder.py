"""The contracts of encoders and vocabularies: from descriptors to vectors that an index can search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.values import Arrays, Floats

TrainProgress: TypeAlias = Callable[[int, int], None]
"""`(done, total)`: the progress of training."""


class Vocabulary(Method, ABC):
    """Visual words: centres of descriptors, trained once; the word of a descriptor is its nearest centre."""

    needs_training: ClassVar[bool] = True
    """Whether it is trained on a sample; otherwise `train` gives the same words for any."""

    @property
    @abstractmethod
    def n_words(self) -> int:
        """The most words that it has; fewer where the sample is small."""

    @abstractmethod
    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """Train on descriptors `(N, D) float32`, which may lie in a mapped file; returns `centres (K, D)` and more."""

    @abstractmethod
    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """The nearest words `(N, several) int32` of descriptors, nearest first; -1 where there are no more."""


class Encoder(Method, ABC):
    """Turns local features or vectors into vectors that an index can search, or into other local features.

    It is trained once, on a sample of descriptors or vectors; the trained arrays are stored with the collection.
    """

    input_kind: ClassVar[str] = "features"
    """What it encodes: "features", "rows" (vectors), or "both"; with "both" the output is of the kind of the input."""
    output_kind: ClassVar[str] = "rows"
    """What features become: "rows" (vectors), or other "features"."""
    trains_on_pairs: ClassVar[bool] = False
    """Whether it trains on pairs: the vectors 2i and 2i + 1 of its sample are of images of the same thing."""
    variable_length: ClassVar[bool] = False
    """Whether it returns a list of records for each image, one for each feature (`visual_words`)."""

    @property
    def metric(self) -> str:
        """The name of the natural metric of its vectors, with parameters where it takes some, as in a recipe."""
        return "l2"

    @property
    def dtype(self) -> Any:  # noqa: ANN401 - as NumPy takes it
        """The type of a vector's values."""
        return "float32"

    def output_kind_for(self, kind: str) -> str:
        """The kind of its output, "features" or "rows", for this kind of input."""
        return kind if self.input_kind == "both" else self.output_kind

    @property
    @abstractmethod
    def sample_size(self) -> int:
        """How many descriptors or vectors `train` should be given; 0 where there is nothing to train."""

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """Train on descriptors or vectors `(N, D) float32`, which may lie in a mapped file; returns the trained arrays.

        Raises ValueError where these are too few or of a kind that it cannot take.
        """
        return {}

    @abstractmethod
    def size(self, width: int, fitted: Arrays) -> int:
        """The values of an output vector, or descriptor where features stay features, for inputs of `width` values."""

    @abstractmethod
    def encode(self, described: Sequence[Any], fitted: Arrays) -> Any:  # noqa: ANN401 - as the class says
        """Encode N images: vectors `(N, size) float32`, or a list of records or of features."""

    def encode_queries(self, described: Sequence[Any], fitted: Arrays) -> Any:  # noqa: ANN401 - as the class says
        """Encode N query images; by default as `encode` does."""
        return self.encode(described, fitted)
