"""What the poolings share: one row of all features of an image. A helper, not a method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nearsight.encoders._normalisation import l2_normalise
from nearsight.types import Arrays, Encoder, Floats, LocalFeatures


@dataclass(frozen=True)
class Pooling(Encoder):
    """One row of all features of an image. A subclass writes `pool`.

    Where features are the positions of several maps, each map is pooled on its own, and the rows, of length 1 each, are
    added: F. Radenović, G. Tolias and O. Chum, Fine-Tuning CNN Image Retrieval with No Human Annotation, IEEE TPAMI
    41(7), 2019, doi:10.1109/TPAMI.2018.2846566, section 5.2. All rows are divided by their lengths.
    """

    metric = "cosine"

    @property
    def sample_size(self) -> int:
        """There is nothing to learn."""
        return 0

    def size(self, width: int, fitted: Arrays) -> int:
        """As many as a descriptor has."""
        return width

    def encode(self, described: Sequence[LocalFeatures], fitted: Arrays) -> Floats:
        """One row an image; zeros for one without features."""
        rows = [self._vector(features) for features in described]
        return np.stack(rows) if rows else np.empty((0, 0), np.float32)

    def _vector(self, features: LocalFeatures) -> Floats:
        made = np.zeros(features.descriptors.shape[1])
        for each in split_maps(features):
            made += l2_normalise(self.pool(each))
        return l2_normalise(made)

    @abstractmethod
    def pool(self, features: LocalFeatures) -> NDArray[Any]:
        """The row `(D,)` of one or more features, those of one map or of none."""

    def feature_contributions(self, features: LocalFeatures, values: NDArray[Any]) -> NDArray[np.float64] | None:
        """What each of n features adds to the inner product of their `pool` row and `values (D,)`: `(n,)`.

        They sum to it. None where the row is no sum of what the features add, as by default.
        """
        return None

    def position_contributions(self, features: LocalFeatures, other: NDArray[Any]) -> list[NDArray[np.float64]] | None:
        """What each position adds to the cosine of an image's row and another `(D,)`: `(rows, columns)` for each map.

        All together sum to the cosine. None where a row is no sum of what positions add, or features are no maps.
        """
        if not features.grids:
            return None
        made, parts, toward = np.zeros(features.descriptors.shape[1]), list[NDArray[np.float64]](), l2_normalise(other)
        for each in split_maps(features):
            added, row = self.feature_contributions(each, toward), self.pool(each)
            if added is None:
                return None
            length = np.linalg.norm(row) or 1.0
            made += row / length
            ((columns, rows),) = each.grids
            parts.append((added / length).reshape(rows, columns))
        whole = np.linalg.norm(made) or 1.0
        return [part / whole for part in parts]


def split_maps(features: LocalFeatures) -> list[LocalFeatures]:
    """The features of each map; all together where they are of none; nothing where there are none."""
    if len(features.grids) < 2:
        return [features] if len(features) else []
    ends = np.cumsum([columns * rows for columns, rows in features.grids]).tolist()
    parts = zip([0, *ends], ends, features.grids, strict=False)
    return [replace(features.select(slice(start, end)), grids=(grid,)) for start, end, grid in parts]
