"""Images of visual words for tests, and the similarity of two of them in plain loops, as `types.Kernel` has it."""

from __future__ import annotations

import math

import numpy as np

from nearsight.visual_words import record_dtype


def row(words, bits=0, seed=0):
    """An image with these words, rising, and random bits, places, scales and angles."""
    rng = np.random.default_rng(seed)
    made = np.zeros(len(words), record_dtype(bits))
    made["word"] = np.sort(words)
    made["bits"] = rng.integers(0, 256, made["bits"].shape)
    for name, most in (("x", 65536), ("y", 65536), ("scale", 256), ("angle", 256)):
        made[name] = rng.integers(0, most, len(words))
    return made


def rows(count=25, bits=16, seed=0, words=30):
    """Images of 0 to 40 features, some words often; the bits of one word are alike, so that some agree."""
    rng = np.random.default_rng(seed)
    usual = np.random.default_rng(99).integers(0, 256, (words, bits // 8), dtype=np.uint8)
    made = []
    for _ in range(count):
        some = (rng.random(int(rng.integers(0, 41))) ** 2 * words).astype(int)
        each = row(some, bits, int(rng.integers(1 << 30)))
        flips = rng.random((len(each), bits // 8, 8)) < 0.2
        each["bits"] = usual[each["word"]] ^ np.packbits(flips, axis=2)[:, :, 0]
        made.append(each)
    return made


def groups(image, once):
    """The features of each word; of those that count once, the first."""
    found = {}
    for record in image:
        found.setdefault(int(record["word"]), []).append(record)
    return {word: some[:1] if once else some for word, some in found.items()}


def differing(one, other):
    """How many bits differ, one byte after another."""
    pairs = zip(one["bits"].tolist(), other["bits"].tolist(), strict=True)
    return sum((first ^ second).bit_count() for first, second in pairs)


def idf(kernel, word, images):
    """log of all images over those that hold the word."""
    holding = sum((image["word"] == word).any() for image in images)
    return math.log(len(images) / max(1, holding)) if kernel.idf else 1.0


def burst(kernel, count):
    """b(n) of the formula."""
    return 1 / math.sqrt(count) if kernel.burst else 1.0


def length(kernel, image, images):
    """|q| of the formula."""
    some = groups(image, kernel.aggregates_words).items()
    return math.sqrt(sum((idf(kernel, word, images) * len(g) * burst(kernel, len(g))) ** 2 for word, g in some))


def pairs(kernel, query, image, images):
    """Each pair of features of the same word, with what it adds to s(q, d)."""
    mine, theirs = groups(query, kernel.aggregates_words), groups(image, kernel.aggregates_words)
    weights = kernel.weights(8 * query["bits"].shape[1])
    divisor = length(kernel, query, images) * length(kernel, image, images)
    for word in mine.keys() & theirs.keys() if divisor else ():
        each = idf(kernel, word, images) ** 2 * burst(kernel, len(mine[word])) * burst(kernel, len(theirs[word]))
        for one in mine[word]:
            for other in theirs[word]:
                yield one, other, each * float(weights[differing(one, other)]) / divisor


def slowly(kernel, query, image, images):
    """s(q, d) of the formula."""
    return sum(amount for _, _, amount in pairs(kernel, query, image, images))
