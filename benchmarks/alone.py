"""Decoding alone, as the yardstick of indexing: our workers with nothing else to do, and a plain loop of Pillow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image as Pillow

from nearsight.files import LocalFileSystem
from nearsight.images import thumbnail
from nearsight.images.decode import Limits, decode_image
from nearsight.images.validate import choose_scale
from nearsight.pipeline import build_pipelines
from nearsight.workers.pool import Failure, WorkerPool


@dataclass(frozen=True)
class DecodeAlone:
    """The work of a worker: read, decode, average down to the working sides, drop the pixels."""

    sides: tuple[int, ...]
    limits: Limits = field(default_factory=Limits)

    def prepare(self, path: bytes) -> int:
        """The number of values that were decoded."""
        data, _ = LocalFileSystem().read(path, self.limits.file)
        image = decode_image(data, self.limits)
        return sum(image.render(side).size for side in self.sides)


def sides(senses: Sequence[str]) -> tuple[int, ...]:
    """The working sides that indexing by these senses needs, that of the thumbnail included."""
    return tuple(sorted({thumbnail.SIDE, *(plan.descriptor.side for plan in build_pipelines(senses))}))


def by_workers(folder: Path, senses: Sequence[str], workers: int) -> int:
    """Decode all files of a folder in our isolated workers; how many."""
    paths = [os.fsencode(path) for path in sorted(folder.rglob("*.jpg"))]
    with WorkerPool(DecodeAlone(sides(senses)), min(workers, len(paths))) as pool:
        outcomes = [outcome for _, outcome in pool.run(paths)]
    assert not any(isinstance(outcome, Failure) for outcome in outcomes)
    return len(outcomes)


def by_pillow(folder: Path, workers: int) -> int:
    """Decode all files of a folder with Pillow at the same fraction, without averaging down; how many."""
    paths = sorted(folder.rglob("*.jpg"))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        return sum(pool.map(_decode_draft, paths, chunksize=4))


def _decode_draft(path: Path) -> int:
    with Pillow.open(path, formats=["JPEG"]) as image:
        scale = choose_scale(*image.size)
        image.draft(None, (image.width // scale, image.height // scale))
        image.load()
    return 1


def ways(folder: Path, senses: Sequence[str], workers: int) -> dict[str, partial[int]]:
    """Both, by their names."""
    return {
        "decoding alone": partial(by_workers, folder, senses, workers),
        "Pillow": partial(by_pillow, folder, workers),
    }
