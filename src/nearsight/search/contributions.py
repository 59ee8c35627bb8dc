"""What each place of an image adds to its likeness with another. A helper, not a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptor_chain import DescriptorChain, describe_base
from nearsight.encoders._pooling import Pooling
from nearsight.types import Descriptor, Floats, Image, LocalFeatures

_WHOLE = 0.99
"""The part of an image that its maps must cover to be laid over it."""


def tells(descriptor: Descriptor) -> bool:
    """Whether a descriptor may know what each place adds: it ends in a pooling of features that adds them up."""
    last = descriptor.encoders[-1] if isinstance(descriptor, DescriptorChain) else None
    return isinstance(last, Pooling) and type(last).feature_contributions is not Pooling.feature_contributions


def shares(descriptor: Descriptor, image: Image, other: NDArray[Any]) -> Floats | None:
    """What each place of an image adds to the cosine of its row and another.

    1. The image's maps are made as for its row. Each position of a map adds its own part to the row, and so to the
       inner product with the other row, divided by both lengths: what `Pooling.position_contributions` gives.
    2. Maps of several scales are added at the finest grid; what a larger cell adds is spread evenly over its area.

    Parameters
    ----------
    descriptor : one that `tells`
    image : `(H, W, 3) uint8`, at its working side
    other : the row `(D,)` of the other image

    Returns
    -------
    `(rows, columns) float32`, its sum the cosine; None where features are no whole maps, or cover a part of the image

    References
    ----------
    A. Stylianou, R. Souvenir and R. Pless, Visualizing Deep Similarity Networks, WACV 2019,
    doi:10.48550/arXiv.1901.00536.
    """
    assert isinstance(descriptor, DescriptorChain)
    *before, last = descriptor.encoders
    assert isinstance(last, Pooling)
    described = describe_base(descriptor.base, [image])
    for encoder, fitted in zip(before, descriptor.trained, strict=False):
        described = encoder.encode(described, fitted)
    parts = last.position_contributions(described[0], other) if _covering(described[0]) else None
    return None if parts is None else _together(parts)


def _covering(features: LocalFeatures) -> bool:
    """Whether each map shows the whole image, and not the middle of it."""
    if not features.grids:
        return False
    width, height = features.size
    return float((features.scales.astype(np.float64) ** 2).sum()) > _WHOLE * len(features.grids) * width * height


def _together(parts: Sequence[NDArray[np.float64]]) -> Floats:
    """The sum of several grids, as large as the largest in each direction."""
    rows, columns = (max(part.shape[axis] for part in parts) for axis in (0, 1))
    spread = [_spread(part.shape[0], rows) @ part @ _spread(part.shape[1], columns).T for part in parts]
    return np.asarray(sum(spread), np.float32)


def _spread(count: int, wanted: int) -> NDArray[np.float64]:
    """`(wanted, count)`: the part of each of `count` equal pieces of a length that lies in each of `wanted` ones."""
    old, new = np.arange(count + 1) / count, np.arange(wanted + 1) / wanted
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(overlap, 0) * count)
