"""The distances between lists of images by a kernel. A helper, not a method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nearsight.kernels._postings import (
    build_postings,
    document_frequencies,
    posting_bag_norms,
    score_postings,
    weight_query_postings,
)
from nearsight.types import Arrays, Doubles, Floats, Kernel
from nearsight.visual_words import Records


def inverse_document_frequency(kernel: Kernel, document_frequency: Doubles, n_images: int) -> Doubles:
    """The idf of words that so many of `n_images` images hold; a word that none holds counts as one that one holds."""
    return (
        np.log(max(n_images, 1) / np.maximum(document_frequency, 1)) if kernel.idf else np.ones(len(document_frequency))
    )


def kernel_similarities(kernel: Kernel, queries: Sequence[Records], bags: Sequence[Records]) -> Floats:
    """`(Q, N)`: how alike images are, the idf being that of the N."""
    bits = sorted({8 * each["bits"].shape[1] for each in (*queries, *bags)})
    if len(bits) > 1:
        raise ValueError(f"records of queries and rows have as many bits; got {' and '.join(map(str, bits))}")
    part: Arrays = build_postings(np.arange(len(bags)), bags, once=kernel.aggregates_words)
    total = len(bags)
    idf = inverse_document_frequency(kernel, document_frequencies(part, np.ones(total, bool)).astype(np.float64), total)
    divisors = posting_bag_norms(part, kernel, idf)
    made = np.zeros((len(queries), total), np.float32)
    for at, row in enumerate(queries):
        place = np.searchsorted(part["words"], row["word"])
        known = part["words"][np.minimum(place, len(idf) - 1)] == row["word"] if len(idf) else np.zeros(len(row), bool)
        own = np.full(len(row), inverse_document_frequency(kernel, np.zeros(1), total)[0])
        own[known] = idf[place[known]]
        query = weight_query_postings(row, kernel, own)
        product = query.norm * divisors
        made[at] = score_postings(query, part, kernel) / np.where(product > 0, product, np.inf)
    return made
