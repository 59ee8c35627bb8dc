"""Learning an index from a sample, in a process of its own: what that takes of memory goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nearsight.errors import NearsightError
from nearsight.types import Arrays, Index, Metric
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

TRAINING_LIMITS = WorkerLimits(seconds=3600, memory=4 << 30)
"""The sample is our own: these only stop what has gone wrong."""


@dataclass(frozen=True)
class SampleFile:
    """Rows `shape` of `dtype` in a file, without a header."""

    path: Path
    shape: tuple[int, int]
    dtype: str


@dataclass(frozen=True)
class IndexTraining:
    """The work of the process: fit one index."""

    index: Index
    metric: Metric

    def prepare(self, sample: SampleFile) -> Arrays:
        """What the index learns from the sample."""
        rows = np.memmap(sample.path, sample.dtype, "r", 0, sample.shape)
        return self.index.train(rows, self.metric)

    def finish(self, items: list[Arrays]) -> list[Arrays]:
        """Nothing is faster for many at once."""
        return items


def train_index(index: Index, metric: Metric, sample: SampleFile) -> Arrays:
    """What an index learns from a sample. Raises NearsightError where that goes wrong, with the reason."""
    with WorkerPool(IndexTraining(index, metric), 1, TRAINING_LIMITS) as pool:
        ((_, outcome),) = pool.run([sample])
    if isinstance(outcome, Failure):
        raise NearsightError(f"{index} could not be learnt from {sample.shape[0]} rows: {outcome.detail}")
    return outcome
