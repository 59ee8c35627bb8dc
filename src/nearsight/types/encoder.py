"""How what was described becomes rows that an index can search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nearsight.types.method import Method
from nearsight.types.values import Arrays, Floats

TrainProgress: TypeAlias = Callable[[int, int], None]
"""`(done, total)`: how far something has come."""


class Vocabulary(Method, ABC):
    """Visual words: centres of descriptors, learnt once; a descriptor is the word of its nearest centre."""

    @property
    @abstractmethod
    def n_words(self) -> int:
        """How many words it has at most; fewer where the sample is small."""

    @abstractmethod
    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """What is learnt of descriptors `(N, D) float32`, which may lie in a mapped file; `centres (K, D)` among it."""

    @abstractmethod
    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """The nearest words `(N, several) int32` of descriptors, nearest first; -1 where there are no more."""


class Encoder(Method, ABC):
    """Makes what an index can search of what was described: one row an image, or features of another kind.

    It is fitted once, on a sample of descriptors or rows; the fitted arrays are stored and given back.
    """

    input_kind: ClassVar[str] = "features"
    """What it encodes: "features", "rows", or "both"; of both it makes the same kind again, each by itself."""
    output_kind: ClassVar[str] = "rows"
    """What it makes where it takes features: "rows", or other "features"."""
    trains_on_pairs: ClassVar[bool] = False
    """Whether it learns from pairs: the rows 2i and 2i + 1 of its sample are those of images of the same thing."""
    variable_length: ClassVar[bool] = False
    """Whether its rows are of any length: one record for each visual word that an image holds (`visual_words`)."""

    @property
    def metric(self) -> str:
        """The name of its rows' natural metric, with parameters where it takes some, as in a recipe."""
        return "l2"

    @property
    def dtype(self) -> Any:  # noqa: ANN401 - as NumPy takes it
        """The type of a row's values."""
        return "float32"

    def output_kind_for(self, kind: str) -> str:
        """What it makes of "features" or of "rows": the one or the other."""
        return kind if self.input_kind == "both" else self.output_kind

    @property
    @abstractmethod
    def sample_size(self) -> int:
        """How many descriptors or rows `fit` is best given; 0: there is nothing to fit."""

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """What is learnt of descriptors or rows `(N, D) float32`, which may lie in a mapped file.

        Raises ValueError where these are too few or of a kind that it cannot take.
        """
        return {}

    @abstractmethod
    def size(self, width: int, fitted: Arrays) -> int:
        """The values of a row (or of a descriptor, where features stay features) made of `width` values."""

    @abstractmethod
    def encode(self, described: Sequence[Any], fitted: Arrays) -> Any:  # noqa: ANN401 - as the class says
        """Rows `(N, size) float32` of N images' features or rows; lists where ragged or where features stay so."""

    def encode_queries(self, described: Sequence[Any], fitted: Arrays) -> Any:  # noqa: ANN401 - as the class says
        """The rows that these ask with; those that are stored of them, where nothing better is known."""
        return self.encode(described, fitted)
