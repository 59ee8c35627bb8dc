"""Simulated queries that are not altered files: misregistered scans, sketches, images from a person's memory.

`SIMULATED_QUERIES` maps a name to an `Attack`, as `attacks.ATTACKS` does, and `QUERY_KINDS` holds both. Random numbers
are seeded by the pixels. Lengths are shares of the longest side, so that small and large images are treated alike.

- *scan*: the same image "with some, mostly small, shift or turn", on white paper. `scan-shift` moves it by 5 % of
  its width and height, `scan-turn` turns it by 3 degrees; `scan` does both by chance up to that, with the soft focus
  and the noise of the machine. What leaves the sheet is lost.
- *drawn*: dark lines where the image has edges, by a difference of Gaussians as in XDoG but without its tones, and
  a trembling hand: `drawn` carefully, `drawn-rough` with few, thick, displaced lines.
- *stored*: the image as it is. The paper that asks with scans, drawings and salted images calls its fourth kind
  "images in the memory of the computer".
- *memory*: out of a person's memory: eight flat areas of colour. People remember more of the surroundings than there
  was (boundary extension), colours stronger than they were (memory colour), and places only roughly.

References
----------
H. Winnemoller, J. E. Kyprianidis, S. C. Olsen, "XDoG: an extended difference-of-Gaussians compendium including
advanced image stylization", Computers & Graphics 36(6), 2012, doi:10.1016/j.cag.2012.03.004.
H. Intraub, M. Richardson, "Wide-angle memories of close-up scenes", J. Exp. Psychology: Learning, Memory and Cognition
15(2), 1989, doi:10.1037/0278-7393.15.2.179.
C. J. Bartleson, "Memory colors of familiar objects", J. Optical Society of America 50(1), 1960,
doi:10.1364/JOSA.50.000073.

Departures: these are models. How large a tremor, a shift or a memory's error is was chosen, not measured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.evaluation.attacks import ATTACKS, Attack, generator_for, to_uint8
from nearsight.types import Floats, Image

__all__ = ["QUERY_KINDS", "SIMULATED_QUERIES", "select_simulations"]

PAPER = 245
_SKETCH_SIDE = 512
"""Pixels of the longest side that lines are found at: finer ones nobody draws."""
_MEMORY_SIDE = 32
"""Pixels of the longest side that are left of a remembered image."""
_COLOURS = 8
_SOFT = 0.01
"""Over what difference of grey a line goes from white to black."""


def _place_on_paper(image: Image, shift: NDArray[np.float64], degrees: float) -> Image:
    """On paper of its own size, moved by shares of the sides and turned counter-clockwise about its middle."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix[:, 2] += np.rint(shift * (width, height))
    laid = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderValue=(PAPER,) * 3)
    return np.asarray(laid, np.uint8)


def _simulate_shift(image: Image, share: float) -> Image:
    return _place_on_paper(image, generator_for(image).choice([-share, share], 2), 0.0)


def _rotate_query(image: Image, degrees: float) -> Image:
    return _place_on_paper(image, np.zeros(2), float(generator_for(image).choice([-degrees, degrees])))


def _simulate_scan(image: Image, share: float, degrees: float) -> Image:
    random = generator_for(image)
    laid = _place_on_paper(image, random.uniform(-share, share, 2), random.uniform(-degrees, degrees))
    soft = cv2.GaussianBlur(laid, (0, 0), max(0.3, 0.001 * max(image.shape[:2])))
    return to_uint8(soft + random.normal(0, 3, soft.shape))


def _sketch(image: Image, tremor: float, width: float, min_contrast: float) -> Image:
    """Lines with a tremor, `width` in shares of the side, where the grey falls by `min_contrast` of its range."""
    small = _downscale_query(image, _SKETCH_SIDE)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    sigma = max(0.4, width * max(grey.shape))
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), sigma * factor) for factor in (1.0, 1.6))
    dark = fine - coarse + min_contrast
    lines = np.where(dark >= 0, 1.0, 1 + np.tanh(dark / _SOFT))
    paper = to_uint8(np.repeat(PAPER * lines[:, :, None], 3, axis=2))
    return _resize_query(_displace_query(paper, generator_for(image), tremor, PAPER), image.shape, cv2.INTER_LINEAR)


