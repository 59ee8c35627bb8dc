"""The convolution hash: six rounds of convolution and pooling, down to 512 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nearsight.images.colour import resize_exact
from nearsight.types import Descriptor, Floats, Image

_SIDE = 128
_CHANNELS = (3, 8, 16, 32, 64, 128, 128)


@dataclass(frozen=True)
class ConvolutionHash(Descriptor):
    """A hash of 512 bytes by six layers of convolution and pooling with fixed random weights.

    Nothing here is trained. Random convolutions keep colours, edges and their coarse places, so copies lie near each
    other; the meaning of an image is not in it.

    1. The image is squashed to 128 x 128 pixels, and its values are scaled so that the lowest of all is 0 and the
       highest 1. A flat image becomes all zeros.
    2. Six times: a convolution of 3 x 3 with a border of zeros one pixel wide, negative answers to 0, and the largest
       of each 2 x 2 pixels. There are 8, 16, 32, 64, 128 and 128 channels, on 64, 32, 16, 8, 4 and 2 pixels a side.
    3. The 2 x 2 x 128 answers, y before x before channel, are scaled from their lowest to their highest onto 0..255
       and rounded.

    Weights are normal with variance 2 / (9 channels in), from NumPy's PCG64 generator, one layer after the other in
    the order out, in, y, x; there are no biases.

    Parameters
    ----------
    seed : of the weights, 0 or larger; hashes of different seeds cannot be compared

    Returns
    -------
    `(N, 512) uint8`, to be compared by the mean absolute difference

    Raises
    ------
    ValueError
        where `seed` is negative

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, Delving Deep into Rectifiers, ICCV 2015, doi:10.1109/ICCV.2015.123, for the
    weights; A. M. Saxe et al., On Random Weights and Unsupervised Feature Learning, ICML 2011, for doing without
    training.

    Notes
    -----
    Departures: without the border the sixth round would have nothing left to work on (126, 63, 61, 30, 28, 14, 12, 6,
    4, 2, 0), so there is one in each round.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    >>> row = ConvolutionHash().describe([image])[0]
    >>> row.shape, row.min(), row.max()
    ((512,), np.uint8(0), np.uint8(255))
    """

    seed: int = 0

    side = 128
    metric = "byte_l1"
    dtype = "uint8"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is 0 or larger; got {self.seed}")

    @property
    def size(self) -> int:
        """The number of bytes of a row."""
        return 512

    def embed(self, images: Sequence[Image]) -> NDArray[np.uint8]:
        """`(N, 512) uint8` for N images."""
        return np.stack([self._vector(image) for image in images])

    def _vector(self, image: Image) -> NDArray[np.uint8]:
        maps = _min_max_scale(resize_exact(image, _SIDE, _SIDE).astype(np.float32))
        for weights in _random_layers(self.seed):
            maps = _max_pool(np.maximum(_convolve_hash_filter(maps, weights), 0))
        return np.rint(_min_max_scale(maps.ravel()) * 255).astype(np.uint8)


def _min_max_scale(values: Floats) -> Floats:
    """Values scaled onto 0..1; all zeros where they are all the same."""
    low, high = values.min(), values.max()
    return np.asarray((values - low) / (high - low) if high > low else np.zeros_like(values), np.float32)


@lru_cache(maxsize=4)
def _random_layers(seed: int) -> tuple[Floats, ...]:
    """Weights `(9 * in, out)` of each round, rows in the order y, x, in."""
    draw = np.random.Generator(np.random.PCG64(seed))
    layers = []
    for before, after in pairwise(_CHANNELS):
        weights = draw.normal(0, np.sqrt(2 / (9 * before)), (after, before, 3, 3))
        layers.append(weights.transpose(2, 3, 1, 0).reshape(9 * before, after).astype(np.float32))
    return tuple(layers)


def _convolve_hash_filter(maps: Floats, weights: Floats) -> Floats:
    """Maps `(S, S, in)` with a border of zeros under each 3 x 3 window, `(S, S, out)`."""
    side, _, channels = maps.shape
    padded = np.pad(maps, ((1, 1), (1, 1), (0, 0)))
    windows = [padded[y : y + side, x : x + side] for y in range(3) for x in range(3)]
    patches = np.concatenate(windows, axis=2).reshape(-1, 9 * channels)
    return np.asarray((patches @ weights).reshape(side, side, -1))


def _max_pool(maps: Floats) -> Floats:
    """The largest of each 2 x 2 places of maps `(S, S, C)`, `(S / 2, S / 2, C)`."""
    rows = np.maximum(maps[::2], maps[1::2])
    return np.maximum(rows[:, ::2], rows[:, 1::2])
