"""Dense SIFT: the directions of the edges in patches of a regular grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.features._keypoints import check_feature_count, local_features
from nearsight.types import Floats, Image, LocalDescriptor, LocalFeatures

_CELLS, _DIRECTIONS = 4, 8
_MAX_VALUE = 0.2
"""No value of a unit descriptor is larger: then one strong edge does not outweigh everything."""


@dataclass(frozen=True)
class DenseSift(LocalDescriptor):
    """Patches of a regular grid in several sizes, described by the directions of their edges; upright RootSIFT.

    1. For each size, patches that lie wholly in the image stand `step` pixels apart, row by row; the steps are made
       wider, by whole pixels, until all sizes together have at most `n` patches.
    2. A patch has 4 x 4 cells. Luma is smoothed by a Gaussian of a sixth of a cell.
    3. The strength of the gradient of each pixel is shared by the two nearest of 8 directions and, bilinearly, by
       the nearest cells.
    4. Cells are weighed by a Gaussian of 2 cells around the patch's middle; the 128 values are brought to length 1,
       cut off at .2, and brought to length 1 again.
    5. With `root`, they are divided by their sum, and their square roots taken.

    Parameters
    ----------
    n : features kept at most, evenly spread
    step : pixels from one patch to the next, at least
    sizes : sides of the patches in pixels, multiples of 8
    root : RootSIFT; otherwise descriptors of length 1
    contrast : the least mean gradient of a patch, in levels (0 to 255) a pixel; patches with less are left out,
        and those without any gradient in any case

    Returns
    -------
    For each image, features with descriptors `(n, 128) float32`; the scales are the sides of the patches

    Raises
    ------
    ValueError
        where a parameter is out of its range, or an image is no `(H, W, 3) uint8`

    References
    ----------
    A. Bosch, A. Zisserman and X. Munoz, Image Classification Using Random Forests and Ferns, ICCV 2007,
    doi:10.1109/ICCV.2007.4409066. R. Arandjelović and A. Zisserman, Three Things Everyone Should Know to Improve
    Object Retrieval, CVPR 2012, doi:10.1109/CVPR.2012.6248018.

    Notes
    -----
    Departures: the Gaussian of step 4 weighs whole cells, not pixels; the steps grow where there are too many patches.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    >>> features = DenseSift(sizes=(16,)).features(image)
    >>> features.points.tolist()
    [[11.5, 11.5], [19.5, 11.5], [11.5, 19.5], [19.5, 19.5]]
    """

    n: int = 4000
    step: int = 8
    sizes: tuple[int, ...] = (16, 24, 32, 48)
    root: bool = True
    contrast: float = 0.5

    def __post_init__(self) -> None:
        check_feature_count(self.n)
        if self.step < 1:
            raise ValueError(f"step is 1 pixel or more; got {self.step}")
        if not self.sizes or not all(size >= 8 and size % 8 == 0 for size in self.sizes):
            raise ValueError(f"sizes are one or more multiples of 8 pixels; got {self.sizes}")
        if not self.contrast >= 0:
            raise ValueError(f"contrast is 0 or more levels a pixel; got {self.contrast}")

    @property
    def size(self) -> int:
        """16 cells of 8 directions."""
        return _CELLS * _CELLS * _DIRECTIONS

    def features(self, image: Image) -> LocalFeatures:
        """The patches of one image."""
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        step = self._effective_step(luma.shape)
        points, sides, rows = [np.empty((0, 2))], [np.empty(0)], [np.empty((0, self.size), np.float32)]
        for size in self.sizes:
            downs, rights = (_grid_centres(length, size, step) for length in luma.shape)
            if downs.size and rights.size:
                points.append(np.stack(np.meshgrid(rights + 0.5, downs + 0.5), axis=-1).reshape(-1, 2))
                sides.append(np.full(len(points[-1]), size))
                rows.append(_dense_sift_histograms(luma, size // _CELLS, downs, rights))
        described = np.concatenate(rows)[: self.n]
        kept = np.flatnonzero(described.sum(axis=1) >= max(self.contrast, 1e-6))
        rooted = _normalize_dense_sift(described[kept], self.root)
        where, scales = np.concatenate(points)[kept], np.concatenate(sides)[kept]
        return local_features(image, where, scales, np.zeros(len(kept)), rooted)

    def _effective_step(self, shape: tuple[int, ...]) -> int:
        """The smallest step, at least that asked for, with at most n patches; or one wider than the image."""
        step = self.step
        while step < max(shape) and self._patch_count(shape, step) > self.n:
            step += 1
        return step

    def _patch_count(self, shape: tuple[int, ...], step: int) -> int:
        return sum(math.prod(len(_grid_centres(length, size, step)) for length in shape) for size in self.sizes)


def _grid_centres(length: int, size: int, step: int) -> NDArray[np.int64]:
    """The pixels on which patches lie with their middles, in the middle of a side of the image."""
    room = length - 1 - size
    return np.arange(size // 2 + room % step // 2, length - size // 2, step) if room >= 0 else np.arange(0)


def _dense_sift_histograms(luma: Floats, cell: int, ys: NDArray[np.int64], xs: NDArray[np.int64]) -> Floats:
    """Means of the gradients by cell and direction `(patches, 128)`, whose sum is the patch's mean gradient."""
    ramp = 1 - np.abs(np.arange(1 - cell, cell)) / cell
    kernel = (ramp / ramp.sum() / _CELLS).astype(np.float32)
    offsets = (2 * np.arange(_CELLS) - _CELLS + 1) * cell // 2
    rows, columns = ys[:, None, None, None] + offsets[:, None], xs[:, None, None] + offsets
    maps = (
        cv2.sepFilter2D(each, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT)
        for each in _orientation_maps(luma, cell)
    )
    found = np.stack([each[rows, columns] for each in maps], axis=-1)
    return np.asarray(found.reshape(-1, _CELLS * _CELLS * _DIRECTIONS), np.float32)


def _orientation_maps(luma: Floats, cell: int) -> list[Floats]:
    """How strong the gradient is towards each direction, anti-clockwise from the x axis, `(H, W)` each."""
    smooth = cv2.GaussianBlur(luma, (0, 0), cell / 6, borderType=cv2.BORDER_REPLICATE)
    across, down = (
        cv2.filter2D(smooth, -1, np.array([-0.5, 0, 0.5]).reshape(shape), borderType=cv2.BORDER_REPLICATE)
        for shape in ((1, 3), (3, 1))
    )
    strength, angle = cv2.cartToPolar(across, -down)
    at = angle * np.float32(_DIRECTIONS / (2 * math.pi))
    lower = np.floor(at)
    upper = strength * (at - lower)
    first = lower.astype(np.int8) % _DIRECTIONS
    second = (first + 1) % _DIRECTIONS
    return [(strength - upper) * (first == each) + upper * (second == each) for each in range(_DIRECTIONS)]


def _normalize_dense_sift(rows: Floats, root: bool) -> Floats:
    place = (np.arange(_CELLS) - (_CELLS - 1) / 2) / 2
    window = np.exp(-(place**2) / 2)
    weighed = rows * np.repeat(np.outer(window, window), _DIRECTIONS)
    unit = np.minimum(weighed / np.linalg.norm(weighed, axis=1, keepdims=True), _MAX_VALUE)
    made = np.sqrt(unit / unit.sum(axis=1, keepdims=True)) if root else unit / np.linalg.norm(unit, axis=1)[:, None]
    return np.asarray(made, np.float32)
