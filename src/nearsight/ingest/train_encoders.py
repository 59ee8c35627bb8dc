"""Learning what encoders need, vocabularies above all, from some images of a collection or of folders."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from nearsight.encoded import DescriptorChain, describe_base
from nearsight.errors import UsageError
from nearsight.files import FileSystem
from nearsight.images.decode import Limits, decode_image
from nearsight.pipeline import Pipeline
from nearsight.registry import method_name
from nearsight.storage import index_store
from nearsight.storage.trained_state import TrainedState
from nearsight.types import Arrays, Descriptor, Encoder, Floats, LocalDescriptor, LocalFeatures
from nearsight.workers.pool import Failure, WorkerLimits, WorkerPool

FEWEST, MOST = 400, 4000
"""Images that something is learnt from, where there are so many."""
SEED = 20060622

Report = Callable[[str, int, int], None]
"""`(what is done, done, total)`."""


Pair = tuple[bytes, bytes]
"""The paths of two images of the same thing."""
Start = tuple[Encoder, ...]
"""The encoders with which a chain begins, as far as they have nothing to learn."""


@dataclass(frozen=True)
class _Look:
    """The work of a worker: what the first of chains and each of the starts behind it make of one file."""

    first: Descriptor | LocalDescriptor
    starts: tuple[Start, ...]
    limits: Limits
    files: FileSystem

    def start(self) -> None:
        """Load what the first needs."""
        self.first.load()

    def prepare(self, path: bytes) -> list[Any]:
        """Read, decode and describe one file: features or a row for each start."""
        data, _ = self.files.read(path, self.limits.file)
        described = describe_base(self.first, [decode_image(data, self.limits).render(self.first.side)])
        return [_through(described[0], [(encoder, {}) for encoder in start]) for start in self.starts]

    def finish(self, items: list[Any]) -> list[Any]:
        """Nothing is faster for many at once."""
        return items


@dataclass(frozen=True)
class Learner:
    """Learns what plans lack."""

    files: FileSystem
    report: Report
    workers: int
    limits: Limits
    worker_limits: WorkerLimits

    def run(
        self, plans: Iterable[Pipeline], some: Callable[[int], list[bytes]], pairs: Sequence[Pair] = ()
    ) -> TrainedState:
        """What the encoders of plans learn; `subsample` gives the paths of so many images.

        `pairs` are of images of the same thing; what learns from pairs learns from these alone, and all else from
        their images too. Plans of the same first step share what it makes of the images.
        """
        made: TrainedState = {}
        lacking: dict[Any, dict[str, DescriptorChain]] = {}
        for plan in plans:
            assert isinstance(plan.descriptor, DescriptorChain)
            lacking.setdefault(plan.descriptor.base, {})[index_store.trained_state_key(plan)] = plan.descriptor
        for first, chains in lacking.items():
            with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
                count = max(_images(chain) for chain in chains.values())
                starts = tuple(dict.fromkeys(map(_start, chains.values())))
                paths = sorted({*some(count), *(path for pair in pairs for path in pair)})
                seen, described = self._described(first, starts, paths, Path(place))
                at = {path: number for number, path in enumerate(seen)}
                both = [(at[one], at[other]) for one, other in pairs if one in at and other in at]
                if pairs and not both:
                    one, other = (os.fsdecode(path) for path in pairs[0])
                    raise UsageError(f"of no pair can both images be read; the first is {one} and {other}")
                known = dict[tuple[Encoder, ...], Arrays]()
                for key, chain in chains.items():
                    steps = enumerate(fit(chain, described[_start(chain)], Path(place), self.report, known, both))
                    made[key] = {f"{at}/{name}": array for at, one in steps for name, array in one.items()}
        return made

    def _described(
        self, first: Descriptor | LocalDescriptor, starts: tuple[Start, ...], paths: list[bytes], place: Path
    ) -> tuple[list[bytes], dict[Start, list[Any]]]:
        """The images that could be read, and what each start makes of them; descriptors of features lie in files."""
        job, found = _Look(first, starts, self.limits, self.files), dict[bytes, list[Any]]()
        shelves = [_Shelf(place / f"descriptors-{number}") for number in range(len(starts))]
        first.load()
        with WorkerPool(job, max(1, min(self.workers, len(paths))), self.worker_limits) as pool:
            for path, outcome in pool.run(paths):
                if not isinstance(outcome, Failure):
                    found[path] = [shelf.put(one) for shelf, one in zip(shelves, outcome, strict=True)]
                self.report("looking at a sample", len(found), len(paths))
        seen = [path for path in paths if path in found]
        return seen, {start: shelves[at].taken([found[path][at] for path in seen]) for at, start in enumerate(starts)}


class _Shelf:
    """What was described: descriptors of features in a file, written as they come, and all else in memory."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.width = path, 0, 0

    def put(self, one: Any) -> Any:  # noqa: ANN401 - a row, or features
        """A row as it is; of features, where their descriptors lie instead of these."""
        if not isinstance(one, LocalFeatures):
            return one
        with self.path.open("ab") as file:
            np.asarray(one.descriptors, np.float32).tofile(file)
        start, self.width = self.count, one.descriptors.shape[1]
        self.count += len(one)
        return replace(one, descriptors=np.array([start, self.count]))

    def taken(self, kept: list[Any]) -> list[Any]:
        """What was put there, again; the descriptors in one mapped file."""
        rows = np.empty((0, self.width), np.float32)
        if self.count:
            rows = np.memmap(self.path, np.float32, "r", 0, (self.count, self.width))
        return [
            replace(one, descriptors=rows[slice(*one.descriptors)]) if isinstance(one, LocalFeatures) else one
            for one in kept
        ]


