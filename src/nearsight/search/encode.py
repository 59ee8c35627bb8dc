"""A query in the form that an index and a re-ranker take: its vectors, and what they may read to answer it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError, ModelError, UsageError
from nearsight.files import FileSystem
from nearsight.geometry.matching import match_words
from nearsight.images import thumbnail
from nearsight.images.decode import NAMELESS, Limits, naming, open_image, read_image_file
from nearsight.images.pages import page_digest
from nearsight.pipeline import Pipeline
from nearsight.storage.snapshot import Snapshot, SnapshotReader
from nearsight.types import Hits, Ids, Image, Query, Reranker, colour_shares
from nearsight.types.metric import Metric
from nearsight.types.values import Match

MAX_DIFFERING_BITS, MIN_SHARED_DETAILS = 0.3, 3
"""Share of the bits in which two features of one word differ at most, and how many such pairs are worth a look."""

T = TypeVar("T")


@dataclass(frozen=True)
class EncodedQuery:
    """A query as vectors `(V, D)`, or a list of records: its own, those of other views, then of speculative views.

    The first `n_primary` vectors are no speculation. `image` is the query's thumbnail where it has an image, and
    `described` the pixels that its vector was made of. `label` is said of every hit instead of a verdict, where the
    distances of random pairs do not tell how near a hit should be.
    """

    vectors: Any
    n_primary: int
    image: Image | None
    described: Image | None = None
    label: str = ""
    image_id: int | None = None
    """The image of the collection that is the query."""
    sha256: bytes | None = None
    """The hash of the query's file, where all of it is asked with."""
    render: Callable[[int], Image] | None = None
    """The query's image at a longest side."""
    digest_pixels: Callable[[], bytes | None] | None = None
    """`DecodedImage.pixel_digest` of the query, where all of it is asked with."""


@dataclass
class QueryContext:
    """What a re-ranker may read of the collection while one query is answered (`types.RerankContext`)."""

    snapshot: Snapshot
    pipeline: Pipeline
    query: EncodedQuery
    reader: SnapshotReader
    query_vector: Any
    n_images: int
    allow: Ids | None = None
    verified: dict[int, Match] = field(default_factory=dict)
    identical: frozenset[int] = frozenset()
    """The images whose files are the query's, byte for byte."""
    memo: dict[Any, Any] = field(default_factory=dict)
    sources: Sequence[tuple[Pipeline, EncodedQuery]] = ()
    """The candidate sources, and the query as each of them takes it."""
    report: Callable[[Reranker, Hits], None] | None = None
    ranked: tuple[Hits, float] | None = None
    """While a re-ranker judges candidates of other senses: the hits so far, and the score that it raises them above."""

    @property
    def metric(self) -> Metric:
        """What the index ranks by."""
        return self.pipeline.metric

    def from_thumbnail(self, image_id: int, make: Callable[[Image], T]) -> T:
        """`make` of a stored thumbnail."""
        made: T = self.snapshot.from_thumbnail(image_id, make)
        return made

    def query_pixels(self, side: int) -> Image:
        """The query at a longest side; its thumbnail where it is an image of the collection whose file is gone."""
        if self.query.render is not None:
            return self.query.render(side)
        loaded = None if self.query.image_id is None else self.reader.pixels(self.query.image_id, side)
        assert self.query.image is not None
        return self.query.image if loaded is None else loaded

    def pixels(self, image_id: int, side: int) -> Image | None:
        """The file of one image at a longest side; None where it cannot be opened as it was indexed."""
        return self.reader.pixels(image_id, side)

    def may_share_details(self, image_id: int) -> bool:
        """Whether a source of local features, where there is one, has a few of the query's in this image."""
        for source, query in self.sources:
            if source.descriptor.variable_length:
                with suppress(DamagedError):
                    hit = self.snapshot.vector(source, image_id)
                    shared = (len(match_words(view, hit, MAX_DIFFERING_BITS)) for view in query.vectors)
                    return any(count >= MIN_SHARED_DETAILS for count in shared)
        return True

    def has_same_pixels(self, image_id: int) -> bool:
        """Whether an image's file, and the query as a whole, decode to the same pixels at full size."""
        if self.query.image_id is None:
            digest = self.query.digest_pixels() if self.query.digest_pixels else None
        else:
            digest = self.reader.pixel_digest(self.query.image_id)
        return digest is not None and digest == self.reader.pixel_digest(image_id)

    def vector(self, image_id: int) -> NDArray[Any]:
        """The stored vector of an image."""
        return self.snapshot.vector(self.pipeline, image_id)

    def vectors(self, ids: Ids) -> NDArray[Any]:
        """The stored vectors `(n, D)` of several images."""
        return self.snapshot.vectors(self.pipeline, ids)

    def sample(self, count: int) -> tuple[Ids, NDArray[Any]]:
        """Ids and vectors of some images, evenly spread."""
        return self.snapshot.sample(self.pipeline, count)

    def search(self, vectors: Any, k: int) -> Hits:  # noqa: ANN401 - vectors (Q, D), or a list of records
        """The k best hits of each vector, among those that may be found."""
        return self.snapshot.index(self.pipeline).search(vectors, k, self.allow)


