"""What the encoders of visual words share. A helper, not a method."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import scipy
from numpy.typing import NDArray

from nearsight.encoders._vectors import array, check_width
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures, Report, Vocabulary
from nearsight.visual_words import Records, recorded, records
from nearsight.vocabularies.akm import Akm

_SEED = 20081012
USUAL = Akm(20_000)
PER_WORD = 24
"""Descriptors for each word that a vocabulary is learnt from."""
WIDE = 1000
"""A vocabulary has so many words for each that a query's feature has: the second nearest of few words is far off."""


@dataclass(frozen=True)
class Worded(Encoder):
    """Features become records of their visual words. A subclass writes `signed`, and what else it learns."""

    words: Vocabulary = USUAL
    several: int = 1

    takes: ClassVar[str] = "features"
    ragged: ClassVar[bool] = True

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
        return records(self.bits)

    @property
    def sample(self) -> int:
        """Enough for each word."""
        return PER_WORD * self.words.count

    def size(self, width: int, fitted: Arrays) -> int:
        """One record a feature; how many there are differs."""
        return 1

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> list[Records]:
        """The records of each picture: every feature with its nearest word."""
        return [self._recorded(each, fitted, 1) for each in described]

    def questions(self, described: Sequence[LocalFeatures], fitted: Arrays) -> list[Records]:
        """The records that each picture asks with: every feature with its `several` nearest words; fewer of few."""
        several = min(self.several, max(1, len(array(fitted, "centres")) // WIDE))
        return [self._recorded(each, fitted, several) for each in described]

    def _recorded(self, features: LocalFeatures, fitted: Arrays, several: int) -> Records:
        check_width(features.descriptors, fitted["centres"].shape[1])
        words = self.words.assign(features.descriptors, fitted, several)
        at, rank = np.nonzero(words >= 0)
        some, chosen = features.chosen(at), words[at, rank]
        return recorded(some, chosen, self.signed(some.descriptors, chosen, fitted))

    @abstractmethod
    def signed(self, descriptors: Floats, words: NDArray[np.int32], fitted: Arrays) -> NDArray[np.uint8]:
        """The bits `(n, bits / 8) uint8` of descriptors `(n, D)` of one picture with their words."""


class _Learnt:
    """The vocabulary that was learnt last, so that recipes that learn together learn a vocabulary of theirs once."""

    def __init__(self) -> None:
        self._last: tuple[Any, Arrays] | None = None

    def words(self, vocabulary: Vocabulary, sample: Floats, report: Report) -> Arrays:
        """What the vocabulary learns of a sample of descriptors `(N, D)`; that of last time, if these are the same."""
        key = vocabulary, sample.shape, hashlib.sha256(np.ascontiguousarray(sample).data).digest()
        if self._last is None or self._last[0] != key:
            self._last = key, vocabulary.fit(sample, report)
        report(1, 1)
        return dict(self._last[1])


_learnt = _Learnt()
learnt_words = _learnt.words


def rotation(bits: int, width: int) -> Floats:
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
