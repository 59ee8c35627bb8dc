"""Hu's moments of the shape in the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors._foreground import foreground
from nearsight.types import Descriptor, Floats, Image

_DEGREES = np.array([1, 2, 2, 2, 4, 3, 4])
_SHARPNESS = 30.0


@dataclass(frozen=True)
class HuMoments(Descriptor):
    """Seven moments of a shape that do not change when it is moved, rotated or scaled, on a logarithmic scale.

    1. The shape is what stands out from the edges of the image, as a black-and-white mask; where nothing does, all
       of the image.
    2. Hu's seven invariants h of its normalised central moments.
    3. Each is brought to the size of one moment, |h|^(1 / degree) with the degrees 1, 2, 2, 2, 4, 3, 4, and scaled to
       sign(h) log10(1 + 30 that).

    Mirroring changes the sign of the last value and no other. It is meant for single things on an even ground; on
    other photographs the mask is a matter of chance.

    Returns
    -------
    `(N, 7) float32`, in about -2..2

    Raises
    ------
    ValueError
        where something is no image

    References
    ----------
    M.-K. Hu, Visual Pattern Recognition by Moment Invariants, IRE Transactions on Information Theory 8(2), 1962,
    doi:10.1109/TIT.1962.1057692.

    Notes
    -----
    Departures: the usual -sign(h) log10 |h| jumps from one end of the scale to the other where h passes through 0,
    which is where every symmetric shape has it; this scale passes through 0 too.

    Examples
    --------
    >>> image = np.full((60, 80, 3), 255, np.uint8)
    >>> image[20:40, 20:60] = 0
    >>> rows = HuMoments().describe([image, image.transpose(1, 0, 2)])
    >>> bool(np.allclose(rows[0], rows[1], atol=0.01)), bool(abs(rows[0, 2:]).max() < 0.01)
    (True, True)
    """

    side = 128

    @property
    def size(self) -> int:
        """Seven invariants."""
        return 7

    def embed(self, images: Sequence[Image]) -> Floats:
        """`(N, 7) float32` for N images."""
        return np.stack([_to_log_scale(_hu_invariants(foreground(image))) for image in images])


def _hu_invariants(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(cv2.HuMoments(cv2.moments(mask.astype(np.uint8), binaryImage=True)))[:, 0]


def _to_log_scale(invariants: NDArray[np.float64]) -> Floats:
    sizes = np.abs(invariants) ** (1 / _DEGREES)
    return np.asarray(np.sign(invariants) * np.log10(1 + _SHARPNESS * sizes), np.float32)
