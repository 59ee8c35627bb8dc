"""Colours of 16 bits that use only 14 or fewer.

Pillow keeps the upper byte of each, in which there is little or nothing. So such an image is decoded twice, the second
time as if its bytes were in the other order, which gives the lower ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageFile

from nearsight.images.pillow import open_with_pillow
from nearsight.images.sample_range import SampleRange, are_whole_levels, fewest_bits

_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_RAW_MODES = ("RGB;16", "RGBA;16", "RGBX;16", "CMYK;16")


def is_deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether an image that is opened, and not yet decoded, has colours of 16 bits that can be decoded twice."""
    return bool(image.tile) and all(_raw_mode(tile.args)[:-1] in _RAW_MODES for tile in image.tile)


def use_fewest_bits(
    upper: Pillow.Image, reopen: Callable[[], AbstractContextManager[ImageFile.ImageFile]]
) -> Pillow.Image:
    """The decoded image of upper bytes, or one of the bits that are used, where they are 14 or fewer.

    Colours and alpha have a range each. `reopen` opens the same file anew.
    """
    if max(high for _, high in _band_extremes(upper)) >= 64:
        return upper
    with reopen() as lower:
        lower.tile = [tile._replace(args=_in_other_order(tile.args)) for tile in lower.tile]
        lower.load()
        return _join_bytes(upper, lower)


def _raw_mode(args: Any) -> str:  # noqa: ANN401 - of any decoder
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _in_other_order(args: Any) -> Any:  # noqa: ANN401 - of any decoder
    mode = _raw_mode(args)
    other = mode[:-1] + _OTHER_ORDER[mode[-1]]
    return (other, *args[1:]) if isinstance(args, tuple) else other


def _band_extremes(image: Pillow.Image) -> Any:  # noqa: ANN401 - a pair for each band
    return image.getextrema()[:3] if image.mode == "RGBA" else image.getextrema()


def _join_bytes(upper: Pillow.Image, lower: Pillow.Image) -> Pillow.Image:
    pairs = zip(upper.split(), lower.split(), strict=True)
    bands = [np.asarray(high, np.uint16) << 8 | np.asarray(low) for high, low in pairs]
    colours = bands[:3] if upper.mode == "RGBA" else bands
    ranges = [_range_of(colours)] * len(colours) + [_range_of([band]) for band in bands[len(colours) :]]
    made = [Pillow.fromarray(span.to_8_bit(band)) for span, band in zip(ranges, bands, strict=True)]
    return Pillow.merge(upper.mode, made)


def _range_of(bands: list[NDArray[np.uint16]]) -> SampleRange:
    whole = all(are_whole_levels(band) for band in bands)
    return SampleRange(0.0, float(fewest_bits(max(int(band.max()) for band in bands), whole)))


def has_deep_samples(data: bytes, format: str) -> bool:
    """Whether a PNG or TIFF that can be read has samples of more than 8 bits."""
    if format not in ("PNG", "TIFF"):
        return False
    with open_with_pillow(data, format) as image:
        return image.mode.startswith(("I", "F")) or is_deep_colour(image)
