"""Which places of a query and of a hit make their score: computed only for hits that somebody looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.descriptor_chain import DescriptorChain, describe_base
from nearsight.encoders._pooling import Pooling
from nearsight.pipeline import Pipeline
from nearsight.types import Descriptor, Doubles, Explanation, Floats, Image, LocalFeatures

_WHOLE = 0.99
"""The part of an image that its maps must cover to be laid over it."""


@dataclass(frozen=True)
class HeatMapInputs:
    """What heat maps of a query and a hit are made of: the descriptor, the query's pixels, both vectors `(D,)`."""

    descriptor: Descriptor
    query: Image
    query_vector: NDArray[Any]
    hit_vector: NDArray[Any]

    def explain(self, reason: Explanation, hit: Image, query: Image | None = None) -> Explanation:
        """The reason with the heat maps of both images; `query` instead of the pixels that are kept."""
        pixels = self.query if query is None else query
        maps = (
            heat_map(self.descriptor, pixels, self.hit_vector),
            heat_map(self.descriptor, hit, self.query_vector),
        )
        return replace(reason, query_shares=maps[0], hit_shares=maps[1])


def has_heat_map(descriptor: Descriptor) -> bool:
    """Whether a descriptor may know what each place adds: it ends in a pooling of features that adds them up."""
    last = descriptor.encoders[-1] if isinstance(descriptor, DescriptorChain) else None
    return isinstance(last, Pooling) and type(last).feature_contributions is not Pooling.feature_contributions


def explains_places(pipeline: Pipeline) -> bool:
    """Whether the score of a pipeline is a sum over places: a cosine of sums, and nothing that re-ranks."""
    return has_heat_map(pipeline.descriptor) and pipeline.metric_name == "cosine" and not pipeline.rerankers


def heat_map(descriptor: Descriptor, image: Image, other: NDArray[Any]) -> Floats | None:
    """What each place of an image adds to the cosine of its vector and another.

    1. The image's maps are made as for its vector. Each position of a map adds its own part to the vector, and so to
       the inner product with the other one, divided by both lengths: what `Pooling.position_contributions` gives.
    2. Maps of several scales are added at the finest grid; what a larger cell adds is spread evenly over its area.

    Parameters
    ----------
    descriptor : one that `has_heat_map`
    image : `(H, W, 3) uint8`, at its working side
    other : the vector `(D,)` of the other image

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
    features = describe_base(descriptor.base, [image])
    for encoder, trained in zip(before, descriptor.trained, strict=False):
        features = encoder.encode(features, trained)
    parts = last.position_contributions(features[0], other) if _covers_image(features[0]) else None
    return None if parts is None else _sum_of_grids(parts)


def _covers_image(features: LocalFeatures) -> bool:
    """Whether each map shows the whole image, and not the middle of it."""
    if not features.grids:
        return False
    width, height = features.size
    return float((features.scales.astype(np.float64) ** 2).sum()) > _WHOLE * len(features.grids) * width * height


def _sum_of_grids(parts: Sequence[Doubles]) -> Floats:
    """The sum of several grids, as large as the largest in each direction."""
    rows, columns = (max(part.shape[axis] for part in parts) for axis in (0, 1))
    resampled = [
        _window_overlaps(part.shape[0], rows) @ part @ _window_overlaps(part.shape[1], columns).T for part in parts
    ]
    return np.asarray(sum(resampled), np.float32)


def _window_overlaps(count: int, n_cells: int) -> Doubles:
    """`(n_cells, count)`: the part of each of `count` equal pieces of a length that lies in each of `n_cells` ones."""
    old, new = np.arange(count + 1) / count, np.arange(n_cells + 1) / n_cells
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(overlap, 0) * count)
