"""The distances between lists of pictures by a kernel. A helper, not a method."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nearsight.kernels._postings import Doubles, asked, frequencies, lengths, postings, scores
from nearsight.types import Arrays, Floats, Kernel
from nearsight.visual_words import Records


def idf_of(kernel: Kernel, frequency: Doubles, total: int) -> Doubles:
    """The idf of words that so many of `total` pictures hold; a word that none holds counts as one that one holds."""
    return np.log(max(total, 1) / np.maximum(frequency, 1)) if kernel.idf else np.ones(len(frequency))


def similarities(kernel: Kernel, queries: Sequence[Records], rows: Sequence[Records]) -> Floats:
    """`(Q, N)`: how alike pictures are, the idf being that of the N."""
    bits = sorted({8 * each["bits"].shape[1] for each in (*queries, *rows)})
    if len(bits) > 1:
        raise ValueError(f"records of queries and rows have as many bits; got {' and '.join(map(str, bits))}")
    part: Arrays = postings(np.arange(len(rows)), rows, once=kernel.once)
    total = len(rows)
    idf = idf_of(kernel, frequencies(part, np.ones(total, bool)).astype(np.float64), total)
    divisors = lengths(part, kernel, idf)
    made = np.zeros((len(queries), total), np.float32)
    for at, row in enumerate(queries):
        place = np.searchsorted(part["words"], row["word"])
        known = part["words"][np.minimum(place, len(idf) - 1)] == row["word"] if len(idf) else np.zeros(len(row), bool)
        own = np.full(len(row), idf_of(kernel, np.zeros(1), total)[0])
        own[known] = idf[place[known]]
        query = asked(row, kernel, own)
        product = query.length * divisors
        made[at] = scores(query, part, kernel) / np.where(product > 0, product, np.inf)
    return made
