"""Samples of more than 8 bits, as the 8 bits that show what is in them.

A sample's range is, in this order,

1. what the file says: the highest value that a TIFF names, the bits of its samples or of a PNG's `sBIT`;
2. 8, 10, 12, 14 or 16 bits, the fewest that hold all whole values from 0 on: an X-ray of 12 bits in 16 is not black.
   Values that are all multiples of 256 or of 257 are 8 bits made 16, and stay what they were;
3. of numbers that are not whole: 0 to 1, where they are not all below 1/16, or one of those ranges where they begin
   in its first quarter and end beyond;
4. from the 0.1th to the 99.9th percentile of what is finite: signed values, and numbers of any other range.

What is no number is black. A TIFF of which 0 is white is inverted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

NATURAL = (255, 1023, 4095, 16_383, 65_535)
"""The highest values of 8, 10, 12, 14 and 16 bits."""

PERCENTILES = 0.1, 99.9
"""What becomes black and white of values that have no natural range."""

SAMPLED = 1 << 20
"""Pixels that percentiles are taken of."""

LEAST_FRACTION = 1 / 16
"""Fractions that are all below this are stretched."""

STRIP_PIXELS = 1 << 20
"""Pixels that are looked at, at a time."""

DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""The modes of one channel of more than 8 bits."""


@dataclass(frozen=True)
class SampleFormat:
    """What a file says of its samples.

    Attributes
    ----------
    highest : the highest value that they can have; None where it is not said, or the container's own
    white_is_zero : the lowest value is white
    unsigned : whole numbers of 32 bits have no sign
    """

    highest: int | None = None
    white_is_zero: bool = False
    unsigned: bool = False


PLAIN = SampleFormat()


@dataclass(frozen=True)
class SampleRange:
    """The values that become black and white."""

    black: float
    white: float

    def to_8_bit(self, values: NDArray[Any]) -> NDArray[np.uint8]:
        """The values as levels of 0 to 255."""
        if values.dtype == np.uint16:
            levels: NDArray[np.uint8] = _level_table(self.black, self.white)[values]
            return levels
        return _scale_samples(np.nan_to_num(values.astype(np.float64)), self.black, self.white)


def _level_table(black: float, white: float) -> NDArray[np.uint8]:
    values = np.arange(65_536)
    if (black, white) == (0, 65_535):
        return (values >> 8).astype(np.uint8)
    return _scale_samples(values, black, white)


def _scale_samples(values: NDArray[Any], black: float, white: float) -> NDArray[np.uint8]:
    levels = (values - black) * (255 / ((white - black) or 1.0))
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def find_sample_range(image: Pillow.Image, samples: SampleFormat = PLAIN) -> SampleRange:
    """The range of an image of one of the modes `DEEP`, by the rules of this module."""
    low, high = _extremes(image, samples)
    highest = _highest_sample(image, samples, low, high)
    found = SampleRange(0.0, float(highest)) if highest else _percentile_range(image, samples, low, high)
    return SampleRange(found.white, found.black) if samples.white_is_zero else found


def read_samples(image: Pillow.Image, samples: SampleFormat = PLAIN) -> NDArray[Any]:
    """The values of an image of one of the modes `DEEP`, `(H, W)`."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return values.astype(np.uint16, copy=False)
    return values.view(np.uint32) if samples.unsigned and values.dtype == np.int32 else values


def fewest_bits(highest: float, whole_levels: bool) -> int:
    """The highest value of the fewest bits that hold values up to `highest`; of 16 where they are made of 8."""
    return 65_535 if whole_levels else next((top for top in NATURAL if highest <= top), 0)


def are_whole_levels(values: NDArray[Any]) -> bool:
    """Whether all values are 8 bits made 16: multiples of 257, or of 256."""
    return not ((values % 257).any() and (values % 256).any())


def _strips(image: Pillow.Image, samples: SampleFormat) -> Iterator[NDArray[Any]]:
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield read_samples(image.crop((0, top, image.width, min(image.height, top + rows))), samples)


def _extremes(image: Pillow.Image, samples: SampleFormat) -> tuple[float, float]:
    """The lowest and the highest finite value; 0 where there is none."""
    if image.mode == "I;16" or (image.mode == "I" and not samples.unsigned):
        extrema: Any = image.getextrema()
        return float(extrema[0]), float(extrema[1])
    ends = [(part.min(), part.max()) for part in map(_finite, _strips(image, samples)) if part.size]
    return (float(min(low for low, _ in ends)), float(max(high for _, high in ends))) if ends else (0.0, 0.0)


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    finite: NDArray[Any] = values[np.isfinite(values)]
    return finite


def _highest_sample(image: Pillow.Image, samples: SampleFormat, low: float, high: float) -> int:
    """The highest value of the natural range that holds all values; 0 where there is none."""
    if low < 0:
        return 0
    if samples.highest and high <= samples.highest:
        return samples.highest
    if image.mode == "F" and (high < 1 or not _are_whole_numbers(image)):
        return _highest_fraction(low, high)
    deep = high < 16_384 and all(are_whole_levels(part) for part in _strips(image, samples))
    return fewest_bits(high, deep and high > 0)


def _are_whole_numbers(image: Pillow.Image) -> bool:
    return all(bool((part == np.rint(part)).all()) for part in map(_finite, _strips(image, PLAIN)))


def _highest_fraction(low: float, high: float) -> int:
    """Of numbers that are not whole: 1, or the range that they reach from the first into the last quarters of."""
    if high <= 1:
        return int(high >= LEAST_FRACTION)
    return next((top for top in NATURAL if low < top / 4 < high <= top), 0)


def _percentile_range(image: Pillow.Image, samples: SampleFormat, low: float, high: float) -> SampleRange:
    step = math.ceil(math.sqrt(image.width * image.height / SAMPLED))
    parts = [_finite(part[:: min(step, len(part)), ::step]) for part in _strips(image, samples)]
    values = np.concatenate(parts) if parts else np.empty(0)
    ends = np.percentile(values, PERCENTILES) if values.size else (low, high)
    return SampleRange(float(ends[0]), float(ends[1])) if ends[0] < ends[1] else SampleRange(low, high)
