"""What of one collection is in another: for each image the one that it is a copy of, or none."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nearsight.applications.duplicates.candidates import WHOLE_WEIGHT, ReportStep
from nearsight.applications.duplicates.comparison import IdPair, PairComparer, PairVerdict
from nearsight.applications.duplicates.find import require_verdicts
from nearsight.applications.duplicates.keeping import Losses, replaces
from nearsight.applications.duplicates.part_candidates import part_candidates
from nearsight.applications.duplicates.screening import MIN_CORRELATION, correlate_pairs, find_grey
from nearsight.applications.duplicates.whole_candidates import whole_candidates
from nearsight.images.pages import split_page_path
from nearsight.pipeline import Pipeline
from nearsight.rerankers._copy_verdict import CopyVerdict
from nearsight.storage.details import Details
from nearsight.storage.records import ImageRecord
from nearsight.storage.snapshot import SnapshotReader

__all__ = ["Across", "FoundAcross", "find_across"]

MAX_COMPARED = 8
"""Images of the other collection that one is compared with at most, the likeliest first."""


@dataclass(frozen=True)
class FoundAcross:
    """An image, and what it is to one of the other collection, and why.

    `complete` says that it is identical to that one, or a copy of it, and has no more pixels and no colour that it
    lacks: a smaller, grey, damaged, cropped or edited copy does not replace an image. A page or frame of a file of
    several is complete only where the whole file is there.
    """

    path: str
    other: str
    verdict: str
    why: str
    complete: bool


@dataclass(frozen=True)
class Across:
    """What of one collection is in the other, and the files that are not there in full: see `FoundAcross.complete`.

    `failures` could not be compared; what was not found for that reason is among `missing`. `n_images` were looked for;
    `not_looked_at` says what of the folder was left out by rule or could not be read: it is not among `missing`.
    """

    found: tuple[FoundAcross, ...]
    missing: tuple[str, ...]
    n_compared: int
    failures: tuple[tuple[str, str, str], ...] = ()
    n_images: int = 0
    not_looked_at: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON: a group for each image that was found."""
        groups = [
            {"members": [{"path": each.path}, {"path": each.other, "verdict": each.verdict, "why": each.why}]}
            | {"complete": each.complete}
            for each in self.found
        ]
        failures = [dict(zip(("image", "other", "reason"), each, strict=True)) for each in self.failures]
        counts = {"n_images": self.n_images, "n_compared": self.n_compared}
        left = {"missing": list(self.missing), "not_looked_at": list(self.not_looked_at)}
        return {"groups": groups, **left, **counts, "failures": failures}


def find_across(
    queries: SnapshotReader,
    database: SnapshotReader,
    whole: Pipeline,
    part: Pipeline,
    *,
    verdicts: Collection[str],
    workers: int,
    watch: ReportStep,
) -> Across:
    """What of a collection is in another one.

    Parameters
    ----------
    queries, database : the collection whose images are looked for, and the one in which they are
    whole, part : the pipelines of the senses `copy` and `part`, by which both are indexed
    verdicts : names of `VERDICT_NAMES`: what an image must be to another one to count as found
    workers : processes that compare images
    """
    accepted = require_verdicts(verdicts)
    with queries.lock:
        of_several = Details(queries.catalogue).ids_in_larger_files()
    records, others = _records(queries), _records(database)
    by_content = {image.sha256: image.id for image in reversed(others.values())}
    found: dict[int, tuple[int, PairVerdict]] = {}
    if CopyVerdict.IDENTICAL_FILE in accepted:
        same = PairVerdict(CopyVerdict.IDENTICAL_FILE, "the same file, byte for byte", -300.0)
        found = {image.id: (by_content[image.sha256], same) for image in records.values() if image.sha256 in by_content}
    complete = set(found)
    waiting = {
        image: likely
        for image, likely in _candidates(queries, database, whole, part, watch).items()
        if image not in found
    }
    total, done = sum(map(len, waiting.values())), 0
    contents = _contents(records), _contents(others)
    with PairComparer(queries.index_dir, database.index_dir, contents, workers) as comparer:
        for pairs in _rounds(waiting, complete):
            for (image, other), comparison in comparer.compare(pairs):
                done += 1
                watch("comparing", done, total)
                made = comparison.among(len(others))
                if made.verdict not in accepted:
                    continue
                is_complete = _is_complete(queries, records[image], database, others[other], made, of_several)
                if is_complete or image not in found:
                    found[image] = other, made
                if is_complete:
                    complete.add(image)
    there = [
        FoundAcross(
            _path(records[image]),
            _path(others[other]),
            str(each.verdict),
            each.sentence,
            image in complete,
        )
        for image, (other, each) in found.items()
    ]
    return Across(
        tuple(sorted(there, key=lambda each: each.path)),
        tuple(sorted({_file(record, of_several) for image, record in records.items() if image not in complete})),
        done,
        tuple((_path(records[each.pair[0]]), _path(others[each.pair[1]]), each.reason) for each in comparer.failures),
        len(records),
    )


