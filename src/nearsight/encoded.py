"""A descriptor and the encoders after it, as one descriptor. A helper, not a method."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from nearsight.types import Arrays, Descriptor, Encoder, Image, LocalDescriptor, LocalFeatures

LEARNT = "learnt "
"""What the checksum of all that was learnt begins with."""


@dataclass(frozen=True)
class Encoded(Descriptor):
    """What a picture becomes on its way from the pixels to the row that is stored.

    `fitted` holds what each encoder has learnt; without it nothing can be described.
    """

    first: Descriptor | LocalDescriptor
    encoders: tuple[Encoder, ...]
    fitted: tuple[Arrays, ...] = field(default=(), compare=False, repr=False)

    @property
    def side(self) -> int:
        """That of the first."""
        return self.first.side

    @property
    def metric(self) -> str:
        """That of the last."""
        return self.encoders[-1].metric

    @property
    def dtype(self) -> Any:  # noqa: ANN401 - as NumPy takes it
        """That of the last."""
        return self.encoders[-1].dtype

    @property
    def ragged(self) -> bool:
        """Whether the last makes records."""
        return self.encoders[-1].ragged

    @property
    def learns(self) -> bool:
        """Whether something is to be learnt before it can describe."""
        return any(encoder.sample for encoder in self.encoders)

    @property
    def ready(self) -> bool:
        """Whether all that is to be learnt has been."""
        return len(self.fitted) == len(self.encoders)

    @cached_property
    def size(self) -> int:
        """The values of a row; 1, a record, where it is ragged."""
        width = _width(self.first)
        for encoder, fitted in zip(self.encoders, self.fitted, strict=True):
            width = encoder.size(width, fitted)
        return width

    @cached_property
    def digest(self) -> str:
        """A checksum of all that was learnt."""
        made = hashlib.sha256()
        for number, arrays in enumerate(self.fitted):
            for name in sorted(arrays):
                array = np.ascontiguousarray(arrays[name])
                made.update(f"{number} {name} {array.dtype} {array.shape} ".encode())
                made.update(array.data if array.size else b"")
        return f"{LEARNT}{made.hexdigest()[:32]}"

    def load(self) -> None:
        """What the first needs."""
        self.first.load()

    def rows(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - rows or lists of records
        """Rows of pictures."""
        return self.encoded(started(self.first, images))

    def describe(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - rows or lists of records
        """Rows of pictures, `(N, size)`, or a list of N arrays of records."""
        return self.encoded(started(self.first, images))

    def questions(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - rows or lists of records
        """The rows that pictures ask with."""
        return self._through(started(self.first, images), last="questions")

    def texts(self, words: Sequence[str]) -> Any:  # noqa: ANN401 - rows, as the encoders make them
        """The rows of texts, where the first makes any."""
        rows: Any = self.first.texts(words) if isinstance(self.first, Descriptor) else None
        return self._through(rows, last="encode") if rows is not None and len(words) else rows

    def encoded(self, described: Sequence[Any]) -> Any:  # noqa: ANN401 - rows or lists of records
        """Rows of what the first made of pictures, each on its own or all as one array."""
        rows: Any = described
        if len(described) and not isinstance(self.first, LocalDescriptor):
            rows = np.stack(described)
        return self._through(rows, last="encode")

    def _through(self, described: Sequence[Any], last: str) -> Any:  # noqa: ANN401
        assert self.ready, f"{self} has learnt nothing yet"
        for encoder, fitted in zip(self.encoders[:-1], self.fitted, strict=False):
            described = encoder.encode(described, fitted)
        return getattr(self.encoders[-1], last)(described, self.fitted[-1])


def started(first: Descriptor | LocalDescriptor, images: Sequence[Image]) -> Any:  # noqa: ANN401 - rows or features
    """What the first of a chain makes of pictures: features or rows, of real numbers."""
    made = first.describe(images)
    if isinstance(first, LocalDescriptor):
        return [_unpacked(each) for each in made] if first.metric == "hamming" else made
    return np.asarray(made, np.float32)


def _unpacked(features: LocalFeatures) -> LocalFeatures:
    """Strings of bits as zeros and ones, whose squared straight distance is the number of differing bits."""
    bits = np.unpackbits(np.asarray(features.descriptors, np.uint8), axis=1).astype(np.float32)
    return replace(features, descriptors=bits)


def _width(first: Descriptor | LocalDescriptor) -> int:
    return first.size * 8 if isinstance(first, LocalDescriptor) and first.metric == "hamming" else first.size
