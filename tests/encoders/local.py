"""Local features for tests of encoders of visual words."""

from __future__ import annotations

import numpy as np

from nearsight.types import LocalFeatures

WIDTH = 16


def quiet(done, total):
    """Nobody asks."""


def descriptors(count, seed=0, width=WIDTH, spread=0.3):
    """Descriptors around eight centres."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(8, width))
    return (centres[rng.integers(0, 8, count)] + rng.normal(0, spread, (count, width))).astype(np.float32)


def features(rows, seed=0, size=(640, 480)):
    """One image's features with these descriptors, anywhere in it."""
    rng = np.random.default_rng(seed)
    count = len(rows)
    points = (rng.random((count, 2)) * size).astype(np.float32)
    scales, angles = (2 + 60 * rng.random(count)).astype(np.float32), (360 * rng.random(count)).astype(np.float32)
    return LocalFeatures(points, scales, angles, np.asarray(rows, np.float32), size)


def nearest(row, centres):
    """The words of a descriptor, nearest first, one centre after another."""
    apart = [sum((float(a) - float(b)) ** 2 for a, b in zip(row, centre, strict=True)) for centre in centres]
    return sorted(range(len(centres)), key=lambda word: apart[word])


def bits(signs):
    """A string of bits of signs, the first the highest of the first byte."""
    made = []
    for start in range(0, len(signs), 8):
        made.append(sum(128 >> at for at, sign in enumerate(signs[start : start + 8]) if sign))
    return made


def renewed(image, seed, noise=0.05):
    """The same features, found again with a little noise, in another order, a third of them lost."""
    rng = np.random.default_rng(seed)
    kept = rng.permutation(len(image))[: 2 * len(image) // 3]
    rows = image.descriptors[kept] + rng.normal(0, noise, (len(kept), image.descriptors.shape[1]))
    return LocalFeatures(
        image.points[kept], image.scales[kept], image.angles[kept], rows.astype(np.float32), image.size
    )


def ranks(encoder, count=12):
    """Where images that ask with their features found again find themselves: 0 is first."""
    from nearsight.indexes.inverted import Inverted
    from nearsight.recipe import parse_recipe
    from nearsight.registry import build_methods

    fitted = encoder.train(descriptors(1500, 1), quiet)
    images = [features(descriptors(40, 10 + seed), seed) for seed in range(count)]
    asking = encoder.encode_queries([renewed(each, seed) for seed, each in enumerate(images)], fitted)
    (kernel,) = build_methods(parse_recipe(encoder.metric))
    full = Inverted().empty(kernel).add(np.arange(count), encoder.encode(images, fitted))
    found = full.search(asking, count).ids
    return [ids.tolist().index(at) if at in ids else count for at, ids in enumerate(found)]
