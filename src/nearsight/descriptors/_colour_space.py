"""Colour spaces, their bins and how colours are named to a person; a helper, not a method."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats, Image

ColourSpace: TypeAlias = Literal["rgb", "hsv", "lab"]
ColourBins: TypeAlias = tuple[int, int, int]

CHANNEL_LEVELS = {"rgb": (256, 256, 256), "hsv": (180, 256, 256), "lab": (256, 256, 256)}
"""How many whole numbers each channel of each space has."""

_FROM_RGB = {"hsv": cv2.COLOR_RGB2HSV, "lab": cv2.COLOR_RGB2LAB}
_TO_RGB = {"hsv": cv2.COLOR_HSV2RGB, "lab": cv2.COLOR_LAB2RGB}
_UNIT_OFFSET = {space: np.array([0, 128, 128] if space == "lab" else [0, 0, 0], np.float32) for space in CHANNEL_LEVELS}
_UNIT_SCALE = {
    "rgb": np.array([255, 255, 255], np.float32),
    "hsv": np.array([179, 255, 255], np.float32),
    "lab": np.array([255, 100, 100], np.float32),
}
_SOFT_ASSIGN_SIGMA = 12.0


def check_space(space: str) -> None:
    """Raise ValueError where there is no such space."""
    if space not in CHANNEL_LEVELS:
        raise ValueError(f'space is "rgb", "hsv" or "lab"; got {space!r}')


def check_bins(bins: ColourBins) -> None:
    """Raise ValueError where these are not the bins of three channels."""
    three = isinstance(bins, tuple) and len(bins) == 3
    if not three or not all(isinstance(count, int) and 1 <= count <= 64 for count in bins):
        raise ValueError(f"bins is a tuple of three whole numbers of 1 to 64; got {bins!r}")


def to_colour_space(image: Image, space: ColourSpace) -> Image:
    """The image `(H, W, 3) uint8` in another space.

    Hue has values of 0..179, saturation and value 0..255; L* is on 0..255, and a* and b* are moved by 128.
    """
    return image if space == "rgb" else np.asarray(cv2.cvtColor(image, _FROM_RGB[space]), np.uint8)


def to_unit_range(image: Image, space: ColourSpace) -> Floats:
    """The image `(H, W, 3)` in another space, each channel on a scale of 0..1; L*, a* and b* in hundreds."""
    return np.asarray((to_colour_space(image, space) - _UNIT_OFFSET[space]) / _UNIT_SCALE[space], np.float32)


def unit_levels(space: ColourSpace) -> NDArray[np.float64]:
    """What each whole number of each channel is in `to_unit_range`, `(256, 3)`."""
    return np.asarray((np.arange(256)[:, None] - _UNIT_OFFSET[space]) / _UNIT_SCALE[space], np.float64)


def unit_range_to_rgb(values: NDArray[np.floating[Any]], space: ColourSpace) -> NDArray[np.uint8]:
    """Colours `(n, 3)` in `to_unit_range` as RGB."""
    whole = np.clip(
        np.rint(values * _UNIT_SCALE[space] + _UNIT_OFFSET[space]), 0, np.array(CHANNEL_LEVELS[space]) - 1
    ).astype(np.uint8)
    return whole if space == "rgb" else np.asarray(cv2.cvtColor(whole[None], _TO_RGB[space])[0], np.uint8)


def bin_indices(image: Image, space: ColourSpace, bins: ColourBins) -> NDArray[np.int32]:
    """The bin (i * bins[1] + j) * bins[2] + k of each pixel, `(H, W)`."""
    steps = (bins[1] * bins[2], bins[2], 1)
    numbers = np.zeros(image.shape[:2], np.int32)
    for channel, top, count, step in zip(
        cv2.split(to_colour_space(image, space)), CHANNEL_LEVELS[space], bins, steps, strict=True
    ):
        numbers += (np.arange(256) * count // top * step).astype(np.int32)[channel]
    return numbers


def soft_assign_colour(rgb: tuple[int, int, int], candidates: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much a colour that a person picks means each of the colours `candidates (n, 3)`, `(n,)` with sum 1.

    It means those near it too: a Gaussian of the distance in Lab, 12 units wide.
    """
    far = np.linalg.norm(rgb_to_lab(candidates) - rgb_to_lab(np.array([rgb], np.uint8)), axis=1) / _SOFT_ASSIGN_SIGMA
    near = np.exp(-0.5 * (far**2 - far.min() ** 2))
    return np.asarray(near / near.sum(), np.float64)


@lru_cache(maxsize=16)
def bin_hex_names(space: ColourSpace, bins: ColourBins) -> tuple[str, ...]:
    """The colour in the middle of each bin as #rrggbb."""
    return tuple(to_hex(colour) for colour in bin_centres(space, bins))


def to_hex(colour: NDArray[np.uint8]) -> str:
    """The colour `(3,)` RGB as #rrggbb."""
    return "#" + bytes(colour.tolist()).hex()


@lru_cache(maxsize=16)
def bin_centres(space: ColourSpace, bins: ColourBins) -> NDArray[np.uint8]:
    """The colour in the middle of each bin, `(size, 3)` RGB; the least saturated bins of "hsv" are plain grey."""
    levels = [(np.arange(count) + 0.5) * top / count for count, top in zip(bins, CHANNEL_LEVELS[space], strict=True)]
    colours = np.stack(np.meshgrid(*levels, indexing="ij"), -1).astype(np.uint8)
    if space == "hsv" and bins[1] > 1:
        colours[:, 0, :, 1] = 0
    pixels = colours.reshape(1, -1, 3)
    shown = pixels if space == "rgb" else cv2.cvtColor(pixels, _TO_RGB[space])
    return np.asarray(shown[0], np.uint8)


def rgb_to_lab(colours: NDArray[np.uint8]) -> Floats:
    """Colours `(n, 3)` RGB in CIE Lab."""
    return np.asarray(cv2.cvtColor(colours[None].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0], np.float32)


def lab_to_rgb(colours: Floats) -> NDArray[np.uint8]:
    """Colours `(n, 3)` CIE Lab in RGB."""
    shown = cv2.cvtColor(np.ascontiguousarray(colours, np.float32)[None], cv2.COLOR_Lab2RGB)[0]
    return np.asarray(np.rint(np.clip(shown, 0, 1) * 255), np.uint8)