def _start(chain: DescriptorChain) -> Start:
    return tuple(takewhile(lambda encoder: not encoder.sample_size, chain.encoders))


def _through(one: Any, steps: Iterable[tuple[Encoder, Arrays]]) -> Any:  # noqa: ANN401 - features or a row
    """What encoders make of one image's features, or of its row."""
    for encoder, fitted in steps:
        one = encoder.encode([one] if isinstance(one, LocalFeatures) else one[None], fitted)[0]
    return one


def _images(chain: Descriptor) -> int:
    """How many images a chain is to learn from."""
    assert isinstance(chain, DescriptorChain)
    wanted, features = FEWEST, isinstance(chain.base, LocalDescriptor)
    for encoder in chain.encoders:
        if encoder.trains_on_pairs:
            continue
        each = chain.base.n // 2 if features and isinstance(chain.base, LocalDescriptor) else 1
        wanted = max(wanted, -(-encoder.sample_size // max(1, each)))
        features = features and encoder.input_kind == "both"
    return min(wanted, MOST)


def fit(
    chain: DescriptorChain,
    described: Sequence[Any],
    place: Path,
    report: Report,
    known: dict[tuple[Encoder, ...], Arrays],
    pairs: Sequence[tuple[int, int]] = (),
) -> Iterator[Arrays]:
    """What each encoder learns, one after the other, of what the start of the chain has made of some images.

    `known` is what chains that begin alike have learnt of the same images; what this one learns is added. `pairs`
    are places in `described` of images of the same thing.

    Raises
    ------
    UsageError
        where there is nothing to learn from
    """
    start, before = _start(chain), list[tuple[Encoder, Arrays]]()
    yield from ({} for _ in start)
    for number, encoder in enumerate(chain.encoders[len(start) :], len(start)):
        steps = chain.encoders[: number + 1]
        fitted: Arrays = known.get(steps, {})
        if encoder.sample_size and steps not in known:
            if encoder.trains_on_pairs and not pairs:
                raise UsageError(
                    f"{method_name(encoder)} is trained on pairs of matching images: nearsight train FOLDER "
                    "--recipe ... --pairs FILE --out TRAINED, then nearsight index --trained TRAINED"
                )
            chosen = [described[at] for pair in pairs for at in pair] if encoder.trains_on_pairs else described
            sample = _sample(chosen, before, encoder.sample_size, place / f"sample-{number}")
            try:
                fitted = encoder.train(sample, lambda done, total: report("learning", done, total))
            except ValueError as problem:
                raise UsageError(f"{encoder} cannot be trained on these images: {problem}") from None
        known[steps] = fitted
        yield fitted
        before.append((encoder, fitted))
        if encoder.input_kind != "both" and number + 1 < len(chain.encoders):
            described, before = [_through(one, before) for one in described], []


def _sample(described: Sequence[Any], before: list[tuple[Encoder, Arrays]], count: int, path: Path) -> Floats:
    """At most `count` descriptors, evenly from all images, or rows, in a mapped file."""
    rng, pieces = np.random.default_rng(SEED), list[Floats]()
    each = _each(np.array([len(one) for one in described if isinstance(one, LocalFeatures)], np.int64), count)
    for one in described:
        some = one
        if isinstance(one, LocalFeatures):
            some = one.select(np.sort(rng.permutation(len(one))[:each]))
            some = replace(some, descriptors=np.asarray(some.descriptors, np.float32))
        some = _through(some, before)
        pieces.append(some.descriptors if isinstance(some, LocalFeatures) else np.asarray(some, np.float32)[None])
    every = np.concatenate(pieces) if pieces else np.empty((0, 1), np.float32)
    if not every.size:
        return every
    rows = np.memmap(path, np.float32, "w+", 0, every.shape)
    rows[:] = every
    return rows


def _each(lengths: Any, count: int) -> int:  # noqa: ANN401 - (n,) whole numbers
    """The most features of one image, so that all images together give about `count`."""
    low, high = 1, int(lengths.max(initial=1))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if int(np.minimum(lengths, middle).sum()) >= count else (middle + 1, high)
    return low
