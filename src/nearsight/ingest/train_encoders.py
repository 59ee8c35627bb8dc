"""Training encoders, such as vocabularies, on a sample of images of a collection or of folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from nearsight.descriptor_chain import DescriptorChain, describe_base
from nearsight.errors import UsageError
from nearsight.files import FileSystem
from nearsight.images.decode import Limits, decode_image
from nearsight.images.pages import locate_page
from nearsight.pipeline import Pipeline
from nearsight.registry import method_name
from nearsight.storage import cache_files
from nearsight.storage.trained_state import TrainedState
from nearsight.types import Arrays, Descriptor, Encoder, Floats, LocalDescriptor, LocalFeatures
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

MIN_IMAGES, MAX_IMAGES = 400, 4000
"""Images that an encoder is trained on, if there are so many."""
SEED = 20060622

StepProgress = Callable[[str, int, int], None]
"""`(step, done, total)`."""


Pair = tuple[bytes, bytes]
"""The paths of two images of the same thing."""
ChainPrefix = tuple[Encoder, ...]
"""The first encoders of a chain that need no training."""


@dataclass(frozen=True)
class _SampleJob:
    """Compute the output of a base descriptor and of each prefix of encoders for one file."""

    first: Descriptor | LocalDescriptor
    starts: tuple[ChainPrefix, ...]
    limits: Limits
    files: FileSystem

    def start(self) -> None:
        """Load the base descriptor."""
        self.first.load()

    def prepare(self, path: bytes) -> list[Any]:
        """Read, decode and describe one file: features or a vector for each prefix."""
        file, page = locate_page(path, self.files)
        data, _ = self.files.read(file, self.limits.file)
        image = decode_image(data, self.limits, page=page)
        described = describe_base(self.first, [image.render(self.first.side)])
        return [_encode_for_training(described[0], [(encoder, {}) for encoder in start]) for start in self.starts]


@dataclass(frozen=True)
class EncoderTrainer:
    """Trains the encoders of pipelines."""

    files: FileSystem
    report: StepProgress
    workers: int
    limits: Limits
    worker_limits: WorkerLimits

    def run(
        self, pipelines: Iterable[Pipeline], sample_paths: Callable[[int], list[bytes]], pairs: Sequence[Pair] = ()
    ) -> TrainedState:
        """Train the encoders of pipelines; `sample_paths` returns the paths of a number of images.

        `pairs` are paths of images of the same thing. An encoder that trains on pairs uses these alone, the others use
        their images too. Pipelines with the same base descriptor share its output.
        """
        made: TrainedState = {}
        lacking: dict[Any, dict[str, DescriptorChain]] = {}
        for pipeline in pipelines:
            assert isinstance(pipeline.descriptor, DescriptorChain)
            lacking.setdefault(pipeline.descriptor.base, {})[cache_files.trained_state_key(pipeline)] = (
                pipeline.descriptor
            )
        for first, chains in lacking.items():
            with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
                count = max(_count_images(chain) for chain in chains.values())
                starts = tuple(dict.fromkeys(map(_untrained_prefix, chains.values())))
                paths = sorted({*sample_paths(count), *(path for pair in pairs for path in pair)})
                seen, described = self._describe_sample(first, starts, paths, Path(place))
                at = {path: number for number, path in enumerate(seen)}
                both = [(at[one], at[other]) for one, other in pairs if one in at and other in at]
                if pairs and not both:
                    one, other = (os.fsdecode(path) for path in pairs[0])
                    raise UsageError(f"of no pair can both images be read; the first is {one} and {other}")
                known = dict[tuple[Encoder, ...], Arrays]()
                for key, chain in chains.items():
                    steps = enumerate(
                        train_chain(chain, described[_untrained_prefix(chain)], Path(place), self.report, known, both)
                    )
                    made[key] = {f"{at}/{name}": array for at, one in steps for name, array in one.items()}
        return made

    def _describe_sample(
        self, first: Descriptor | LocalDescriptor, starts: tuple[ChainPrefix, ...], paths: list[bytes], place: Path
    ) -> tuple[list[bytes], dict[ChainPrefix, list[Any]]]:
        """Describe the readable images by each prefix; descriptors of features lie in files."""
        job, found = _SampleJob(first, starts, self.limits, self.files), dict[bytes, list[Any]]()
        shelves = [_FeatureFile(place / f"descriptors-{number}") for number in range(len(starts))]
        first.load()
        with WorkerPool(job, max(1, min(self.workers, len(paths))), self.worker_limits) as pool:
            for path, outcome in pool.run(paths):
                if not isinstance(outcome, Failure):
                    found[path] = [shelf.store(one) for shelf, one in zip(shelves, outcome, strict=True)]
                self.report("looking at a sample", len(found), len(paths))
        seen = [path for path in paths if path in found]
        return seen, {start: shelves[at].load([found[path][at] for path in seen]) for at, start in enumerate(starts)}


class _FeatureFile:
    """Stores outputs: descriptors of local features in a file, everything else in memory."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.width = path, 0, 0

    def store(self, one: Any) -> Any:  # noqa: ANN401 - a row, or features
        """Return a vector as it is, and features with the file positions of their descriptors."""
        if not isinstance(one, LocalFeatures):
            return one
        with self.path.open("ab") as file:
            np.asarray(one.descriptors, np.float32).tofile(file)
        start, self.width = self.count, one.descriptors.shape[1]
        self.count += len(one)
        return replace(one, descriptors=np.array([start, self.count]))

    def load(self, kept: list[Any]) -> list[Any]:
        """Return what was stored, with the descriptors memory-mapped."""
        rows = np.empty((0, self.width), np.float32)
        if self.count:
            rows = np.memmap(self.path, np.float32, "r", 0, (self.count, self.width))
        return [
            replace(one, descriptors=rows[slice(*one.descriptors)]) if isinstance(one, LocalFeatures) else one
            for one in kept
        ]