def encode_query(query: Query, pipeline: Pipeline, snapshot: Snapshot, files: FileSystem) -> EncodedQuery:
    """The query for one pipeline.

    Raises
    ------
    UsageError : the query has a part that the pipeline cannot serve
    ImageError : the query's image cannot be read
    """
    if query.is_sum:
        from nearsight.search.arithmetic import encode_sum, sum_label

        vector, image = encode_sum(query, pipeline, snapshot, files)
        return EncodedQuery(vector[None], 1, image, label=sum_label(query))
    if query.by_colour:
        return _encode_colours(query, pipeline) if query.colours else _encode_histogram(query, pipeline)
    assert query.image is not None
    if isinstance(query.image, int):
        return _encode_stored(query.image, pipeline, snapshot)
    source, page, sha256 = _read_query(query, files)
    opened = open_image(source, page=page, full=query.box is not None, name=_query_name(query.image), files=files)
    pixels = opened.render(pipeline.descriptor.query_side, query.box)
    views, n_primary = _query_views(pipeline, pixels)
    vectors = pipeline.descriptor.encode_queries(views)
    small = opened.render(thumbnail.SIDE, query.box)

    encoded = EncodedQuery(vectors, n_primary, small, pixels, render=partial(opened.render, box=query.box))
    if query.box is not None:
        return encoded

    def digest_pixels() -> bytes | None:
        return query.pixel_digest or open_image(source, page=page, full=True).pixel_digest()

    return replace(encoded, sha256=sha256, digest_pixels=digest_pixels)


def encode_sources(
    snapshot: Snapshot, pipeline: Pipeline, query: Query, files: FileSystem
) -> list[tuple[Pipeline, EncodedQuery]]:
    """The candidate sources of a pipeline, and the query as each of them takes it.

    Local features do not see through mirrors: a source of them is asked in the views of the re-ranker. One that cannot
    answer is left out, and says why when it is asked by itself.
    """
    found = list[tuple[Pipeline, EncodedQuery]]()
    for each in pipeline.candidate_sources:
        with suppress(ModelError, DamagedError, UsageError):
            views = pipeline.rerankers[:1] if each.descriptor.variable_length else ()
            source = snapshot.trained_pipeline(replace(each, rerankers=views))
            found.append((source, encode_query(query, source, snapshot, files)))
    return found


def _read_query(query: Query, files: FileSystem) -> tuple[bytes | Image, int, bytes | None]:
    """The query's bytes, or its pixels, the page of its file, and the hash of that."""
    assert query.image is not None
    assert not isinstance(query.image, int)
    if isinstance(query.image, np.ndarray):
        return query.image, 1, query.sha256
    if isinstance(query.image, bytes):
        return query.image, 1, hashlib.sha256(query.image).digest()
    with naming(str(query.image)):
        data, page = read_image_file(query.image, files, Limits().file)
    return data, page, page_digest(hashlib.sha256(data).digest(), page)


def _query_name(image: Path | bytes | Image | int | None) -> str:
    return str(image) if isinstance(image, Path) else NAMELESS


def _encode_stored(image_id: int, pipeline: Pipeline, snapshot: Snapshot) -> EncodedQuery:
    """An image of the collection has its vector; its other views are described from its thumbnail."""
    image, vector = thumbnail.decode(snapshot.thumbnail_bytes(image_id)), snapshot.vector(pipeline, image_id)
    views, n_primary = _query_views(pipeline, image)
    if len(views) == 1:
        vectors = [vector] if pipeline.descriptor.variable_length else vector[None]
        return EncodedQuery(vectors, 1, image, image, image_id=image_id)
    vectors = pipeline.descriptor.encode_queries(views)
    vectors[0] = vector
    return EncodedQuery(vectors, n_primary, image, image, image_id=image_id)


def _encode_colours(query: Query, pipeline: Pipeline) -> EncodedQuery:
    vector = pipeline.descriptor.embed_colours(colour_shares(query.colours))
    if vector is None or pipeline.rerankers:
        raise UsageError(f"{pipeline.name} takes no colours; search by colour")
    return EncodedQuery(vector[None], 1, None, label="in the order of the distance to these colours")


def _encode_histogram(query: Query, pipeline: Pipeline) -> EncodedQuery:
    amounts, n_bins = np.asarray(query.histogram, np.float64), pipeline.descriptor.size
    vector = pipeline.descriptor.embed_histogram(amounts)
    if vector is None or pipeline.rerankers:
        raise UsageError(f"{pipeline.name} takes no histogram; search by colour")
    if amounts.shape != (n_bins,) or not (np.isfinite(amounts) & (amounts >= 0)).all() or not amounts.any():
        raise UsageError(
            f"a histogram of {pipeline.name} is {n_bins} numbers of 0 or larger, not all 0; got {amounts.size} "
            f"with sum {amounts.sum():g}"
        )
    return EncodedQuery(vector[None], 1, None, label="in the order of the distance to this histogram")


def _query_views(pipeline: Pipeline, pixels: Image) -> tuple[list[Image], int]:
    """The views that a pipeline asks with, and how many of them are no speculation."""
    views, speculative = [pixels], list[Image]()
    sees_through_turns = pipeline.descriptor.variable_length  # local features turn with the image
    for reranker in pipeline.rerankers:
        speculative += [] if sees_through_turns else reranker.speculative_views(pixels)
        views = [view for each in views for view in reranker.query_views(each)]
    return [*views, *speculative], len(views)
