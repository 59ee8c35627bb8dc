"""The copies of a whole collection: candidates, comparison, groups, and what of each group to keep."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from nearsight.applications.duplicates.candidates import ReportStep, find_candidates
from nearsight.applications.duplicates.comparison import IdPair, PairComparer, PairVerdict
from nearsight.applications.duplicates.contents import Contents
from nearsight.applications.duplicates.decisions import Decisions
from nearsight.applications.duplicates.grouping import Group, find_groups
from nearsight.applications.duplicates.keeping import KeepRule, Losses, replaces, sort_by_size
from nearsight.applications.duplicates.results import DuplicateGroup, DuplicateMember, Duplicates
from nearsight.applications.duplicates.screening import find_grey
from nearsight.errors import UsageError
from nearsight.pipeline import Pipeline
from nearsight.rerankers._copy_verdict import CopyVerdict
from nearsight.storage.details import Details
from nearsight.storage.records import ImageRecord
from nearsight.storage.snapshot import Snapshot, SnapshotReader

__all__ = ["DEFAULT_VERDICTS", "VERDICT_NAMES", "find_duplicates"]

VERDICT_NAMES: Mapping[str, tuple[CopyVerdict, ...]] = {
    "identical": (CopyVerdict.IDENTICAL_FILE, CopyVerdict.IDENTICAL_IMAGE),
    "copy": (CopyVerdict.COPY,),
    "edited": (CopyVerdict.EDITED,),
    "part": (CopyVerdict.PART, CopyVerdict.CONTAINS),
}
"""Names of verdicts by which images are grouped."""
DEFAULT_VERDICTS = ("identical", "copy")
"""Those that are proved to show the same."""
LIKELY_WEIGHT = 5.0
"""From which weight on the candidate of a member is compared with the head too."""
_OPPOSITE = {CopyVerdict.PART: CopyVerdict.CONTAINS, CopyVerdict.CONTAINS: CopyVerdict.PART}


def find_duplicates(
    reader: SnapshotReader,
    whole: Pipeline,
    part: Pipeline,
    *,
    verdicts: Collection[str] = DEFAULT_VERDICTS,
    keep: KeepRule,
    workers: int,
    watch: ReportStep,
    decided: bool = False,
) -> Duplicates:
    """The groups of images that are copies of each other, and about which something is left to decide.

    Parameters
    ----------
    whole, part : the pipelines of the senses `copy` and `part`
    verdicts : names of `VERDICT_NAMES`: what an image is to the first of its group
    keep : what is proposed to be kept
    workers : processes that compare images
    decided : also groups about which nothing is left to decide

    Raises
    ------
    UsageError : a verdict has no such name, or the pattern of `keep` fits no image
    """
    accepted = require_verdicts(verdicts)
    snapshot = reader.snapshot()
    with reader.lock:
        contents = Contents(reader.catalogue, grouped="identical" in verdicts)
        decisions, details = Decisions(reader.catalogue.decisions()), Details(reader.catalogue)
        pages = details.further_pages()
        losses = Losses(damaged=details.damaged_ids(), of_several=details.ids_in_larger_files())
        if keep.pattern is not None and not any(map(keep.fits, reader.catalogue.images())):
            raise UsageError(f"no image's path fits {keep.pattern}; paths are relative to {reader.root}")
    records = _Records(reader)
    candidates = find_candidates(snapshot, whole, part, contents.ids, contents.firsts, watch, reader.index_dir)
    done = 0
    with PairComparer(reader.index_dir, reader.index_dir, (contents, contents), workers) as comparer:

        def compare(pairs: Iterable[IdPair]) -> Iterator[tuple[IdPair, PairVerdict]]:
            nonlocal done
            for pair, found in comparer.compare(pairs):
                done += 1
                watch("comparing", done, len(candidates))
                yield pair, found.among(len(contents))

        order = [image.id for image in sort_by_size([records[image] for image in candidates.neighbours])]
        order.sort(key=lambda image: -sum(candidates.neighbours[image].values()))
        groups = find_groups(
            order,
            candidates.neighbours,
            compare,
            accepts=lambda found: found.verdict in accepted,
            likely=LIKELY_WEIGHT,
            apart=lambda image, other: decisions.apart(contents[image], contents[other]),
        )
        grouped = {group.head: group for group in groups}
        members = set[int]().union(*(group.members for group in groups))
        for head in contents.others:
            if head not in members and head not in pages:  # of equal files, the pages are equal too
                grouped.setdefault(head, Group(head))
        chosen = [
            _choose_kept(group, contents, records, keep, decisions, snapshot, losses) for group in grouped.values()
        ]
        n_found = len(chosen)
        chosen = [each for each in chosen if decided or not each.decided]
        watch("comparing with what to keep", 0, 0)
        to_kept = {
            pair: found.among(len(contents))
            for pair, found in comparer.compare([pair for each in chosen for pair in each.unknown])
        }
    made = [_present(each, records, to_kept) for each in chosen]
    failures = tuple(
        (_path(records[each.pair[0]]), _path(records[each.pair[1]]), each.reason) for each in comparer.failures
    )
    return Duplicates(
        tuple(sorted(made, key=lambda group: (-group.same_bytes, group.members[0].path))),
        len(contents),
        len(candidates),
        done,
        done - comparer.n_compared,
        failures,
        candidates.left_out,
        n_found - len(chosen),
    )


class _Records(dict[int, ImageRecord]):
    """The records of images by their ids, read when they are needed: a million would take a gigabyte."""

    def __init__(self, reader: SnapshotReader) -> None:
        self._reader = reader

    def __missing__(self, image_id: int) -> ImageRecord:
        with self._reader.lock:
            record = self[image_id] = self._reader.catalogue.image(image_id)
        return record


def require_verdicts(names: Collection[str]) -> frozenset[CopyVerdict]:
    """The verdicts of some names. UsageError where one is none, or there are none."""
    if not names or any(name not in VERDICT_NAMES for name in names):
        raise UsageError(f"verdicts are {', '.join(VERDICT_NAMES)}; got {', '.join(names) or 'none'}")
    return frozenset(verdict for name in names for verdict in VERDICT_NAMES[name])


_EXACT = frozenset((*VERDICT_NAMES["identical"], *VERDICT_NAMES["copy"]))


@dataclass(frozen=True)
class _Chosen:
    """A group with the image to keep: what each image is to the head, None for itself; and what they lack."""

    head: int
    found: Mapping[int, PairVerdict | None]
    kept: ImageRecord
    why: str
    losses: Losses
    contents: Mapping[int, bytes]
    settled: Mapping[int, str]
    decided: bool

    @property
    def unknown(self) -> list[IdPair]:
        """Pairs of the image to keep and of copies of the head that were not compared with it."""
        if self.contents[self.kept.id] == self.contents[self.head]:
            return []
        known = self.contents[self.head], self.contents[self.kept.id]
        return [
            (self.kept.id, image)
            for image, each in self.found.items()
            if each is not None and each.verdict in _EXACT and self.contents[image] not in known
        ]

    def to_kept(self, image: int, compared: Mapping[IdPair, PairVerdict]) -> bool:
        """Whether an image was proved to be identical to the one to keep, or a copy of it, by comparing these two."""
        content, kept = self.contents[image], self.contents[self.kept.id]
        if content == kept:
            return True
        if self.contents[self.head] in (content, kept):
            other = self.found[image if self.contents[self.head] == kept else self.kept.id]
            return other is not None and other.verdict in _EXACT
        found = compared.get((self.kept.id, image))
        return found is not None and found.verdict in _EXACT


def _choose_kept(
    group: Group,
    contents: Contents,
    records: Mapping[int, ImageRecord],
    rule: KeepRule,
    decisions: Decisions,
    snapshot: Snapshot,
    losses: Losses,
) -> _Chosen:
    """A group with the image to keep: what a person chose; else its head, one identical to it, or a copy of it."""
    identical = PairVerdict(CopyVerdict.IDENTICAL_FILE, "the same file, byte for byte", -300.0)
    found = {group.head: None} | dict.fromkeys(contents.others.get(group.head, ()), identical)
    for image, comparison in group.members.items():
        found |= dict.fromkeys((image, *contents.others.get(image, ())), comparison)
    proved = [records[image] for image, each in found.items() if each is None or each.verdict in _EXACT]
    if group.members:
        losses = replace(losses, grey=find_grey(snapshot, found))
    everyone = [records[image] for image in found]
    by_hand = decisions.kept(everyone)
    kept, why = rule.choose(by_hand or proved, losses)
    return _Chosen(
        group.head,
        found,
        kept,
        "you chose to keep it" if by_hand else why,
        losses,
        {image: records[image].sha256 for image in found},
        decisions.settled(everyone),
        decisions.is_settled(everyone),
    )


def _present(
    chosen: _Chosen, records: Mapping[int, ImageRecord], to_kept: Mapping[IdPair, PairVerdict]
) -> DuplicateGroup:
    """A group as it is shown: the head first, then its members in the order in which they would be kept."""
    kept, losses = chosen.kept, chosen.losses
    others = sort_by_size([records[each] for each in chosen.found if each != chosen.head])
    members = []
    for image in (records[chosen.head], *others):
        same = image is not kept and chosen.to_kept(image.id, to_kept) and replaces(kept, image, losses, losses)
        member = _member(image, chosen.found[image.id], keep=image is kept, same_as_kept=same)
        members.append(replace(member, decision=chosen.settled.get(image.id, "")))
    return DuplicateGroup(tuple(members), _path(kept), chosen.why, chosen.decided)


def _member(image: ImageRecord, found: PairVerdict | None, *, keep: bool, same_as_kept: bool) -> DuplicateMember:
    made = DuplicateMember(
        _path(image),
        image.width,
        image.height,
        image.size,
        image.format,
        image.taken,
        keep=keep,
        same_as_kept=same_as_kept,
        id=image.id,
        sha256=image.sha256.hex(),
    )
    if found is None:
        return made
    verdict = _OPPOSITE.get(found.verdict, found.verdict)
    why = found.sentence.replace("of the query", "of the first").replace("the query", "the first")
    transform = None if found.homography is None else tuple(map(tuple, found.homography.tolist()))
    made = replace(made, verdict=str(verdict), why=why.replace("this image", "it"))
    return replace(made, changes=found.changes, transform=transform)


def _path(image: ImageRecord) -> str:
    return os.fsdecode(image.path)
