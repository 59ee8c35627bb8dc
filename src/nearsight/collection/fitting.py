"""Learning what encoders need, vocabularies above all, from some pictures of a collection or of folders."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nearsight.collection import caches
from nearsight.collection.plan import Plan
from nearsight.encode.chain import Encoded, started
from nearsight.errors import UsageError
from nearsight.files import Files
from nearsight.images.decode import Limits, decode
from nearsight.images.workers import Failure, Pool, WorkerLimits
from nearsight.types import Arrays, Descriptor, Floats, LocalDescriptor, LocalFeatures

FEWEST, MOST = 400, 4000
"""Pictures that something is learnt from, where there are so many."""
SEED = 20060622

Report = Callable[[str, int, int], None]
"""`(what is done, done, total)`."""
Learnt = dict[str, Arrays]
"""By the plan's key, the arrays of all its encoders; each name begins with the number of its encoder and a slash."""


@dataclass(frozen=True)
class _Look:
    """The work of a worker: what the first of a chain makes of one file; None of what cannot be read."""

    first: Descriptor | LocalDescriptor
    limits: Limits
    files: Files

    def start(self) -> None:
        """Load what the first needs."""
        self.first.load()

    def prepare(self, path: bytes) -> Any:  # noqa: ANN401 - features or a row
        """Read, decode and describe one file."""
        data, _ = self.files.read(path, self.limits.file)
        return started(self.first, [decode(data, self.limits).at(self.first.side)])[0]

    def finish(self, items: list[Any]) -> list[Any]:
        """Nothing is faster for many at once."""
        return items


@dataclass(frozen=True)
class Learner:
    """Learns what plans lack."""

    files: Files
    report: Report
    workers: int
    limits: Limits
    worker_limits: WorkerLimits

    def run(self, plans: Iterable[Plan], some: Callable[[int], list[bytes]]) -> Learnt:
        """What the encoders of plans learn; `some` gives the paths of so many pictures.

        Plans of the same first step share what it makes of the pictures.
        """
        made: Learnt = {}
        lacking: dict[Any, dict[str, Encoded]] = {}
        for plan in plans:
            assert isinstance(plan.descriptor, Encoded)
            lacking.setdefault(plan.descriptor.first, {})[caches.learnt_key(plan)] = plan.descriptor
        for first, chains in lacking.items():
            with tempfile.TemporaryDirectory(prefix="nearsight-") as place:
                count = max(_pictures(chain) for chain in chains.values())
                described = self._described(first, some(count), Path(place))
                for key, chain in chains.items():
                    steps = enumerate(fit(chain, described, Path(place), self.report))
                    made[key] = {f"{at}/{name}": array for at, one in steps for name, array in one.items()}
        return made

    def _described(self, first: Descriptor | LocalDescriptor, paths: list[bytes], place: Path) -> Sequence[Any]:
        """What the first step makes of pictures, in their order; descriptors lie in a file."""
        job, found = _Look(first, self.limits, self.files), dict[bytes, Any]()
        first.load()
        with Pool(job, max(1, min(self.workers, len(paths))), self.worker_limits) as pool:
            for path, outcome in pool.run(paths):
                if not isinstance(outcome, Failure):
                    found[path] = outcome
                self.report("looking at a sample", len(found), len(paths))
        ordered = [found[path] for path in paths if path in found]
        return _filed(ordered, place / "descriptors") if isinstance(first, LocalDescriptor) else ordered


def _pictures(chain: Descriptor) -> int:
    """How many pictures a chain is to learn from."""
    assert isinstance(chain, Encoded)
    wanted, features = FEWEST, isinstance(chain.first, LocalDescriptor)
    for encoder in chain.encoders:
        each = chain.first.n // 2 if features and isinstance(chain.first, LocalDescriptor) else 1
        wanted = max(wanted, -(-encoder.sample // max(1, each)))
        features = features and encoder.takes == "both"
    return min(wanted, MOST)


def _filed(described: list[LocalFeatures], path: Path) -> list[LocalFeatures]:
    """The same features, with their descriptors in a mapped file."""
    total = sum(map(len, described))
    if not total:
        return described
    rows = np.memmap(path, np.float32, "w+", 0, (total, described[0].descriptors.shape[1]))
    made, start = [], 0
    for each in described:
        rows[start : start + len(each)] = each.descriptors
        made.append(replace(each, descriptors=rows[start : start + len(each)]))
        start += len(each)
    return made


def fit(chain: Encoded, described: Sequence[Any], place: Path, report: Report) -> Iterator[Arrays]:
    """What each encoder learns, one after the other, of what the first step has made of some pictures.

    Raises
    ------
    UsageError
        where there is nothing to learn from
    """
    before = list[tuple[Any, Arrays]]()
    features = isinstance(chain.first, LocalDescriptor)
    for number, encoder in enumerate(chain.encoders):
        sample = _sample(described, before, encoder.sample, features, place / f"sample-{number}")
        try:
            fitted = encoder.fit(sample, lambda done, total: report("learning", done, total))
        except ValueError as problem:
            raise UsageError(f"{encoder} cannot learn from these pictures: {problem}") from None
        yield fitted
        before.append((encoder, fitted))
        features = features and encoder.takes == "both"


def _sample(
    described: Sequence[Any], before: list[tuple[Any, Arrays]], count: int, features: bool, path: Path
) -> Floats:
    """At most `count` descriptors, evenly from all pictures, or rows, in a mapped file."""
    rng, pieces, each = np.random.default_rng(SEED), list[Floats](), -(-count // max(1, len(described)))
    lengths = np.array([len(one) if isinstance(one, LocalFeatures) else 1 for one in described])
    if features and len(lengths):
        each = _each(lengths, count)
    for one in described:
        some = one
        if features:
            at = np.sort(rng.permutation(len(one))[:each])
            some = replace(one, **{name: getattr(one, name)[at] for name in ("points", "scales", "angles")})
            some = replace(some, descriptors=np.asarray(one.descriptors[at], np.float32))
        for encoder, fitted in before:
            some = encoder.encode([some] if isinstance(some, LocalFeatures) else some[None], fitted)[0]
        pieces.append(some.descriptors if features else np.asarray(some, np.float32)[None])
    every = np.concatenate(pieces) if pieces else np.empty((0, 1), np.float32)
    if not every.size:
        return every
    rows = np.memmap(path, np.float32, "w+", 0, every.shape)
    rows[:] = every
    return rows


def _each(lengths: Any, count: int) -> int:  # noqa: ANN401 - (n,) whole numbers
    """The most features of one picture, so that all pictures together give about `count`."""
    low, high = 1, int(lengths.max(initial=1))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if int(np.minimum(lengths, middle).sum()) >= count else (middle + 1, high)
    return low
