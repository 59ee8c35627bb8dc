"""Query arithmetic: positive images and texts, minus negative ones, as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import UsageError
from nearsight.files import FileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import open_image
from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Doubles, Floats, Image, Query

_NOTHING = 1e-6


def encode_sum(query: Query, pipeline: Pipeline, snapshot: Snapshot, files: FileSystem) -> tuple[Floats, Image | None]:
    """The sum of a query's texts and images as one vector `(D,)`, and the thumbnail of the query's image.

    The query's image is the first positive term.

    Raises
    ------
    UsageError : the pipeline's vectors cannot be added or it embeds no texts, or the terms cancel out
    ImageError : an image cannot be read
    """
    descriptor = pipeline.descriptor
    texts = descriptor.encode_texts((*query.plus_texts, *query.minus_texts)) if query.has_texts else ()
    if texts is None:
        raise UsageError(f"{pipeline.name} takes no texts; search by meaning")
    if descriptor.variable_length or np.dtype(descriptor.dtype) != np.float32:
        raise UsageError(f"{pipeline.name} takes one image: its vectors are no float vectors that can be added")
    if pipeline.rerankers:
        raise UsageError(f"{pipeline.name} takes one image: its re-rankers compare with it; leave them out")
    image, own = _own_term(query, pipeline, snapshot, files)

    def embed(images: Sequence[Path | bytes | Image]) -> list[NDArray[Any]]:
        return list(descriptor.describe([open_image(each, files=files).render(descriptor.side) for each in images]))

    n_positive = len(query.plus_texts)
    plus = np.stack([*own, *texts[:n_positive], *embed(query.plus_images)])
    negative = [*texts[n_positive:], *embed(query.minus_images)]
    minus = np.array(negative, np.float32).reshape(len(negative), plus.shape[1])
    amounts = pipeline.metric_name != "cosine" and min(plus.min(), minus.min(initial=0)) >= 0
    return combine(plus, minus, query.minus_weight, amounts=amounts), image


def _own_term(
    query: Query, pipeline: Pipeline, snapshot: Snapshot, files: FileSystem
) -> tuple[Image | None, list[NDArray[Any]]]:
    """The thumbnail and the vector of the query's own image, where it has one."""
    if query.image is None:
        return None, []
    if isinstance(query.image, int):
        image = thumbnail.decode(snapshot.thumbnail_bytes(query.image))
        return image, [snapshot.vector(pipeline, query.image)]
    opened = open_image(query.image, full=query.box is not None, files=files)
    vectors = pipeline.descriptor.describe([opened.render(pipeline.descriptor.side, query.box)])
    return opened.render(thumbnail.SIDE, query.box), list(vectors)


def sum_label(query: Query) -> str:
    """What is said of every hit of such a query."""
    images, others = ([_term_name(each) for each in some] for some in (query.plus_images, query.minus_images))
    own = ["the image"] if query.image is not None else []
    plus, minus = ", ".join([*own, *query.plus_texts, *images]), ", ".join([*query.minus_texts, *others])
    return f"in the order of the distance to: {plus}" + (f"; away from: {minus}" if minus else "")


def _term_name(image: Path | bytes | Image) -> str:
    return image.name if isinstance(image, Path) else "an image"


def combine(plus: Floats, minus: Floats, weight: float = 1.0, *, amounts: bool = False) -> Floats:
    """The sum of vectors `plus (P, D)`, less `weight` times that of `minus (M, D)`, as one vector `(D,)`.

    1. Each vector is divided by its length; vectors of `amounts`, such as histograms, by their sum.
    2. They are added, and subtracted; amounts below 0 become 0.
    3. The result is scaled to the mean length, or sum, of `plus`.

    Raises
    ------
    UsageError : nothing is left
    """
    sizes = [_arithmetic_norms(vectors, amounts) for vectors in (plus, minus)]
    positive, negative = (
        (vectors / np.where(size == 0, 1, size)[:, None]).sum(0)
        for vectors, size in zip((plus, minus), sizes, strict=True)
    )
    total = positive - weight * negative
    if amounts:
        total = np.maximum(total, 0)
    left = float(_arithmetic_norms(total[None], amounts)[0])
    if left < _NOTHING:
        raise UsageError("the query cancels out: its positive and negative terms are equal")
    return np.asarray(total * (sizes[0].mean() / left), np.float32)


def _arithmetic_norms(vectors: NDArray[Any], amounts: bool) -> Doubles:
    values = vectors.astype(np.float64)
    return np.asarray(values.sum(1) if amounts else np.linalg.norm(values, axis=1))
