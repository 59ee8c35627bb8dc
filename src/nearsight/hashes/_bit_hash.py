"""What perceptual hashes share: a square of bits, packed into bytes; a helper, not a method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nearsight.types import Descriptor, Image


@dataclass(frozen=True)
class BitHash(Descriptor):
    """A hash of `bits_side` x `bits_side` bits, compared by the number that differ. A subclass writes `bits`."""

    bits_side: int = 8

    metric = "hamming"
    dtype = "uint8"

    def __post_init__(self) -> None:
        if not 4 <= self.bits_side <= 64 or self.bits_side % 4:
            raise ValueError(f"bits_side is a multiple of 4 from 4 to 64; got {self.bits_side}")

    @property
    def size(self) -> int:
        """The number of bytes of a hash."""
        return self.bits_side**2 // 8

    def embed(self, images: Sequence[Image]) -> NDArray[np.uint8]:
        """`(N, size) uint8` for N images."""
        return np.stack([np.packbits(self.bits(image)) for image in images])

    @abstractmethod
    def bits(self, image: Image) -> NDArray[np.bool_]:
        """The bits of one image, row by row."""
