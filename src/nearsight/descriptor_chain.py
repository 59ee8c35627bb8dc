"""A descriptor, or local features, and the encoders after it as one descriptor. A helper, not a method."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from nearsight.types import Arrays, Descriptor, Encoder, Image, LocalDescriptor, LocalFeatures

TRAINED_PREFIX = "learnt "
"""Prefix of the checksum of trained arrays; a part of stored keys."""


@dataclass(frozen=True)
class DescriptorChain(Descriptor):
    """All steps from the pixels of an image to the stored vector.

    `trained` holds the trained arrays of each encoder; without them nothing can be encoded.
    """

    base: Descriptor | LocalDescriptor
    encoders: tuple[Encoder, ...]
    trained: tuple[Arrays, ...] = field(default=(), compare=False, repr=False)

    @property
    def side(self) -> int:
        """That of the first step."""
        return self.base.side

    @property
    def query_side(self) -> int:
        """That of the first step."""
        return self.base.query_side

    @property
    def metric(self) -> str:
        """That of the last encoder."""
        return self.encoders[-1].metric

    @property
    def dtype(self) -> Any:  # noqa: ANN401 - as NumPy takes it
        """That of the last encoder."""
        return self.encoders[-1].dtype

    @property
    def variable_length(self) -> bool:
        """Whether the last encoder returns records."""
        return self.encoders[-1].variable_length

    @property
    def needs_training(self) -> bool:
        """Whether an encoder must be trained before images can be encoded."""
        return any(encoder.sample_size for encoder in self.encoders)

    @property
    def is_trained(self) -> bool:
        """Whether every encoder is trained."""
        return len(self.trained) == len(self.encoders)

    @cached_property
    def size(self) -> int:
        """The values of a vector; 1 where vectors are lists of records."""
        width = _base_width(self.base)
        for encoder, fitted in zip(self.encoders, self.trained, strict=True):
            width = encoder.size(width, fitted)
        return width

    @cached_property
    def digest(self) -> str:
        """A checksum of the trained arrays."""
        made = hashlib.sha256()
        for number, arrays in enumerate(self.trained):
            for name in sorted(arrays):
                array = np.ascontiguousarray(arrays[name])
                made.update(f"{number} {name} {array.dtype} {array.shape} ".encode())
                made.update(array.data if array.size else b"")
        return f"{TRAINED_PREFIX}{made.hexdigest()[:32]}"

    def load(self) -> None:
        """Load what the first step needs."""
        self.base.load()

    def embed(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - vectors or lists of records
        """Vectors of images."""
        return self.encode(describe_base(self.base, images))

    def describe(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - vectors or lists of records
        """Vectors of images `(N, size)`, or a list of N arrays of records."""
        return self.encode(describe_base(self.base, images))

    def encode_queries(self, images: Sequence[Image]) -> Any:  # noqa: ANN401 - vectors or lists of records
        """The vectors that images are searched by."""
        described = self._apply_inner_encoders(describe_base(self.base, images, as_queries=True))
        return self.encoders[-1].encode_queries(described, self.trained[-1])

    def encode_texts(self, words: Sequence[str]) -> Any:  # noqa: ANN401 - as the last encoder returns them
        """The vectors of texts; None where the first step has none."""
        vectors: Any = self.base.encode_texts(words) if isinstance(self.base, Descriptor) else None
        return self._apply_encoders(vectors) if vectors is not None and len(words) else vectors

    def encode(self, described: Sequence[Any]) -> Any:  # noqa: ANN401 - vectors or lists of records
        """The vectors of what the first step computed from images: one item each, or one array."""
        inputs: Any = described
        if len(described) and not isinstance(self.base, LocalDescriptor):
            inputs = np.stack(described)
        return self._apply_encoders(inputs)

    def _apply_encoders(self, described: Sequence[Any]) -> Any:  # noqa: ANN401 - vectors or lists of records
        return self.encoders[-1].encode(self._apply_inner_encoders(described), self.trained[-1])

    def _apply_inner_encoders(self, described: Sequence[Any]) -> Sequence[Any]:
        """The output of all encoders but the last."""
        assert self.is_trained, f"{self} is not trained"
        for encoder, trained in zip(self.encoders[:-1], self.trained, strict=False):
            described = encoder.encode(described, trained)
        return described


def describe_base(base: Descriptor | LocalDescriptor, images: Sequence[Image], *, as_queries: bool = False) -> Any:  # noqa: ANN401 - vectors or features
    """Return what the first step computes from images: local features, or float32 vectors."""
    if isinstance(base, LocalDescriptor):
        made = base.describe_queries(images) if as_queries else base.describe(images)
        return [_unpack_bits(each) for each in made] if base.metric == "hamming" else made
    return np.asarray(base.describe(images), np.float32)


def _unpack_bits(features: LocalFeatures) -> LocalFeatures:
    """Bits as zeros and ones: their squared Euclidean distance is the number of differing bits."""
    bits = np.unpackbits(np.asarray(features.descriptors, np.uint8), axis=1).astype(np.float32)
    return replace(features, descriptors=bits)


def _base_width(base: Descriptor | LocalDescriptor) -> int:
    return base.size * 8 if isinstance(base, LocalDescriptor) and base.metric == "hamming" else base.size
