"""Why each hit was found: its verdict and sentence, and which places of both images make the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.calibration import ALIKE
from nearsight.encoded import DescriptorChain, describe_base
from nearsight.encoders._pooling import Pooling
from nearsight.pipeline import Pipeline
from nearsight.search.query import EncodedQuery
from nearsight.senses import SENSES
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Descriptor, Doubles, Explanation, Floats, Ids, Image, LocalFeatures, RerankContext

_WHOLE = 0.99
"""The part of an image that its maps must cover to be laid over it."""


def explain_hits(
    pipeline: Pipeline,
    query: EncodedQuery,
    ids: Ids,
    distances: Mapping[int, float],
    context: RerankContext,
    snapshot: Snapshot,
) -> list[Explanation]:
    """Why, for each hit: the verdict, and what re-rankers without a verdict add to it.

    The verdict is that of the last re-ranker that gives one; without such, what the distance means in this collection.
    """
    sense = SENSES.get(pipeline.name)
    label = query.label or (sense.said if sense else "")
    if query.image is None or label:
        return [Explanation(label or "the nearest to these colours") for _ in ids]
    if any(reranker.gives_verdict for reranker in pipeline.rerankers):
        verdicts = _verdicts(pipeline, query.image, ids, distances, context)
    else:
        background, share = snapshot.background(pipeline), sense.alike if sense else ALIKE
        verdicts = [background.explain(distances[image_id], share) for image_id in ids.tolist()]
    others = [each.explain(query.image, ids, context) for each in pipeline.rerankers if not each.gives_verdict]
    return [_with_ranking(each, [reasons[at] for reasons in others]) for at, each in enumerate(verdicts)]


def _with_ranking(verdict: Explanation, given: Sequence[Explanation | None]) -> Explanation:
    """A verdict with the sentence of the last re-ranker that only orders, and its score where the verdict has none."""
    reasons = [reason for reason in given if reason is not None]
    if not reasons:
        return verdict
    similarity = reasons[-1].similarity if verdict.similarity is None else verdict.similarity
    return replace(verdict, sentence=f"{reasons[-1].sentence}; {verdict.sentence}", similarity=similarity)


def _verdicts(
    pipeline: Pipeline, image: Image, ids: Ids, distances: Mapping[int, float], context: RerankContext
) -> list[Explanation]:
    """The last word of the re-rankers that give verdicts.

    A hit that one of them rejected, or has not looked at, scores below every hit that it accepted.
    """
    found: list[Explanation] = []
    judges = [each for each in pipeline.rerankers if each.gives_verdict]
    for image_id, *given in zip(ids.tolist(), *(each.explain(image, ids, context) for each in judges), strict=True):
        reasons = [reason for reason in given if reason is not None]
        reason = reasons[-1] if reasons else Explanation("not re-ranked", "", False)
        if reason.similarity is None:
            reason = replace(reason, similarity=distance_to_score(pipeline, distances[image_id]) / 2)
        found.append(reason)
    return found


def distance_to_score(pipeline: Pipeline, distance: float) -> float:
    """A distance on a scale of 0 to 1."""
    return float(pipeline.metric.similarity(np.array([distance], np.float32))[0])


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
    resampled = [_overlaps(part.shape[0], rows) @ part @ _overlaps(part.shape[1], columns).T for part in parts]
    return np.asarray(sum(resampled), np.float32)


def _overlaps(count: int, n_cells: int) -> Doubles:
    """`(n_cells, count)`: the part of each of `count` equal pieces of a length that lies in each of `n_cells` ones."""
    old, new = np.arange(count + 1) / count, np.arange(n_cells + 1) / n_cells
    overlap = np.minimum(new[1:, None], old[1:]) - np.maximum(new[:-1, None], old[:-1])
    return np.asarray(np.maximum(overlap, 0) * count)
