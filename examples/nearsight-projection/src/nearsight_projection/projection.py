"""Projections: how the brightness of a page runs down its rows and along its columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Descriptor, Image


@dataclass(frozen=True)
class Projection(Descriptor):
    """A page by where its ink lies: the mean brightness of its rows and of its columns.

    1. Luma (ITU-R BT.601) is averaged along each row and along each column of the image.
    2. Both profiles are averaged down, or interpolated up, to `length` values.
    3. From each profile its mean is subtracted, and it is divided by its norm; a flat profile becomes all zeros.

    Lines of text, headings and images of a page make peaks, so two scans of one page are near, whatever the paper's
    tint.

    Parameters
    ----------
    length : values of each profile, 4 to 512

    Returns
    -------
    `(N, 2 * length) float32`: the rows from the top, then the columns from the left

    Raises
    ------
    ValueError
        where `length` is out of its range

    References
    ----------
    K. Y. Wong, R. G. Casey and F. M. Wahl, Document Analysis System, IBM Journal of Research and Development 26(6),
    1982, doi:10.1147/rd.266.0647.

    Notes
    -----
    Departures: the paper projects black runs of a two-valued page to cut it into blocks; here the grey page itself is
    projected, as a whole, to be compared.

    Examples
    --------
    >>> page = np.full((8, 8, 3), 255, np.uint8)
    >>> page[2] = 0
    >>> Projection(length=4).describe([page]).astype(float).round(2).tolist()
    [[0.29, -0.87, 0.29, 0.29, 0.0, 0.0, 0.0, 0.0]]
    """

    length: int = 64

    def __post_init__(self) -> None:
        if not 4 <= self.length <= 512:
            raise ValueError(f"length is 4 to 512 values; got {self.length}")

    @property
    def size(self) -> int:
        """The number of values of a row."""
        return 2 * self.length

    def embed(self, images: Sequence[Image]) -> NDArray[Any]:
        """`(N, size) float32` for N images."""
        return np.stack([self._row(image) for image in images])

    def _row(self, image: Image) -> NDArray[np.float32]:
        luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        return np.concatenate([_even(_resampled(luma.mean(axis), self.length)) for axis in (1, 0)])


def _resampled(profile: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """The profile in `length` values: averaged where it shrinks, interpolated linearly where it grows."""
    how = cv2.INTER_AREA if len(profile) > length else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(profile[None], (length, 1), interpolation=how)[0], np.float64)


def _even(profile: NDArray[np.float64]) -> NDArray[np.float32]:
    centred = np.round(profile - profile.mean(), 6)
    norm = np.linalg.norm(centred)
    return np.asarray(centred / norm if norm else centred, np.float32)
