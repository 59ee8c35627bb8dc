"""Bursts: photographs of one view that were taken within seconds of each other. They are no copies, nor said to be.

A group is no chain: every photograph of it was taken within some seconds of the one before, and looks like the first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np

from nearsight.applications.duplicates.decisions import Decisions
from nearsight.applications.duplicates.keeping import KeepRule, Losses
from nearsight.applications.duplicates.results import DuplicateGroup, DuplicateMember, Duplicates
from nearsight.applications.duplicates.screening import correlate_upright
from nearsight.storage.details import Details
from nearsight.storage.records import ImageRecord
from nearsight.storage.snapshot import SnapshotReader
from nearsight.wording import plural

__all__ = ["BURST", "MIN_VIEW_CORRELATION", "find_bursts"]

BURST = "burst"
"""What a photograph of a burst is to its first one."""
MIN_VIEW_CORRELATION = 0.7
"""Correlation of two photographs in a few pixels from which on they show one view."""
MAX_FACTOR = 20
"""A burst lasts so many times the seconds between two of its photographs at most."""


def find_bursts(reader: SnapshotReader, *, seconds: float, keep: KeepRule, decided: bool = False) -> Duplicates:
    """The bursts of a collection, by the dates in the files and at a glance at the thumbnails.

    Parameters
    ----------
    seconds : between two photographs of a burst at most
    keep : what is proposed to be kept; that it is sharper or better is not known
    decided : also groups about which nothing is left to decide
    """
    snapshot = reader.snapshot()
    with reader.lock:
        n_images = reader.catalogue.count_images()
        details = Details(reader.catalogue)
        frames, losses = details.further_pages(), Losses(damaged=details.damaged_ids())
        photographs = (image for image in reader.catalogue.images() if image.id not in frames)
        taken = [(time, image) for image in photographs if (time := _time(image)) is not None]
        decisions = Decisions(reader.catalogue.decisions())
    taken.sort(key=lambda each: (each[1].camera or "", each[0], each[1].path))
    groups, n_compared = list[DuplicateGroup](), 0
    for run in _runs(taken, seconds):
        left = run
        while len(left) > 1:
            first, *others = left
            pairs = np.array([(first.id, other.id) for other in others], np.int64)
            correlations = correlate_upright(snapshot, pairs)
            n_compared += len(pairs)
            alike = correlations >= MIN_VIEW_CORRELATION
            members = [other for other, same in zip(others, alike.tolist(), strict=True) if same]
            if members:
                groups.append(_group(first, members, correlations[alike].tolist(), keep, decisions, losses))
            left = [other for other, same in zip(others, alike.tolist(), strict=True) if not same]
    shown = tuple(each for each in groups if decided or not each.decided)
    undated = n_images - len(taken)
    left_out = f"{plural(undated, 'image')} of which no time is known" if undated else ""
    return Duplicates(shown, n_images, n_compared, n_compared, 0, (), left_out, len(groups) - len(shown))


def _time(image: ImageRecord) -> float | None:
    """When it was taken, in seconds; None where nothing says it to the second."""
    if image.taken is None or "T" not in image.taken:
        return None
    try:
        return datetime.fromisoformat(image.taken).timestamp()
    except ValueError:
        return None


def _runs(taken: Sequence[tuple[float, ImageRecord]], seconds: float) -> Iterator[list[ImageRecord]]:
    """Photographs of one camera, each taken so soon after the one before, and not too long after the first."""
    run, began, before = list[ImageRecord](), 0.0, 0.0
    for time, image in taken:
        goes_on = run and image.camera == run[0].camera
        if not goes_on or time - before > seconds or time - began > MAX_FACTOR * seconds:
            if len(run) > 1:
                yield run
            run, began = [], time
        run.append(image)
        before = time
    if len(run) > 1:
        yield run


def _group(
    first: ImageRecord,
    others: Sequence[ImageRecord],
    correlations: Sequence[float],
    keep: KeepRule,
    decisions: Decisions,
    losses: Losses,
) -> DuplicateGroup:
    everyone = [first, *others]
    by_hand = decisions.kept(everyone)
    kept, why = keep.choose(by_hand or everyone, losses)
    settled, began = decisions.settled(everyone), _time(first) or 0.0
    said = [("", "")]
    for other, correlation in zip(others, correlations, strict=True):
        after = (_time(other) or began) - began
        said.append((BURST, f"taken {after:.0f} s after the first, views correlate {correlation:.2f}"))
    members = tuple(
        DuplicateMember(
            os.fsdecode(image.path),
            image.width,
            image.height,
            image.size,
            image.format,
            image.taken,
            verdict,
            reason,
            keep=image is kept,
            decision=settled.get(image.id, ""),
            id=image.id,
            sha256=image.sha256.hex(),
        )
        for image, (verdict, reason) in zip(everyone, said, strict=True)
    )
    why = "you chose to keep it" if by_hand else why
    return DuplicateGroup(members, os.fsdecode(kept.path), why, decisions.is_settled(everyone))
