"""Nearly always the nearest of many centres: an index over them, made when it is needed. A helper, not a method."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from concurrent.futures import Future
from hashlib import blake2b
from threading import Lock
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Floats

EXACT_BELOW = 2048
"""With fewer centres than this, comparing all is as quick."""
_MIN_CODED_WIDTH = 16
"""Descriptors of fewer values than this are compared with all centres: codes would not tell them apart."""
_MIN_PROBES = 16
_RESCORE_FACTOR, _MIN_RESCORED = 8, 4
"""For each word asked for so many are measured exactly, and for at least so many words."""
_CACHE_SIZE = 4


def build_centre_index(centres: Floats) -> Any:  # noqa: ANN401 - a faiss index
    """An index over centres `(K, D)`: cells, in them codes of 4 bits for each four values, and the centres themselves.

    16 cells or an eighth of all are looked into, and what is nearest by the codes is measured exactly.

    References
    ----------
    F. André, A.-M. Kermarrec and N. Le Scouarnec, Quicker ADC: Unlocking the Hidden Potential of Product Quantization
    with SIMD, IEEE TPAMI 43(5), 2021, doi:10.1109/TPAMI.2019.2952606.
    """
    width = centres.shape[1]
    made: Any = faiss.IndexFlatL2(width)
    if len(centres) >= EXACT_BELOW and width >= _MIN_CODED_WIDTH:
        cells = 2 ** round(np.log2(np.sqrt(len(centres))))
        parts = width // next(values for values in (4, 2, 1) if width % values == 0)
        coded: Any = faiss.index_factory(width, f"IVF{cells},PQ{parts}x4fs")
        coded.train(centres)
        coded.add(centres)
        made.add(centres)
        return with_exact_distances(coded, made)
    made.add(centres)
    return made


def with_exact_distances(coded: Any, exact: Any) -> Any:  # noqa: ANN401 - faiss indexes
    """An index that measures again, by `exact`, what is nearest by the codes of `coded`; both hold the same rows."""
    coded.nprobe = max(_MIN_PROBES, coded.nlist // 8)
    made = faiss.IndexRefine(coded, exact)
    made.k_factor = _RESCORE_FACTOR
    return made


def search_centres(centre_index: Any, descriptors: Floats, n_words: int) -> NDArray[np.int32]:  # noqa: ANN401
    """The nearest centres `(N, several) int32` of rows, nearest first; -1 where there are no more."""
    if not len(descriptors):
        return np.empty((0, n_words), np.int32)
    found: NDArray[np.int64] = centre_index.search(
        np.ascontiguousarray(descriptors, np.float32), max(n_words, _MIN_RESCORED)
    )[1]
    return found[:, :n_words].astype(np.int32)


class CentreIndexCache:
    """The indexes that were used last, by the bytes of their centres; threads may share it.

    The bytes of an array that is met again are not read again: an array that was given once is never changed.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._indexes: OrderedDict[bytes, Future[Any]] = OrderedDict()
        self._known_keys: dict[int, tuple[weakref.ref[NDArray[Any]], bytes]] = {}

    def get(self, centres: NDArray[Any]) -> Any:  # noqa: ANN401 - a faiss index
        """The index over these centres; while one is built, the others can be had."""
        with self._lock:
            key = self._key(centres)
            found = self._indexes.get(key)
            index = self._indexes[key] = found or Future()
            self._indexes.move_to_end(key)
            while len(self._indexes) > _CACHE_SIZE:
                self._indexes.popitem(last=False)
        if found is None:
            self._build(key, index, centres)
        return index.result()

    def _build(self, key: bytes, index: Future[Any], centres: NDArray[Any]) -> None:
        try:
            index.set_result(build_centre_index(np.ascontiguousarray(centres, np.float32)))
        except BaseException as problem:
            with self._lock:
                if self._indexes.get(key) is index:
                    del self._indexes[key]
            index.set_exception(problem)

    def _key(self, centres: NDArray[Any]) -> bytes:
        reference, key = self._known_keys.get(id(centres), (None, b""))
        if reference is None or reference() is not centres:
            self._known_keys = {each: known for each, known in self._known_keys.items() if known[0]() is not None}
            key = blake2b(np.ascontiguousarray(centres).data, person=str(centres.shape).encode()[:16]).digest()
            self._known_keys[id(centres)] = weakref.ref(centres), key
        return key
