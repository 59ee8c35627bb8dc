"""The images of a collection by the contents of their files; a million take some hundred bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from nearsight.applications.duplicates.keeping import sort_by_size
from nearsight.storage.catalogue import Catalogue
from nearsight.types import Ids

__all__ = ["Contents"]

DIGEST_BYTES = 32


class Contents(Mapping[int, bytes]):
    """The SHA-256 of each image's file by its id.

    Attributes
    ----------
    ids : `(n,)`, rising
    firsts : `(n,)`, of all images of equal content the one that would be kept; of others the image itself
    others : for each first of several its others, in the order in which they would be kept
    """

    def __init__(self, catalogue: Catalogue, *, grouped: bool = True) -> None:
        """Read the catalogue. Unless `grouped`, every image stands for itself."""
        ids, digests = array("q"), bytearray()
        for image in catalogue.images():
            ids.append(image.id)
            digests += image.sha256
        order = np.argsort(np.frombuffer(ids, np.int64), kind="stable")
        self.ids: Ids = np.frombuffer(ids, np.int64)[order]
        self._digests: NDArray[np.uint64] = np.frombuffer(digests, np.uint64).reshape(-1, DIGEST_BYTES // 8)[order]
        self.firsts, self.others = self.ids.copy(), dict[int, list[int]]()
        for same in self._equal() if grouped else ():
            first, *others = (image.id for image in sort_by_size([catalogue.image(each) for each in same]))
            self.others[first] = others
            self.firsts[np.searchsorted(self.ids, same)] = first

    def _equal(self) -> Iterator[list[int]]:
        """The ids of several images of equal content."""
        if not len(self.ids):
            return
        order = np.lexsort(self._digests.T)
        rows = self._digests[order]
        starts = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)])
        for start, end in zip(starts, np.r_[starts[1:], len(rows)], strict=True):
            if end - start > 1:
                yield sorted(self.ids[order[start:end]].tolist())

    def __getitem__(self, image_id: int) -> bytes:
        at = int(np.searchsorted(self.ids, image_id))
        if at == len(self.ids) or self.ids[at] != image_id:
            raise KeyError(image_id)
        return bytes(self._digests[at])

    def __iter__(self) -> Iterator[int]:
        return iter(self.ids.tolist())

    def __len__(self) -> int:
        return len(self.ids)
