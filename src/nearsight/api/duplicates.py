"""The copies in a folder, in groups."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nearsight.api.collection import Collection
from nearsight.api.collection import open as open_collection
from nearsight.api.indexing import index
from nearsight.applications.duplicates.across import Across, find_across
from nearsight.applications.duplicates.bursts import find_bursts
from nearsight.applications.duplicates.find import (
    DEFAULT_VERDICTS,
    VERDICT_NAMES,
    find_duplicates,
    require_verdicts,
)
from nearsight.applications.duplicates.keeping import parse_keep_rule
from nearsight.applications.duplicates.results import Duplicates
from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import LocalFileSystem
from nearsight.images.decode import open_image
from nearsight.images.formats import RAW_FORMATS
from nearsight.images.source import read_sources
from nearsight.images.walk import FoundFile, walk_folder
from nearsight.ingest.run import IngestProgress, IngestSettings, Watch
from nearsight.rerankers._copy_verdict import CopyVerdict
from nearsight.storage.catalogue import INDEX_DIR_NAME
from nearsight.storage.database import CATALOGUE_FILE
from nearsight.storage.snapshot import SnapshotReader
from nearsight.types import Image, ImageSource
from nearsight.wording import plural

__all__ = ["Checked", "bursts", "check", "duplicates", "duplicates_across"]


@dataclass(frozen=True)
class Checked:
    """A new image, and the path of the one in the collection that it is a copy or a part of; None where there is none.

    `why` says what agrees, or why nothing is said.
    """

    image: str
    found: str | None
    verdict: str
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return dict(vars(self))


def duplicates(
    folder: str | Path,
    *,
    verdicts: Sequence[str] = DEFAULT_VERDICTS,
    keep: str = "largest",
    decided: bool = False,
    update: bool = True,
    collection: str | Path | None = None,
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
) -> Duplicates:
    """The images of a folder that are copies of each other, in groups, and which of each group to keep.

    Nothing is deleted. Each member of a group was compared with the first one, over all that both show. What was
    compared is remembered by the contents of the files: a second run, or one after a stop, compares what is new.

    Parameters
    ----------
    folder : it is indexed by `copy` where it is not yet, and brought up to date
    verdicts : what makes two images members of one group: "identical", "copy", "edited", "part"
    keep : "largest" (most pixels, then most bytes a pixel), "oldest", "newest", or "path:PATTERN" such as
        "path:originals/*"
    decided : also groups about which nothing is left to decide (`decide`)
    update : False to take the collection as it is
    collection : the folder of the index, `FOLDER/.nearsight` by default
    settings : of the ingest; its `workers` compare images too
    watch : called with the progress

    Raises
    ------
    UsageError : the folder is not there, a verdict or a rule is none, the pattern fits no image, or `update` is False
        and the folder is not indexed by `copy`
    LockedError, StorageError, DamagedError : as `index`
    """
    require_verdicts(verdicts)
    rule, told, settings = parse_keep_rule(keep), watch or _ignore, settings or IngestSettings()
    with (
        _open_by_copy(folder, collection, update, settings, told) as photos,
        _open_reader(photos) as reader,
    ):
        return find_duplicates(
            reader,
            photos.pipeline("copy"),
            photos.pipeline("part"),
            verdicts=verdicts,
            keep=rule,
            decided=decided,
            workers=settings.workers,
            watch=lambda step, done, total: told(IngestProgress(step, done, total)),
        )


def bursts(
    folder: str | Path,
    *,
    seconds: float = 5.0,
    keep: str = "largest",
    decided: bool = False,
    update: bool = True,
    collection: str | Path | None = None,
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
) -> Duplicates:
    """Photographs of one view that were taken within seconds of each other, by one camera, in groups.

    They are no copies: nothing of them is ever proposed to be let go. Files that do not say when they were taken are in
    none, and counted in `left_out`.

    Parameters
    ----------
    seconds : between two photographs of a burst at most, more than 0
    folder, keep, decided, update, collection, settings, watch : as for `duplicates`

    Raises
    ------
    UsageError : as `duplicates`, or `seconds` is not above 0
    LockedError, StorageError, DamagedError : as `index`
    """
    if not seconds > 0:
        raise UsageError(f"a burst has more than 0 seconds between its photographs; got {seconds:g}")
    rule, told, settings = parse_keep_rule(keep), watch or _ignore, settings or IngestSettings()
    with _open_by_copy(folder, collection, update, settings, told) as photos, _open_reader(photos) as reader:
        return find_bursts(reader, seconds=seconds, keep=rule, decided=decided)


def duplicates_across(
    folder: str | Path,
    other: str | Path,
    *,
    verdicts: Sequence[str] = tuple(VERDICT_NAMES),
    update: bool = True,
    collection: str | Path | None = None,
    settings: IngestSettings | None = None,
    watch: Watch | None = None,
) -> Across:
    """What of a folder is in another one, such as of a camera card in an archive; and what is not there in full.

    `missing` are the images that the other folder holds no identical or copied image of that is as large and has as
    much colour: what is there smaller, cropped or edited only is among them too.

    Nothing is written to the folder: it is indexed in a temporary place, unless it has a collection of its own.

    Parameters
    ----------
    folder : the images that are looked for
    other : where they may be. It is indexed by `copy` where it is not yet, and brought up to date
    verdicts : what an image must be to one of the other folder to count as found: "identical", "copy", "edited", "part"
    update : False to take the collection of the other folder as it is
    collection : the folder of the other folder's index, `OTHER/.nearsight` by default
    settings, watch : as for `duplicates`

    Raises
    ------
    UsageError : a folder is not there, one lies in the other, a verdict is none, or `update` is False and the other
        folder is not indexed by `copy`
    LockedError, StorageError, DamagedError : as `index`
    """
    require_verdicts(verdicts)
    told, settings = watch or _ignore, settings or IngestSettings()
    first, second = (_require_folder(each).resolve() for each in (folder, other))
    if first == second or first in second.parents or second in first.parents:
        raise UsageError(f"{folder} and {other} are one folder, or one lies in the other; name two that do not")
    with ExitStack() as opened:
        own = first / os.fsdecode(INDEX_DIR_NAME)
        home = (
            None if (own / CATALOGUE_FILE).exists() else opened.enter_context(TemporaryDirectory(prefix="nearsight-"))
        )
        queries = opened.enter_context(index(first, ["copy"], collection=home, settings=settings, watch=told))
        photos = opened.enter_context(_open_by_copy(second, collection, update, settings, told))
        found = find_across(
            opened.enter_context(_open_reader(queries)),
            opened.enter_context(_open_reader(photos)),
            photos.pipeline("copy"),
            photos.pipeline("part"),
            verdicts=verdicts,
            workers=settings.workers,
            watch=lambda step, done, total: told(IngestProgress(step, done, total)),
        )
        return replace(found, not_looked_at=tuple(_not_looked_at(queries)))


def _not_looked_at(photos: Collection) -> Iterator[str]:
    """What of a folder was left out by rule, or could not be read as an image."""
    known = photos.info()
    for each in known["left_out"]:
        for count, noun in ((each["folders"], "folder"), (each["files"], "file")):
            if count:
                yield f"{plural(count, noun)} {each['pattern']}"
    for reason, count in known["skipped"].items():
        yield f"{plural(count, 'file')} of which {Reason(reason).sentence}"


def check(
    images: ImageSource | Sequence[ImageSource], folder: str | Path = ".", *, collection: str | Path | None = None
) -> list[Checked]:
    """Which of some new images are in a collection already, as copies of any kind; they are not added.

    Images are taken as `Collection.search` takes them; of a folder all files are looked at. One that cannot be read as
    an image has the reason in `why`, and no verdict.

    Raises
    ------
    UsageError : there is no collection, or it is not indexed by `copy`
    DamagedError : stored bytes do not agree with their checksums
    """
    with open_collection(folder, collection=collection) as photos:
        photos.pipeline("copy")
        named = enumerate(read_sources(images), 1)
        files = [(number, each) for number, image in named for each in _files_of(image)]
        return [_check_image(photos, file, f"image {number}") for number, file in files]


def _files_of(image: Path | bytes | Image) -> Iterator[Path | bytes | Image]:
    """The image, or all files of a folder."""
    if not isinstance(image, Path) or not image.is_dir():
        yield image
        return
    for each in walk_folder(os.fsencode(image), LocalFileSystem(), frozenset([INDEX_DIR_NAME])):
        if isinstance(each, FoundFile):
            yield image / os.fsdecode(each.path)


def _check_image(photos: Collection, image: Path | bytes | Image, number: str) -> Checked:
    name = str(image) if isinstance(image, Path) else number
    try:
        hits = photos.search(image, by="copy", k=1).hits
    except ImageError as problem:
        return Checked(name, None, "", str(problem))
    if not hits or not hits[0].alike:
        undecided = bool(hits) and hits[0].alike is None
        return Checked(name, None, "", hits[0].why if undecided else "no copy of it was found")
    rest = "" if hits[0].verdict == CopyVerdict.IDENTICAL_FILE else _not_compared(image)
    return Checked(name, hits[0].path, hits[0].verdict, f"{hits[0].why}{rest}")


def _not_compared(image: Path | bytes | Image) -> str:
    """What of a file was not compared: its other pages, or what a camera raw holds besides its preview."""
    with suppress(ImageError, OSError):
        opened = open_image(image)
        if opened.n_pages > 1:
            return f"; of its {opened.n_pages:,} pages or frames only page {opened.page} was compared"
        if opened.format in RAW_FORMATS:
            return "; only the preview of this camera raw was compared"
    return ""


def _open_by_copy(
    folder: str | Path, collection: str | Path | None, update: bool, settings: IngestSettings, watch: Watch
) -> Collection:
    """The collection of a folder, brought up to date if so."""
    root = _require_folder(folder)
    if not update:
        return open_collection(root, collection=collection)
    return index(root, ["copy"], collection=collection, settings=settings, watch=watch)


@contextmanager
def _open_reader(photos: Collection) -> Iterator[SnapshotReader]:
    reader = SnapshotReader(photos.index_dir, LocalFileSystem())
    try:
        yield reader
    finally:
        reader.catalogue.close()


def _require_folder(folder: str | Path) -> Path:
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise UsageError(f"{folder} is not a folder")
    return root


def _ignore(progress: IngestProgress) -> None:
    """Ignore the progress."""