def _untrained_prefix(chain: DescriptorChain) -> ChainPrefix:
    return tuple(takewhile(lambda encoder: not encoder.sample_size, chain.encoders))


def _encode_for_training(one: Any, steps: Iterable[tuple[Encoder, Arrays]]) -> Any:  # noqa: ANN401 - features or a row
    """Encode one image's features, or its vector."""
    for encoder, fitted in steps:
        one = encoder.encode([one] if isinstance(one, LocalFeatures) else one[None], fitted)[0]
    return one


def _count_images(chain: Descriptor) -> int:
    """Number of images to train a chain on."""
    assert isinstance(chain, DescriptorChain)
    wanted, features = MIN_IMAGES, isinstance(chain.base, LocalDescriptor)
    for encoder in chain.encoders:
        if encoder.trains_on_pairs:
            continue
        each = chain.base.n // 2 if features and isinstance(chain.base, LocalDescriptor) else 1
        wanted = max(wanted, -(-encoder.sample_size // max(1, each)))
        features = features and encoder.input_kind == "both"
    return min(wanted, MAX_IMAGES)


def train_chain(
    chain: DescriptorChain,
    described: Sequence[Any],
    place: Path,
    report: StepProgress,
    known: dict[tuple[Encoder, ...], Arrays],
    pairs: Sequence[tuple[int, int]] = (),
) -> Iterator[Arrays]:
    """Train the encoders of a chain one after the other; `described` are the outputs of its untrained prefix.

    `known` holds the trained states of chains with the same prefix, and receives the new ones. `pairs` are positions
    in `described` of images of the same thing.

    Raises
    ------
    UsageError
        there is nothing to train on
    """
    start, before = _untrained_prefix(chain), list[tuple[Encoder, Arrays]]()
    yield from ({} for _ in start)
    for number, encoder in enumerate(chain.encoders[len(start) :], len(start)):
        steps = chain.encoders[: number + 1]
        fitted: Arrays = known.get(steps, {})
        if encoder.sample_size and steps not in known:
            if encoder.trains_on_pairs and not pairs:
                raise UsageError(
                    f"{method_name(encoder)} trains on pairs of images of the same thing: nearsight train FOLDER "
                    "--recipe ... --pairs FILE --out TRAINED, and then --trained TRAINED where it is used"
                )
            chosen = [described[at] for pair in pairs for at in pair] if encoder.trains_on_pairs else described
            sample = _sample_training_features(chosen, before, encoder.sample_size, place / f"sample-{number}")
            try:
                fitted = encoder.train(sample, lambda done, total: report("training", done, total))
            except ValueError as problem:
                raise UsageError(f"{encoder} cannot be trained on these images: {problem}") from None
        known[steps] = fitted
        yield fitted
        before.append((encoder, fitted))
        if encoder.input_kind != "both" and number + 1 < len(chain.encoders):
            described, before = [_encode_for_training(one, before) for one in described], []


def _sample_training_features(
    described: Sequence[Any], before: list[tuple[Encoder, Arrays]], count: int, path: Path
) -> Floats:
    """Sample up to `count` descriptors evenly from all images, or their vectors, into a memory-mapped file."""
    rng, pieces = np.random.default_rng(SEED), list[Floats]()
    each = _features_per_image(
        np.array([len(one) for one in described if isinstance(one, LocalFeatures)], np.int64), count
    )
    for one in described:
        some = one
        if isinstance(one, LocalFeatures):
            some = one.select(np.sort(rng.permutation(len(one))[:each]))
            some = replace(some, descriptors=np.asarray(some.descriptors, np.float32))
        some = _encode_for_training(some, before)
        pieces.append(some.descriptors if isinstance(some, LocalFeatures) else np.asarray(some, np.float32)[None])
    every = np.concatenate(pieces) if pieces else np.empty((0, 1), np.float32)
    if not every.size:
        return every
    rows = np.memmap(path, np.float32, "w+", 0, every.shape)
    rows[:] = every
    return rows


def _features_per_image(lengths: Any, count: int) -> int:  # noqa: ANN401 - (n,) whole numbers
    """Maximum number of features per image for about `count` in total."""
    low, high = 1, int(lengths.max(initial=1))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if int(np.minimum(lengths, middle).sum()) >= count else (middle + 1, high)
    return low
