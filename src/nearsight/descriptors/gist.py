"""GIST: the shape of a scene, as its energy in oriented filters over a coarse grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.images.colour import resize_exact
from nearsight.types import Descriptor, Floats, Image

_BORDER = 5
_NEGLIGIBLE = 1e-6
_CHUNK_VALUES = 50_000


@dataclass(frozen=True)
class Gist(Descriptor):
    """The layout of a scene: energy of oriented filters at several scales, averaged over a grid of cells.

    1. The image is squashed to `square` x `square` pixels with values 0..255; each channel x becomes ln(x + 1).
    2. Local contrast is evened out: a blur is subtracted and the rest divided by .2 + the blurred energy around it,
       one energy for all channels; 5 pixels of mirrored border keep the edges out of it.
    3. Each channel is filtered in the frequency plane: scale i has its centre at .3 / 1.85^i of the sampling
       frequency and `orientations[i]` directions over the half circle.
    4. The modulus of each answer is averaged over `grid` x `grid` cells with cuts at floor(i * square / grid).

    Values are ordered by channel, scale, orientation, column of the grid, row of the grid. Three well-known variants:
    the default has 960 values, `orientations=(8, 8, 8, 8), colour="grey"` 512, and
    `orientations=(6, 6, 6, 6, 6), colour="mean"` 528.

    Parameters
    ----------
    orientations : directions of each scale, the finest scale first; 1 to 8 scales of 1 to 32 directions
    square : side of the squashed image in pixels, 8 to 512
    grid : cells along each side, 1 to `square`
    colour : "rgb" filters each channel; "grey" filters the luma; "mean" filters the luma and adds the mean red,
        green and blue of each cell
    colour_weight : what a mean of 255 counts as; only for `colour="mean"`, above 0

    Returns
    -------
    `(N, C * sum(orientations) * grid**2) float32` with C = 3 for "rgb" and 1 for "grey"; for "mean"
    `(N, (sum(orientations) + 3) * grid**2)`. All values are 0 or larger.

    Raises
    ------
    ValueError
        where a parameter is out of its range

    References
    ----------
    A. Oliva and A. Torralba, Modeling the Shape of the Scene: A Holistic Representation of the Spatial Envelope,
    IJCV 42(3), 2001, doi:10.1023/A:1011139631724. M. Douze et al., Evaluation of GIST Descriptors for Web-Scale
    Image Search, CIVR 2009, doi:10.1145/1646396.1646421.

    Notes
    -----
    Departures: the recipe is that of the 2009 paper's colour GIST (cells and filters of the squashed image itself),
    not the zero-padded one of 2001. Filter gains below 1e-6 are taken as 0, so each inverse transform is two small
    matrix products. The paper does not weigh mean colours: `colour_weight` is ours.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    >>> Gist().describe([image]).shape
    (1, 960)
    >>> Gist(orientations=(8, 8, 8, 8), colour="grey").size
    512
    """

    orientations: tuple[int, ...] = (8, 8, 4)
    square: int = 32
    grid: int = 4
    colour: Literal["rgb", "grey", "mean"] = "rgb"
    colour_weight: float = 0.5

    def __post_init__(self) -> None:
        if not (isinstance(self.orientations, tuple) and 1 <= len(self.orientations) <= 8):
            raise ValueError(f"orientations is a tuple of 1 to 8 scales; got {self.orientations!r}")
        if not all(isinstance(count, int) and 1 <= count <= 32 for count in self.orientations):
            raise ValueError(f"each of orientations is a whole number of 1 to 32; got {self.orientations}")
        if not 8 <= self.square <= 512:
            raise ValueError(f"square is 8 to 512 pixels; got {self.square}")
        if not 1 <= self.grid <= self.square:
            raise ValueError(f"grid is 1 to square ({self.square}) cells a side; got {self.grid}")
        if self.colour not in ("rgb", "grey", "mean"):
            raise ValueError(f'colour is "rgb", "grey" or "mean"; got {self.colour!r}')
        if not 0 < self.colour_weight < math.inf:
            raise ValueError(f"colour_weight is above 0 and finite; got {self.colour_weight}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        filters = sum(self.orientations)
        channels = {"rgb": 3 * filters, "grey": filters, "mean": filters + 3}[self.colour]
        return channels * self.grid**2

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, size) float32` for N images."""
        step = max(1, _CHUNK_VALUES // (3 * self.square**2))
        chunks = (images[start : start + step] for start in range(0, len(images), step))
        return np.concatenate([self._embed_chunk(chunk) for chunk in chunks])

    def turned(self, vectors: Floats) -> Floats:
        """The vectors `(8, N, size)` that the images of vectors `(N, size)` have when they are turned.

        As they are and turned clockwise by 90, 180 and 270 degrees, then all that of their mirror images. The squashed
        image is square, so that a turn only moves cells and directions.

        Raises
        ------
        ValueError
            where a scale has an odd number of directions, which a quarter turn does not map onto themselves
        """
        if any(count % 2 for count in self.orientations):
            raise ValueError(f"a quarter turn needs an even number of directions; got {self.orientations}")
        return np.asarray(vectors[:, _gist_turns(self)].swapaxes(0, 1), np.float32)

    def _embed_chunk(self, images: Sequence[Image]) -> Floats:
        squashed = [resize_exact(image, self.square, self.square).astype(np.float32) for image in images]
        channels = squashed if self.colour == "rgb" else [_gist_luma(image) for image in squashed]
        maps = _normalise_contrast(np.log(np.stack(channels).transpose(0, 1, 3, 2) + 1))
        energy = _gist_energies(maps, self.orientations, self.grid)
        if self.colour != "mean":
            return energy
        means = _pool_cells(np.stack(squashed).transpose(0, 1, 3, 2), self.grid)
        return np.hstack([energy, means.reshape(len(images), -1) * np.float32(self.colour_weight / 255)])


@lru_cache(maxsize=4)
def _gist_turns(gist: Gist) -> NDArray[np.intp]:
    """For each of the eight turns, which values of a vector come in which order: `(8, size)`."""
    values, cells = np.arange(gist.size), gist.grid**2
    maps = [(count, False) for _ in range(3 if gist.colour == "rgb" else 1) for count in gist.orientations]
    maps += [(3, True)] * (gist.colour == "mean")
    ends = np.cumsum([count * cells for count, _ in maps])
    parts = [part.reshape(-1, gist.grid, gist.grid) for part in np.split(values, ends[:-1])]
    means = [is_mean for _, is_mean in maps]
    found = []
    for mirrored in (False, True):
        if mirrored:
            parts = [
                (part if mean else part[-np.arange(len(part)) % len(part)])[:, ::-1]
                for part, mean in zip(parts, means, strict=True)
            ]
        for _ in range(4):
            found.append(np.concatenate([part.ravel() for part in parts]))
            parts = [
                (part if mean else np.roll(part, -(len(part) // 2), axis=0)).swapaxes(1, 2)[:, ::-1]
                for part, mean in zip(parts, means, strict=True)
            ]
    return np.stack(found)


def _gist_luma(image: Floats) -> Floats:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.float32)[:, :, None]


def _both_axes(left: NDArray[Any], maps: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """`left` along y and `right` along x of maps `(N, y, C, x)`.

    Two matrix products for each image: one for the whole batch would round each row by the batch's size.
    """
    count, height, channels, width = maps.shape
    along_y = left @ maps.reshape(count, height, -1)
    along_x = along_y.reshape(count, -1, width) @ right
    return np.asarray(along_x.reshape(count, len(left), channels, right.shape[1]))


def _normalise_contrast(maps: Floats) -> Floats:
    """Maps `(N, S, C, S)` with their local contrast divided out, same shape."""
    border = ((0, 0), (_BORDER, _BORDER), (0, 0), (_BORDER, _BORDER))
    padded = np.pad(maps, border, mode="symmetric")
    blur = _gist_blur(padded.shape[1])
    padded -= _both_axes(blur, padded, blur.T)
    crop = blur[_BORDER:-_BORDER]
    energy = np.square(padded.mean(axis=2, keepdims=True))
    contrast = np.sqrt(np.abs(_both_axes(crop, energy, crop.T)))
    even: Floats = padded[:, _BORDER:-_BORDER, :, _BORDER:-_BORDER] / (np.float32(0.2) + contrast)
    return even


@lru_cache(maxsize=16)
def _gist_blur(side: int) -> Floats:
    """The circular Gaussian low-pass `(side, side)` along one axis; 4 cycles an image is where it has halved."""
    frequencies = np.fft.fftfreq(side, 1 / side)
    gain = np.exp(-(frequencies**2) * math.log(2) / 16)
    kernel = np.fft.ifft(gain).real
    offsets = np.arange(side)
    return np.asarray(kernel[(offsets[:, None] - offsets) % side], np.float32)


@dataclass(frozen=True)
class _Filter:
    """One filter where its gain is not negligible: a box of the centred frequency plane, and the ways back from it.

    `gain (R, 1, C)`; `to_y (S, R) complex64`; `to_real` and `to_imaginary (2C, S) float32` take interleaved real and
    imaginary parts to real parts and to imaginary ones.
    """

    box: tuple[slice, slice]
    gain: Floats
    to_y: NDArray[np.complex64]
    to_real: Floats
    to_imaginary: Floats


@lru_cache(maxsize=16)
def _fourier_basis(side: int) -> NDArray[np.complex64]:
    """`(side, side)`: exp(-2 pi i f x / side), frequencies f centred along the first axis, places x along the other."""
    frequencies = np.fft.fftshift(np.fft.fftfreq(side, 1 / side))
    return np.exp(-2j * np.pi * np.outer(frequencies, np.arange(side)) / side).astype(np.complex64)


@lru_cache(maxsize=16)
def _gist_filters(side: int, orientations: tuple[int, ...]) -> tuple[_Filter, ...]:
    frequencies = np.fft.fftshift(np.fft.fftfreq(side, 1 / side))
    radius = np.hypot(frequencies, frequencies[:, None]) / side
    angle = np.arctan2(frequencies[:, None], frequencies)
    filters = []
    for scale, count in enumerate(orientations):
        along = np.exp(-3.5 * (radius / (0.3 / 1.85**scale) - 1) ** 2)
        for direction in range(count):
            turn = (angle + np.pi * direction / count + np.pi) % (2 * np.pi) - np.pi
            across = np.exp(-2 * np.pi * (16 * count**2 / 32**2) * turn**2)
            filters.append(_gist_crop_gain(along * across))
    return tuple(filters)


def _gist_crop_gain(gain: NDArray[np.float64]) -> _Filter:
    side = len(gain)
    strong = gain > _NEGLIGIBLE
    rows, columns = (_span(np.any(strong, axis=axis)) for axis in (1, 0))
    back = _fourier_basis(side).conj() / side
    real, imaginary = back[columns].real, back[columns].imag
    to_real, to_imaginary = (np.stack(pair, 1).reshape(-1, side) for pair in ((real, -imaginary), (imaginary, real)))
    kept = gain[rows, columns].astype(np.float32)[:, None, :]
    return _Filter((rows, columns), kept, np.ascontiguousarray(back[rows].T), to_real, to_imaginary)


def _span(flags: NDArray[Any]) -> slice:
    where = np.flatnonzero(flags)
    return slice(int(where[0]), int(where[-1]) + 1) if len(where) else slice(0, 1)


def _gist_energies(maps: Floats, orientations: tuple[int, ...], grid: int) -> Floats:
    """`(N, C * F * grid**2)`: mean modulus of F filters in each cell of maps `(N, S, C, S)`."""
    count, side, channels, _ = maps.shape
    waves = _fourier_basis(side)
    spectrum = _both_axes(waves, maps, waves.T)
    filters = _gist_filters(side, orientations)
    energies = np.empty((count, channels, len(filters), grid, grid), np.float32)
    for number, one in enumerate(filters):
        modulus = _modulus(spectrum, one).reshape(maps.shape)
        energies[:, :, number] = _pool_cells(modulus, grid)
    return energies.reshape(count, -1)


def _modulus(spectrum: NDArray[np.complex64], one: _Filter) -> Floats:
    """`(N, S * C, S)`: the modulus of the inverse transform of a filtered spectrum `(N, S, C, S)`."""
    rows, columns = one.box
    filtered = spectrum[:, rows, :, columns] * one.gain
    count, height = filtered.shape[:2]
    along_y = (one.to_y @ filtered.reshape(count, height, -1)).view(np.float32).reshape(count, -1, len(one.to_real))
    modulus, imaginary = along_y @ one.to_real, along_y @ one.to_imaginary
    modulus *= modulus
    imaginary *= imaginary
    modulus += imaginary
    return np.asarray(np.sqrt(modulus, out=modulus))


def _pool_cells(maps: Floats, grid: int) -> Floats:
    """`(N, C, grid, grid)`: means of the cells of maps `(N, S, C, S)`, columns of the grid before its rows."""
    means = _gist_cell_weights(maps.shape[1], grid)
    pooled: Floats = _both_axes(means.T, maps, means)
    return pooled.transpose(0, 2, 3, 1)


@lru_cache(maxsize=16)
def _gist_cell_weights(side: int, grid: int) -> Floats:
    """`(side, grid)`: what each place counts in the mean of each cell along one axis."""
    means = np.zeros((side, grid), np.float32)
    for cell, (start, end) in enumerate(pairwise(index * side // grid for index in range(grid + 1))):
        means[start:end, cell] = 1 / (end - start)
    return means
