"""Candidates that are nearest as wholes, at a glance: how both correlate in a few pixels, turned or mirrored."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from nearsight.errors import DamagedError
from nearsight.images import thumbnail
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Floats, Ids

__all__ = ["MIN_CORRELATION", "correlate_pairs", "correlate_upright", "find_grey"]

SIDE = 32
"""Pixels along each side of the squashed images that are correlated."""
MIN_CORRELATION = 0.8
"""Correlation in one of the eight turns from which on two images are compared, as a positive or a negative."""
MIN_DEVIATION, MAX_SHADE_DIFFERENCE = 1.0, 2.0
"""Grey levels that an image varies by, not to be plain; and by which the means of two plain ones differ at most."""
MAX_GREY_CHROMA = 6
"""Levels between the channels that a grey thumbnail has at most, but for one pixel of a hundred."""
BLOCK = 4096


def correlate_pairs(queries: Snapshot, database: Snapshot, pairs: Ids) -> Floats:
    """How each of the pairs `(P, 2)` of ids of two generations, or of one, correlates, 0 to 1.

    Plain ones may be equal: 1 where both are plain and of one shade, 0 where one is.
    """
    sides = [_read_lumas(side, np.unique(pairs[:, at])) for at, side in enumerate((queries, database))]
    found = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), BLOCK):
        block = pairs[start : start + BLOCK]
        first, second = (
            lumas[np.searchsorted(ids, block[:, at])].astype(np.float32) for at, (ids, lumas) in enumerate(sides)
        )
        shade = np.abs(first.mean(axis=(1, 2)) - second.mean(axis=(1, 2)))
        found[start : start + BLOCK] = _correlate(_standardize(first), _standardize(second), shade)
    return found


def correlate_upright(snapshot: Snapshot, pairs: Ids) -> Floats:
    """How each of the pairs `(P, 2)` correlates as both are, -1 to 1; 0 where one is plain."""
    ids, lumas = _read_lumas(snapshot, np.unique(pairs))
    first, second = (_standardize(lumas[np.searchsorted(ids, pairs[:, at])].astype(np.float32)) for at in (0, 1))
    return np.asarray(np.einsum("nij,nij->n", first, second), np.float32)


def find_grey(snapshot: Snapshot, ids: Iterable[int]) -> frozenset[int]:
    """Those of some images whose thumbnails have no colour."""
    return frozenset(image for image in ids if _is_grey(snapshot, image))


def _is_grey(snapshot: Snapshot, image_id: int) -> bool:
    with suppress(DamagedError):
        pixels = thumbnail.decode(snapshot.thumbnail_bytes(image_id)).astype(np.int16)
        return bool(np.percentile(np.ptp(pixels, axis=2), 99) <= MAX_GREY_CHROMA)
    return False


def _read_lumas(snapshot: Snapshot, ids: Ids) -> tuple[Ids, NDArray[np.uint8]]:
    """The squashed luma `(n, SIDE, SIDE) uint8` of the thumbnails of these images; a damaged one is plain."""
    lumas = np.zeros((len(ids), SIDE, SIDE), np.uint8)

    def read(places: Iterable[int]) -> None:
        for at in places:
            lumas[at] = _squash(snapshot, int(ids[at]))

    n_threads = os.cpu_count() or 1
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(read, np.array_split(np.arange(len(ids)), n_threads)))
    return ids, lumas


def _squash(snapshot: Snapshot, image_id: int) -> NDArray[Any] | int:
    """An image in a few pixels, decoded at a quarter of its thumbnail's size."""
    try:
        data = np.frombuffer(snapshot.thumbnail_bytes(image_id), np.uint8)
    except DamagedError:
        return 0
    small = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_4)
    return 0 if small is None else cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _standardize(lumas: Floats) -> Floats:
    """Mean 0 and length 1; 0 where an image is plain."""
    centred = lumas - lumas.mean(axis=(1, 2), keepdims=True)
    deviations = centred.std(axis=(1, 2), keepdims=True)
    scaled = np.divide(centred, deviations * SIDE, out=np.zeros_like(centred), where=deviations >= MIN_DEVIATION)
    return np.asarray(scaled, np.float32)


def _correlate(first: Floats, second: Floats, shade: Floats) -> Floats:
    """How each pair correlates in its best turn; of plain ones, whether both are, and of one shade."""
    best = np.zeros(len(first), np.float32)
    for view in (first, first[:, :, ::-1]):
        for turn in range(4):
            turned = np.rot90(view, turn, axes=(1, 2))
            best = np.maximum(best, np.abs(np.einsum("nij,nij->n", turned, second)))
    plain, other_plain = (~each.any(axis=(1, 2)) for each in (first, second))
    alike = plain & other_plain & (shade <= MAX_SHADE_DIFFERENCE)
    return np.where(plain | other_plain, alike.astype(np.float32), best)
