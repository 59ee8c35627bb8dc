"""The vocabulary that comes along: learnt once from free photographs, for any collection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from nearsight.types import Arrays, Floats, TrainProgress, Vocabulary
from nearsight.vocabularies._centre_index import build_centre_index, search_centres, with_exact_distances

FILE = "general.npz"
"""What `save_general` wrote."""


@dataclass(frozen=True)
class General(Vocabulary):
    """Words for SIFT that are there at once: nothing is trained on the collection.

    1. The centres are those of `akm(k=20_000)`, learnt from the RootSIFT descriptors of free photographs
       (`tools/general_vocabulary.py` makes the file; docs/models.md says of which).
    2. A descriptor's words are those that an index over the centres finds nearest, as by `akm`.

    The photographs are those of CID22 (Cloudinary Image Dataset '22, CC BY-SA 4.0) and of Kodak's Lossless True Color
    Image Suite (free of restrictions).

    A vocabulary that is trained on your own images finds more where they are many and of one kind.

    Returns
    -------
    Words `(N, several) int32`

    Raises
    ------
    ValueError
        where descriptors are not those of SIFT, of 128 values

    References
    ----------
    J. Philbin, O. Chum, M. Isard, J. Sivic and A. Zisserman, Object Retrieval with Large Vocabularies and Fast Spatial
    Matching, CVPR 2007, doi:10.1109/CVPR.2007.383172.

    Examples
    --------
    >>> words = General()
    >>> fitted = words.train(np.empty((0, 128), np.float32), lambda done, total: None)
    >>> words.assign(fitted["centres"][:3], fitted)[:, 0].tolist()
    [0, 1, 2]
    """

    needs_training = False

    @property
    def n_words(self) -> int:
        """As many as the file has."""
        return len(_centres())

    def train(self, sample: Floats, report: TrainProgress) -> Arrays:
        """`centres (K, 128)`, whatever the sample."""
        return {"centres": _centres()}

    def assign(self, descriptors: Floats, fitted: Arrays, several: int = 1) -> NDArray[np.int32]:
        """The nearest centres that the index finds. Raises ValueError where descriptors are not of 128 values."""
        if descriptors.shape[1] != _centres().shape[1]:
            raise ValueError(f"these words are those of SIFT, of 128 values; got descriptors of {descriptors.shape[1]}")
        return search_centres(_centre_index(), descriptors, several)


def save_general(centres: Floats, path: Path) -> None:
    """Write the file: `centres (K, 128) uint8` and their `scale`, and the cells and codes of the index over them.

    It takes as long to build this index as to read a hundred images, so it comes along.
    """
    scale = np.float32(centres.max() / 255)
    rounded = np.rint(centres / scale).astype(np.uint8)
    index = build_centre_index(rounded * scale)
    cells = faiss.serialize_index(faiss.downcast_index(index.base_index))
    np.savez_compressed(path, centres=rounded, scale=scale, cells=cells)


@cache
def _file() -> Arrays:
    with files("nearsight.vocabularies").joinpath(FILE).open("rb") as file, np.load(file, allow_pickle=False) as held:
        return dict(held)


@cache
def _centres() -> Floats:
    return _file()["centres"] * np.float32(_file()["scale"])


@cache
def _centre_index() -> Any:  # noqa: ANN401 - a faiss index
    """The index that `build_centre_index` makes of the centres, from the file."""
    exact = faiss.IndexFlatL2(_centres().shape[1])
    exact.add(_centres())
    return with_exact_distances(faiss.deserialize_index(_file()["cells"]), exact)