def _is_complete(
    queries: SnapshotReader,
    image: ImageRecord,
    database: SnapshotReader,
    other: ImageRecord,
    found: PairVerdict,
    of_several: Collection[int],
) -> bool:
    if found.verdict is CopyVerdict.IDENTICAL_FILE:
        return True
    if found.verdict not in (CopyVerdict.IDENTICAL_IMAGE, CopyVerdict.COPY):
        return False
    return replaces(other, image, _losses(database, other.id), _losses(queries, image.id, of_several))


def _losses(reader: SnapshotReader, image_id: int, of_several: Collection[int] = ()) -> Losses:
    with reader.lock:
        detail = Details(reader.catalogue).of(image_id)
    return Losses(
        find_grey(reader.snapshot(), [image_id]),
        [image_id] * (detail.read_share < 1),
        of_several,
    )


def _file(image: ImageRecord, of_several: Collection[int]) -> str:
    """The path of the file that an image is, or of which it is a page."""
    return os.fsdecode(split_page_path(image.path)[0]) if image.id in of_several else _path(image)


def _records(reader: SnapshotReader) -> dict[int, ImageRecord]:
    with reader.lock:
        return {image.id: image for image in reader.catalogue.images()}


def _contents(records: Mapping[int, ImageRecord]) -> dict[int, bytes]:
    return {image: record.sha256 for image, record in records.items()}


def _candidates(
    queries: SnapshotReader, database: SnapshotReader, whole: Pipeline, part: Pipeline, watch: ReportStep
) -> dict[int, list[int]]:
    """For each image those of the other collection that it may be a copy of, the likeliest first."""
    first, second = queries.snapshot(), database.snapshot()
    pairs = whole_candidates(first, second, whole, lambda done, total: watch("looking for copies", done, total))
    watch("looking for parts", 0, 0)
    correlations = correlate_pairs(first, second, pairs)
    shared = part_candidates(first, second, second.trained_pipeline(part))
    weights: dict[IdPair, float] = {}
    scaled = WHOLE_WEIGHT * (correlations - MIN_CORRELATION) / (1 - MIN_CORRELATION)
    for some, strengths in ((pairs[scaled >= 0], scaled[scaled >= 0]), (shared.pairs, shared.n_words)):
        for (image, other), strength in zip(some.tolist(), np.asarray(strengths).tolist(), strict=True):
            weights[image, other] = weights.get((image, other), 0.0) + strength
    likely: dict[int, list[int]] = {}
    for image, other in sorted(weights, key=lambda pair: (-weights[pair], pair)):
        likely.setdefault(image, []).append(other)
    return {image: some[:MAX_COMPARED] for image, some in likely.items()}


def _rounds(waiting: Mapping[int, list[int]], complete: set[int]) -> Iterator[list[IdPair]]:
    """The likeliest pair of each image; then the next of those that are not there in full yet."""
    for turn in range(MAX_COMPARED):
        yield [(image, some[turn]) for image, some in waiting.items() if turn < len(some) and image not in complete]


def _path(image: ImageRecord) -> str:
    return os.fsdecode(image.path)
