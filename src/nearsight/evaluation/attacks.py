"""Altered copies of an image: every kind that a copy detector is asked to see through.

`ATTACKS` maps a name to an `Attack`. Each is a function of the image alone: where it needs chance (noise, the place
of a crop) the seed comes from the pixels, so the same image gives the same altered bytes in every run.

References
----------
M. Douze, H. Jegou, H. Sandhawalia, L. Amsaleg, C. Schmid, "Evaluation of GIST descriptors for web-scale image search",
CIVR 2009: the Copydays kinds, JPEG after the area was scaled by 1/16, and crops that remove a share of the area.

Departures: the crops keep the image's shape and lie at a place drawn from the seed; the "strong" kinds of Copydays
were made by hand (printed, scanned, painted over) and are modelled here by `print-scan` and the `strong` mixtures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Image

__all__ = ["ATTACKS", "Attack", "generator_for", "right_verdicts", "to_uint8"]


@dataclass(frozen=True)
class Attack:
    """One way of altering an image. `light` marks those that hardly any viewer notices."""

    name: str
    alter: Callable[[Image], Image]
    light: bool = False

    def __call__(self, image: Image) -> Image:
        """The altered copy, `(H', W', 3) uint8`; the image itself stays as it is."""
        return self.alter(image).copy(order="C")


def generator_for(image: Image) -> np.random.Generator:
    """Random numbers that are the same for the same image, in every run."""
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little")))


def to_uint8(pixels: NDArray[np.floating]) -> Image:
    """Pixels as bytes, what is below 0 or above 255 clipped."""
    clipped: Image = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return clipped


def _attack_by_resize(image: Image, width: float, height: float) -> Image:
    size = max(1, round(width)), max(1, round(height))
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC), np.uint8)


def _attack_by_scale(image: Image, factor: float) -> Image:
    height, width = image.shape[:2]
    return _attack_by_resize(image, width * factor, height * factor)


def _attack_by_jpeg(image: Image, quality: int) -> Image:
    _, encoded = cv2.imencode(".jpg", image[:, :, ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)[:, :, ::-1]


def _attack_by_small_jpeg(image: Image, quality: int) -> Image:
    return _attack_by_jpeg(_attack_by_scale(image, 0.25), quality)


def _attack_by_crop(image: Image, removed: float) -> Image:
    height, width = image.shape[:2]
    side = np.sqrt(1 - removed)
    rows, columns = max(1, round(height * side)), max(1, round(width * side))
    top, left = generator_for(image).integers(0, (height - rows + 1, width - columns + 1))
    return image[top : top + rows, left : left + columns]


def _attack_by_gain(image: Image, factor: float) -> Image:
    return to_uint8(image * np.float32(factor))


def _attack_by_contrast(image: Image, factor: float) -> Image:
    mean = image.mean(dtype=np.float64)
    return to_uint8(mean + factor * (image - mean))


def _attack_by_gamma(image: Image, exponent: float) -> Image:
    return to_uint8(255 * (image / 255.0) ** exponent)


def _attack_by_saturation(image: Image, factor: float) -> Image:
    grey = image @ np.array([0.299, 0.587, 0.114])
    return to_uint8(grey[:, :, None] + factor * (image - grey[:, :, None]))


def _attack_by_blur(image: Image, share: float) -> Image:
    sigma = max(0.3, share * max(image.shape[:2]))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def _attack_by_noise(image: Image, sigma: float) -> Image:
    return to_uint8(image + generator_for(image).normal(0, sigma, image.shape))


def _attack_by_salt_and_pepper(image: Image, share: float) -> Image:
    drawn = generator_for(image).random(image.shape[:2])[:, :, None]
    salted = np.where(drawn < share / 2, 0, image)
    return np.where(drawn > 1 - share / 2, 255, salted).astype(np.uint8)


def _attack_by_quarters(image: Image, turns: int) -> Image:
    return np.rot90(image, turns)


def _attack_by_rotation(image: Image, degrees: float) -> Image:
    """Turned counter-clockwise on a black ground large enough for all of it."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    cosine, sine = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = round(width * cosine + height * sine), round(width * sine + height * cosine)
    matrix[:, 2] += (size[0] - width) / 2, (size[1] - height) / 2
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def _attack_by_mirror(image: Image) -> Image:
    return image[:, ::-1]


def _write(image: Image, text: str, height: float, middle: float) -> Image:
    """White letters with a black edge, as wide as the image less a tenth, around `middle` of the height."""
    font = cv2.FONT_HERSHEY_DUPLEX
    (wide, tall), _ = cv2.getTextSize(text, font, 1.0, 2)
    rows, columns = image.shape[:2]
    size = min(0.9 * columns / wide, height * rows / tall)
    at = round((columns - wide * size) / 2), round(rows * middle + tall * size / 2)
    written = np.ascontiguousarray(image.copy())
    for ink, thickness in ((0, 6 * size), (255, 2 * size)):
        cv2.putText(written, text, at, font, size, (ink,) * 3, max(1, round(thickness)), cv2.LINE_AA)
    return written


def _attack_by_text(image: Image) -> Image:
    return _write(_write(image, "BREAKING NEWS", 0.12, 0.5), "you will not believe it", 0.08, 0.85)


def _attack_by_frame(image: Image, share: float) -> Image:
    pad = max(1, round(share * max(image.shape[:2])))
    return np.pad(image, ((pad, pad), (pad, pad), (0, 0)), constant_values=255)


def _attack_by_letterbox(image: Image) -> Image:
    pad = max(1, round(0.2 * image.shape[0]))
    return np.pad(image, ((pad, pad), (0, 0), (0, 0)))