def _simulate_memory(image: Image, extension: float, drift: float, saturation: float) -> Image:
    """With `extension` more surroundings and a `drift` of places, in shares; colours `saturation` times as strong."""
    random = generator_for(image)
    small = _downscale_query(image, _MEMORY_SIDE)
    pad = max(1, round(extension * max(small.shape[:2])))
    wide = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    flat = _quantize_colours(wide, random)
    grey = flat.mean(axis=2, keepdims=True)
    areas = _resize_query(to_uint8(grey + saturation * (flat - grey)), image.shape, cv2.INTER_NEAREST)
    blurred = cv2.GaussianBlur(areas, (0, 0), max(0.3, 0.008 * max(image.shape[:2])))
    return _displace_query(np.asarray(blurred, np.uint8), random, drift, None)


def _quantize_colours(image: Image, generator: np.random.Generator) -> Floats:
    """The image in a few colours: k-means in Lab, ten rounds from pixels chosen by chance."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab).reshape(-1, 3)
    pixels = image.reshape(-1, 3).astype(np.float32)
    centres = lab[generator.choice(len(lab), min(_COLOURS, len(lab)), replace=False)]
    for _ in range(10):
        nearest = ((lab[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        kept = np.unique(nearest)
        centres = np.stack([lab[nearest == each].mean(axis=0) for each in kept])
    nearest = ((lab[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    means = np.stack(
        [pixels[nearest == each].mean(axis=0) if (nearest == each).any() else pixels[0] for each in range(len(centres))]
    )
    return np.asarray(means[nearest].reshape(image.shape), np.float32)


def _displace_query(image: Image, generator: np.random.Generator, share: float, ground: int | None) -> Image:
    """Every place moved by about `share` of the longest side, its neighbours nearly alike."""
    height, width = image.shape[:2]
    moved = generator.normal(0, share * max(height, width), (2, 8, 8)).astype(np.float32)
    by = [cv2.resize(each, (width, height), interpolation=cv2.INTER_CUBIC) for each in moved]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    border = cv2.BORDER_REPLICATE if ground is None else cv2.BORDER_CONSTANT
    made = cv2.remap(image, x + by[0], y + by[1], cv2.INTER_LINEAR, borderMode=border, borderValue=(ground or 0,) * 3)
    return np.asarray(made, np.uint8)


def _downscale_query(image: Image, side: int) -> Image:
    """With a longest side of at most `side` pixels."""
    factor = side / max(image.shape[:2])
    if factor >= 1:
        return image
    size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _resize_query(image: Image, shape: tuple[int, ...], how: int) -> Image:
    return np.asarray(cv2.resize(image, (shape[1], shape[0]), interpolation=how), np.uint8)


def select_simulations(words: str) -> list[str]:
    """The kinds that some words name, with commas: a kind's own name, else all whose names begin so; "all" for all.

    Raises
    ------
    UsageError
        where a word names none

    Examples
    --------
    >>> select_simulations("scan,salt,rotate")
    ['scan', 'salt-pepper', 'rotate5', 'rotate15', 'rotate90', 'rotate180']
    """
    found: list[str] = []
    for word in filter(None, (each.strip() for each in words.split(","))):
        named = (
            [word] if word in QUERY_KINDS else [name for name in QUERY_KINDS if word == "all" or name.startswith(word)]
        )
        if not named:
            raise UsageError(f'there is no kind of query "{word}"; there are: {", ".join(QUERY_KINDS)}')
        found += named
    if not found:
        raise UsageError(f"no kind of query is named; there are: {', '.join(QUERY_KINDS)}")
    return list(dict.fromkeys(found))


_KINDS: dict[str, Callable[[Image], Image]] = {
    "stored": np.copy,
    "scan-shift": partial(_simulate_shift, share=0.05),
    "scan-turn": partial(_rotate_query, degrees=3.0),
    "scan": partial(_simulate_scan, share=0.05, degrees=3.0),
    "drawn": partial(_sketch, tremor=0.003, width=0.0025, min_contrast=0.012),
    "drawn-rough": partial(_sketch, tremor=0.015, width=0.006, min_contrast=0.03),
    "memory": partial(_simulate_memory, extension=0.08, drift=0.02, saturation=1.25),
}

SIMULATED_QUERIES: dict[str, Attack] = {name: Attack(name, alter) for name, alter in _KINDS.items()}
"""The simulated kinds by name."""

QUERY_KINDS: dict[str, Attack] = {**ATTACKS, **SIMULATED_QUERIES}
"""Every kind of query by name."""
