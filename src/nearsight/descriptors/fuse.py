"""Several descriptors as one, each part with a weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.descriptors.colour_histogram import ColourHistogram
from nearsight.descriptors.gist import Gist
from nearsight.types import Descriptor, Image
from nearsight.wording import plural

_PARTS = (Gist(), ColourHistogram())


@dataclass(frozen=True)
class Fuse(Descriptor):
    """Several descriptors in one vector, compared by a weighted mean of the distances of the parts.

    1. Each part describes the image, shrunk by averaging areas to the part's own working side.
    2. The row is the bytes of the parts' rows, one after the other.
    3. Rows are compared by `weighted_parts`: each part by its natural metric, brought to 0 (the same) to 1, times its
       weight.

    In a recipe the parts may stand one by one: `fuse(gist, phash, weights=[.7, .3])`.

    Parameters
    ----------
    parts : the descriptors, one or more
    weights : the weight of each, above 0; none for equal ones

    Returns
    -------
    `(N, bytes of all parts' rows) uint8`

    Raises
    ------
    ValueError
        where there is no part, or `weights` are not one for each part and above 0

    References
    ----------
    A. K. Jain and A. Vailaya, Image Retrieval Using Color and Shape, Pattern Recognition 29(8), 1996,
    doi:10.1016/0031-3203(95)00160-3.

    Notes
    -----
    Departures: the paper weighs similarities of colour and shape; here any descriptors are weighed, by the similarity
    of their metrics.

    Examples
    --------
    >>> red, blue = (np.full((8, 8, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 0, 255)))
    >>> fuse = Fuse(parts=(ColourHistogram(), ColourHistogram(bins=(1, 1, 1))), weights=(1, 3))
    >>> fuse.describe([red, blue]).shape, fuse.metric.split("(")[0]
    ((2, 1028), 'weighted_parts')
    """

    parts: tuple[Descriptor, ...] = _PARTS
    weights: tuple[float, ...] | None = None

    dtype = "uint8"

    def __post_init__(self) -> None:
        if not self.parts or not all(isinstance(part, Descriptor) for part in self.parts):
            raise ValueError(f"parts are descriptors, one or more; got {self.parts!r}")
        if self.weights is not None and len(self.weights) != len(self.parts):
            raise ValueError(
                f"there is a weight for each of {plural(len(self.parts), 'part')}; got {len(self.weights)}"
            )
        if not all(weight > 0 for weight in self.weights or ()):
            raise ValueError(f"weights are above 0; got {self.weights}")

    @property
    def side(self) -> int:
        """The largest of the parts'."""
        return max(part.side for part in self.parts)

    @property
    def size(self) -> int:
        """The number of bytes of a row."""
        return sum(map(_fused_bytes, self.parts))

    @property
    def metric(self) -> str:
        """`weighted_parts` of the parts' natural metrics."""
        metrics = ", ".join(part.metric for part in self.parts)
        sizes = ", ".join(str(part.size) for part in self.parts)
        dtypes = ", ".join(part.dtype for part in self.parts)
        weights = "none" if self.weights is None else f"[{', '.join(map(repr, self.weights))}]"
        return f"weighted_parts(metrics=[{metrics}], sizes=[{sizes}], dtypes=[{dtypes}], weights={weights})"

    def load(self) -> None:
        """Load what the parts need."""
        for part in self.parts:
            part.load()

    def embed(self, images: Sequence[Image]) -> NDArray[np.uint8]:
        """`(N, size) uint8` for N images."""
        described = [part.embed([_shrink_for_part(image, part.side) for image in images]) for part in self.parts]
        return np.hstack([np.ascontiguousarray(rows).view(np.uint8) for rows in described])

    def embed_colours(self, colours: Mapping[tuple[int, int, int], float]) -> NDArray[Any] | None:
        """The rows of these colours side by side; None where a part has no such thing."""
        rows = [part.embed_colours(colours) for part in self.parts]
        if any(row is None for row in rows):
            return None
        return np.concatenate([np.ascontiguousarray(row).view(np.uint8) for row in rows if row is not None])

    def explain_overlap(self, query: NDArray[Any], row: NDArray[Any]) -> str:
        """What the parts say, one after the other."""
        said, start = [], 0
        for part in self.parts:
            place = slice(start, start + _fused_bytes(part))
            mine, theirs = (np.ascontiguousarray(each[place]).view(part.dtype) for each in (query, row))
            said.append(part.explain_overlap(mine, theirs))
            start = place.stop
        return "; ".join(filter(None, said))


def _fused_bytes(part: Descriptor) -> int:
    width: int = part.size * np.dtype(part.dtype).itemsize
    return width


def _shrink_for_part(image: Image, side: int) -> Image:
    """The image with its longest side at most `side`."""
    longest = max(image.shape[:2])
    if longest <= side:
        return image
    height, width = (max(1, round(length * side / longest)) for length in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