def _attack_by_screenshot(image: Image) -> Image:
    """The image at 60 % of the width of a page with a title bar, a side column and lines of text."""
    shown = _attack_by_resize(image, 432, 432 * image.shape[0] / image.shape[1]) if image.shape[1] > 1 else image
    height, width = shown.shape[:2]
    page = np.full((height + 200, max(720, width + 288), 3), 245, np.uint8)
    page[:44] = 60, 90, 150
    page = _write(page, "Home   News   Pictures   Log in", 22 / len(page), 22 / len(page))
    page[80 : 80 + height, 30 : 30 + width] = shown
    for line, long in enumerate(generator_for(page).integers(80, 200, (len(page) - 100) // 24)):
        top = 84 + 24 * line
        page[top : top + 8, 500 : 500 + long] = 120
    return page


def _attack_by_squeeze(image: Image, factor: float) -> Image:
    height, width = image.shape[:2]
    return _attack_by_resize(image, width * factor, height)


def _attack_by_perspective(image: Image, share: float) -> Image:
    """Seen from a little aside: each corner moves inwards by up to `share` of the sides, on a grey ground."""
    height, width = image.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    inwards = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)]) * generator_for(image).random((4, 2)) * share
    moved = (corners + inwards * (width, height)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), borderValue=(200,) * 3), np.uint8)


def _attack_by_print_scan(image: Image) -> Image:
    """A print photographed again: perspective, soft focus, a warm cast with less contrast, noise, JPEG."""
    seen = _attack_by_blur(_attack_by_perspective(image, 0.06), 0.003)
    cast = 30 + seen * np.array([0.85, 0.8, 0.68])
    return _attack_by_jpeg(_attack_by_noise(to_uint8(cast), 6), 60)


def _attack_by_several(*steps: Callable[[Image], Image]) -> Callable[[Image], Image]:
    def alter(image: Image) -> Image:
        for step in steps:
            image = step(image)
        return image

    return alter


def _attacks() -> dict[str, Attack]:
    """Every attack by its name, mildest first within its family."""
    qualities = (75, 50, 30, 20, 15, 10, 8, 5, 3)
    removed = (10, 15, 20, 30, 40, 50, 60, 70, 80)
    kinds: dict[str, Callable[[Image], Image]] = {
        **{f"jpeg{quality}": partial(_attack_by_jpeg, quality=quality) for quality in qualities},
        **{f"small-jpeg{quality}": partial(_attack_by_small_jpeg, quality=quality) for quality in qualities},
        **{f"crop{percent}": partial(_attack_by_crop, removed=percent / 100) for percent in removed},
        "half": partial(_attack_by_scale, factor=0.5),
        "quarter": partial(_attack_by_scale, factor=0.25),
        "bright+20": partial(_attack_by_gain, factor=1.2),
        "bright-20": partial(_attack_by_gain, factor=0.8),
        "contrast+50": partial(_attack_by_contrast, factor=1.5),
        "contrast-50": partial(_attack_by_contrast, factor=0.5),
        "gamma0.6": partial(_attack_by_gamma, exponent=0.6),
        "gamma1.6": partial(_attack_by_gamma, exponent=1.6),
        "saturation+80": partial(_attack_by_saturation, factor=1.8),
        "saturation-80": partial(_attack_by_saturation, factor=0.2),
        "grey": partial(_attack_by_saturation, factor=0.0),
        "blur": partial(_attack_by_blur, share=0.006),
        "blur-strong": partial(_attack_by_blur, share=0.015),
        "noise": partial(_attack_by_noise, sigma=25.0),
        "salt-pepper": partial(_attack_by_salt_and_pepper, share=0.05),
        "rotate5": partial(_attack_by_rotation, degrees=5.0),
        "rotate15": partial(_attack_by_rotation, degrees=15.0),
        "rotate90": partial(_attack_by_quarters, turns=1),
        "rotate180": partial(_attack_by_quarters, turns=2),
        "mirror": _attack_by_mirror,
        "text": _attack_by_text,
        "border": partial(_attack_by_frame, share=0.1),
        "letterbox": _attack_by_letterbox,
        "screenshot": _attack_by_screenshot,
        "print-scan": _attack_by_print_scan,
        "aspect+25": partial(_attack_by_squeeze, factor=1.25),
        "aspect-20": partial(_attack_by_squeeze, factor=0.8),
        "strong1": _attack_by_several(
            partial(_attack_by_crop, removed=0.3), _attack_by_print_scan, partial(_attack_by_rotation, degrees=-8.0)
        ),
        "strong2": _attack_by_several(
            _attack_by_text, partial(_attack_by_squeeze, factor=1.15), partial(_attack_by_small_jpeg, quality=20)
        ),
        "strong3": _attack_by_several(
            _attack_by_mirror,
            partial(_attack_by_crop, removed=0.5),
            _attack_by_text,
            partial(_attack_by_blur, share=0.004),
        ),
    }
    light = ("jpeg20", "half", "crop10", "bright+20", "bright-20")
    return {name: Attack(name, alter, light=name in light) for name, alter in kinds.items()}


ATTACKS: dict[str, Attack] = _attacks()
"""Every attack by its name."""

_PLACED = ("border", "letterbox", "screenshot", "rotate5", "rotate15", "print-scan")
"""Attacks that put the image on a ground."""
_SEVERAL = {"strong1": ("part", "contains"), "strong2": ("edited copy",), "strong3": ("edited copy", "part")}


def right_verdicts(name: str) -> tuple[str, ...]:
    """The verdicts of `copy` that say what an attack did."""
    if name in _SEVERAL:
        return _SEVERAL[name]
    if name == "text":
        return ("edited copy",)
    return ("contains",) if name in _PLACED else ("part",) if name.startswith("crop") else ("copy",)
