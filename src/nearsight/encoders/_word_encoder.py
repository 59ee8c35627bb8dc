"""What the encoders of visual words share. A helper, not a method."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.clustering import iter_chunks
from nearsight.encoders._normalisation import check_width, trained_array
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, TrainProgress, Vocabulary
from nearsight.visual_words import Records, record_dtype, to_records
from nearsight.vocabularies.akm import Akm

_SEED = 20081012
DEFAULT_VOCABULARY = Akm(20_000)
SAMPLES_PER_WORD = 24
"""Descriptors for each word that a vocabulary is trained on."""
WORDS_PER_ASSIGNMENT = 1000
"""A vocabulary has so many words for each that a query's feature has: the second nearest of few words is far off."""


@dataclass(frozen=True)
class WordEncoder(Encoder):
    """Features become records of their visual words. A subclass writes `signatures`, and what else it learns."""

    words: Vocabulary = DEFAULT_VOCABULARY
    several: int = 1

    learns_more: ClassVar[bool] = False
    """Whether it learns something of the sample beside the vocabulary."""
    input_kind: ClassVar[str] = "features"
    variable_length: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.words, Vocabulary):
            raise ValueError(f"words is a vocabulary such as kmeans(k=1000); got {self.words!r}")
        if self.several < 1:
            raise ValueError(f"several is how many words a feature of a query has, 1 or more; got {self.several}")

    @property
    @abstractmethod
    def bits(self) -> int:
        """How many bits a record has beside its word."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its records."""
        return record_dtype(self.bits)

    @property
    def sample_size(self) -> int:
        """Enough for each word; none where there is nothing to learn."""
        if not (self.words.needs_training or self.learns_more):
            return 0
        return SAMPLES_PER_WORD * self.words.n_words

    def size(self, width: int, fitted: Arrays) -> int:
        """One record a feature; how many there are differs."""
        return 1

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> list[Records]:
        """The records of each image: every feature with its nearest word."""
        fitted = fitted or _untrained_arrays(self)
        return self._to_records(described, fitted, 1)

    def encode_queries(self, described: Sequence[LocalFeatures], fitted: Arrays) -> list[Records]:
        """The records that each image asks with: every feature with its `several` nearest words; fewer of few."""
        fitted = fitted or _untrained_arrays(self)
        several = min(self.several, max(1, len(trained_array(fitted, "centres")) // WORDS_PER_ASSIGNMENT))
        return self._to_records(described, fitted, several)

    def _to_records(self, described: Sequence[LocalFeatures], trained: Arrays, n_words: int) -> list[Records]:
        """The records of each image; the words of all of them are looked up at once, which is faster."""
        if not described:
            return []
        for each in described:
            check_width(each.descriptors, trained["centres"].shape[1])
        words = self.words.assign(np.concatenate([each.descriptors for each in described]), trained, n_words)
        ends = np.cumsum([len(each) for each in described])[:-1]
        return [self._records_of_image(*each, trained) for each in zip(described, np.split(words, ends), strict=True)]

    def _records_of_image(self, features: LocalFeatures, words: NDArray[np.int32], trained: Arrays) -> Records:
        at, rank = np.nonzero(words >= 0)
        some, chosen = features.select(at), words[at, rank]
        return to_records(some, chosen, self.signatures(some.descriptors, chosen, trained))

    @abstractmethod
    def signatures(self, descriptors: Floats, words: NDArray[np.int32], trained: Arrays) -> NDArray[np.uint8]:
        """The bits `(n, bits / 8) uint8` of descriptors `(n, D)` of one image with their words."""


@lru_cache(maxsize=4)
def _untrained_arrays(encoder: WordEncoder) -> Arrays:
    """What an encoder has without any sample."""
    return encoder.train(np.empty((0, 0), np.float32), lambda done, total: None)


class _VocabularyCache:
    """The vocabulary trained last, so that recipes trained together train the one they share once."""

    def __init__(self) -> None:
        self._latest: tuple[Any, Arrays] | None = None

    def train(self, vocabulary: Vocabulary, sample: Floats, report: TrainProgress) -> Arrays:
        """Train on descriptors `(N, D)`, or return the last result where vocabulary and sample are the same."""
        key = vocabulary, sample.shape, _hash_sample(sample)
        latest = self._latest  # read once: another thread may put its own there at any moment
        if latest is None or latest[0] != key:
            latest = self._latest = key, vocabulary.train(sample, report)
        report(1, 1)
        return dict(latest[1])


def _hash_sample(sample: Floats) -> bytes:
    """SHA-256 of a sample, which may lie in a mapped file and is never in memory whole."""
    digest = hashlib.sha256()
    for piece in iter_chunks(sample):
        digest.update(np.ascontiguousarray(piece).data)
    return digest.digest()


_vocabulary_cache = _VocabularyCache()
train_vocabulary = _vocabulary_cache.train


def random_directions(bits: int, width: int) -> Floats:
    """Orthonormal random directions `(bits, width) float32`, bits <= width.

    Raises
    ------
    ValueError
        where there are more bits than values
    """
    if bits > width:
        raise ValueError(f"bits is at most the number of values of a descriptor, {width}; got {bits}")
    directions, triangle = scipy.linalg.qr(np.random.default_rng(_SEED).standard_normal((width, width)))
    return np.ascontiguousarray((directions * np.sign(np.diagonal(triangle))).T[:bits], np.float32)
