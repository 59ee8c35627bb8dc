"""Decisions about copies: what a person said of them is kept in the catalogue, and acted on when asked."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from nearsight.applications.duplicates.acting import ActedFile, Way, act, plan, restore
from nearsight.applications.duplicates.decisions import Decisions, require_possible
from nearsight.applications.duplicates.results import Duplicates
from nearsight.errors import UsageError
from nearsight.files import LocalFileSystem
from nearsight.storage.catalogue import Catalogue, load_root, locate
from nearsight.storage.catalogue_writer import CatalogueWriter
from nearsight.storage.collection_metadata import open_catalogue
from nearsight.storage.details import Details
from nearsight.storage.lock import writer_lock
from nearsight.storage.records import DecisionKind, DecisionRecord, ImageRecord

__all__ = [
    "Acted",
    "Decision",
    "accept_proposals",
    "act_on_decisions",
    "decide",
    "decide_all",
    "decisions",
    "export_decisions",
    "import_decisions",
    "restore_duplicates",
    "undo_decisions",
]

T = TypeVar("T")
JOURNALS_FOLDER = "journals"
"""Folder of the index with a journal for each time that decisions were acted on."""
_COLUMNS = ("decision", "path", "sha256", "other_path", "other_sha256", "made")


@dataclass(frozen=True)
class Decision:
    """What a person said of two images: of a "duplicate", the first is to go, and the other one is kept.

    `sha256` and `other_sha256` are what they are known by; the paths are where they were, or are since they moved.
    """

    decision: str
    path: str
    sha256: str
    other_path: str
    other_sha256: str
    made: str

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return dict(vars(self))


@dataclass(frozen=True)
class Acted:
    """What was done with the files that were decided to be duplicates, or would be: those with a `problem` stay.

    `journal` is the file by which `restore_duplicates` brings them back; empty where nothing was done.
    """

    files: tuple[ActedFile, ...]
    journal: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return {"files": [each.as_dict() for each in self.files], "journal": self.journal}


def decide(folder: str | Path, decision: str, image: str, other: str, *, collection: str | Path | None = None) -> None:
    """Keep a decision about two images of a collection. It holds for their contents, wherever they are moved.

    Parameters
    ----------
    decision : "duplicate" (the first is to go, the other one is kept), "keep both", or "not a duplicate"
    image, other : paths as results have them

    Raises
    ------
    UsageError : there is no such decision or image, or "not a duplicate" is said of two equal files
    LockedError, StorageError : as `index`
    """
    decide_all(folder, [(decision, image, other)], collection=collection)


def decide_all(
    folder: str | Path, decided: Iterable[tuple[str, str, str]], *, collection: str | Path | None = None
) -> None:
    """Keep several decisions, each with the paths of both images, as `decide` does: all, or none where one is wrong."""
    triples, made = list(decided), datetime.now(UTC).isoformat(timespec="seconds")
    if not triples:
        return
    with _writing(folder, collection) as catalogue:
        new = [_make(catalogue, kind, image, other, made) for kind, image, other in triples]
        with catalogue.transaction():
            catalogue.put_decisions(new)


def accept_proposals(folder: str | Path, found: Duplicates, *, collection: str | Path | None = None) -> int:
    """Decide that what was proved to be the same as the image to keep, and no larger, is a duplicate of it.

    What was decided already stays. Returns the number of new decisions; one `undo_decisions` takes them all back.

    Raises
    ------
    UsageError : an image is not in the collection any more
    LockedError, StorageError : as `index`
    """
    new = [
        (DecisionKind.DUPLICATE.value, each.path, group.keep)
        for group in found.groups
        for each in group.members
        if each.same_as_kept and not each.decision
    ]
    decide_all(folder, new, collection=collection)
    return len(new)


def decisions(folder: str | Path, *, collection: str | Path | None = None) -> list[Decision]:
    """All decisions that hold, the oldest first."""
    with _reading(folder, collection) as catalogue:
        return [_present(each) for each in Decisions(catalogue.decisions())]


def undo_decisions(folder: str | Path, *, collection: str | Path | None = None) -> list[Decision]:
    """Take back the last decision, or all that were made by one call; what they replaced holds again.

    Raises
    ------
    UsageError : there is no decision
    LockedError, StorageError : as `index`
    """
    with _writing(folder, collection) as catalogue:
        every = catalogue.decisions()
        if not every:
            raise UsageError("nothing was decided yet")
        with catalogue.transaction():
            catalogue.drop_last_decisions()
        return [_present(each) for each in every if each.batch == every[-1].batch]


def export_decisions(folder: str | Path, file: str | Path, *, collection: str | Path | None = None) -> int:
    """Write all decisions that hold as CSV; return their number."""
    found = decisions(folder, collection=collection)
    with Path(file).open("w", newline="", encoding="utf8", errors="surrogateescape") as opened:
        csv.writer(opened).writerows([_COLUMNS, *([getattr(each, name) for name in _COLUMNS] for each in found)])
    return len(found)


def import_decisions(folder: str | Path, file: str | Path, *, collection: str | Path | None = None) -> int:
    """Add the decisions of a CSV as `export_decisions` writes it; return how many are new.

    They hold for the contents, so the images need not be in the collection yet.

    Raises
    ------
    UsageError : a line is none; nothing is added then
    LockedError, StorageError : as `index`
    """
    try:
        with Path(file).open(newline="", encoding="utf8", errors="surrogateescape") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, csv.Error) as problem:
        raise UsageError(f"{file} cannot be read as CSV: {problem}") from None
    read = [_parse_row(row, f"{file}, line {number}") for number, row in enumerate(rows, 2)]
    with _writing(folder, collection) as catalogue:
        known = {(each.key, each.kind, each.content) for each in Decisions(catalogue.decisions())}
        new = [each for each in read if (each.key, each.kind, each.content) not in known]
        with catalogue.transaction():
            catalogue.put_decisions(new)
    return len(new)


def act_on_decisions(
    folder: str | Path, to: str = "trash", *, dry_run: bool = True, collection: str | Path | None = None
) -> Acted:
    """Let the files go that were decided to be duplicates. By default nothing is done: what would be is returned.

    A file goes only if it is what was decided about, byte for byte, and an image to keep is there, and is too. What is
    also to be kept beside another one stays; of images that are all duplicates of each other, all stay.

    Parameters
    ----------
    to : "trash" (the desktop's), "hardlink" or "reflink" (in the place of equal files), or "list", which does nothing
    dry_run : False to do it

    Raises
    ------
    UsageError : there is no such way
    StorageError : the journal cannot be written; nothing more is done then
    """
    if to not in list(Way):
        raise UsageError(f"duplicates go to {', '.join(Way)}; got {to}")
    way, index_dir = Way(to), locate(folder, collection)
    with _reading(folder, collection) as catalogue:
        root, images = load_root(catalogue, index_dir), list(catalogue.images())
        known, of_several = Decisions(catalogue.decisions()), Details(catalogue).ids_in_larger_files()
    if dry_run or way is Way.LIST:
        return Acted(tuple(plan(root, images, of_several, known, way)))
    with writer_lock(index_dir, LocalFileSystem()):
        journal = _new_journal(index_dir)
        files = tuple(act(root, images, of_several, known, way, journal))
    if all(each.problem for each in files):
        journal.unlink(missing_ok=True)
        return Acted(files)
    return Acted(files, str(journal))


def restore_duplicates(
    folder: str | Path, journal: str | Path | None = None, *, collection: str | Path | None = None
) -> list[tuple[str, str]]:
    """Bring back what `act_on_decisions` let go, by its journal; by default by the last one.

    Returns each path with the reason why it could not be brought back, or nothing. Decisions stay.

    Raises
    ------
    UsageError : there is no journal, or the file is none
    """
    index_dir = locate(folder, collection)
    journals = sorted((index_dir / JOURNALS_FOLDER).glob("*.jsonl"))
    if journal is None and not journals:
        raise UsageError(f"nothing was done with duplicates in {folder} yet: {index_dir / JOURNALS_FOLDER} is empty")
    return list(restore(journals[-1] if journal is None else Path(journal)))


def _new_journal(index_dir: Path) -> Path:
    folder = index_dir / JOURNALS_FOLDER
    folder.mkdir(exist_ok=True)
    return folder / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S.%f}.jsonl"


@contextmanager
def _writing(folder: str | Path, collection: str | Path | None) -> Iterator[CatalogueWriter]:
    index_dir, files = locate(folder, collection), LocalFileSystem()
    with writer_lock(index_dir, files), open_catalogue(index_dir, files) as catalogue:
        yield catalogue


@contextmanager
def _reading(folder: str | Path, collection: str | Path | None) -> Iterator[Catalogue]:
    catalogue = Catalogue(locate(folder, collection))
    try:
        yield catalogue
    finally:
        catalogue.close()


def _make(catalogue: Catalogue, kind: str, image: str, other: str, made: str) -> DecisionRecord:
    decided = _parse_kind(kind)
    first, second = (_find(catalogue, path) for path in (image, other))
    require_possible(decided, first, second)
    return DecisionRecord(0, 0, first.sha256, second.sha256, first.path, second.path, decided, made)


def _parse_kind(text: str) -> DecisionKind:
    if text not in list(DecisionKind):
        raise UsageError(f'a decision is {", ".join(DecisionKind)}; got "{text}"')
    return DecisionKind(text)


def _find(catalogue: Catalogue, path: str) -> ImageRecord:
    found = catalogue.image_at(os.fsencode(path))
    if found is None:
        raise UsageError(f"there is no image at {path} in this collection; name paths as the groups have them")
    return found


def _present(decision: DecisionRecord) -> Decision:
    return Decision(
        decision.kind.value,
        os.fsdecode(decision.path),
        decision.content.hex(),
        os.fsdecode(decision.other_path),
        decision.other.hex(),
        decision.made,
    )


def _parse_row(row: dict[str, str], where: str) -> DecisionRecord:
    def read(name: str, parse: Callable[[str], T]) -> T:
        try:
            return parse(row[name])
        except (KeyError, TypeError, ValueError, UsageError) as problem:
            raise UsageError(f"{where}: {name}: {problem}") from None

    contents = [read(name, _parse_digest) for name in ("sha256", "other_sha256")]
    paths = [read(name, os.fsencode) for name in ("path", "other_path")]
    kind, made = read("decision", _parse_kind), read("made", str)
    if contents[0] == contents[1] and (paths[0] == paths[1] or kind is DecisionKind.NOT_A_DUPLICATE):
        raise UsageError(f"{where}: both images have the same contents: {kind} needs two files, or two contents")
    return DecisionRecord(0, 0, contents[0], contents[1], paths[0], paths[1], kind, made)


def _parse_digest(text: str) -> bytes:
    digest = bytes.fromhex(text)
    if len(digest) != 32:
        raise ValueError(f"a SHA-256 has 64 hexadecimal digits; got {text}")
    return digest
