"""Which images of a collection a sidecar means: those beside it, or those that it names.

A name means the image of that path, from the sidecar's folder or from the indexed one. Otherwise it means the image of
that file name that has the most of the named folders, below the sidecar's folder before elsewhere, if there is only
one. Where it has none of them it must lie in the sidecar's folder or below, for counters of cameras repeat, unless the
sidecar is a table that the user named. A name without an ending means a stem; of an address, the last part counts.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from nearsight.images.pages import split_page_path
from nearsight.metadata.image_text import ImageText
from nearsight.metadata.sidecars.beside import BesideMatch, FolderNames, match_beside, several_fit
from nearsight.metadata.sidecars.claimed_text import ClaimedText
from nearsight.metadata.sidecars.media_names import fold_name, is_media_name
from nearsight.metadata.sidecars.takeout_names import media_of_sidecar
from nearsight.storage.catalogue_writer import CatalogueWriter

_FOLDERS_KEPT = 32
_MAX_ALIKE = 1000
_FILTER_SIZE = 1 << 21
_WHOLE_PATH = 1000
_NUMBER = re.compile(r"(?:^|_)(?:(\d+)(?:_[0-9a-f]{6,12})?_o|(\d{8,})(?:_[0-9a-f]{6,12})?(?:_[a-z]{1,2})?)\.\w+$")
"""The number of a photo of Flickr in a file name: storm_1234_o.jpg."""
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True)
class SidecarTarget:
    """The paths of the images that are meant, or why there are none.

    `certainty` grows with how much of a name is that of the image: its stem, its file name, folders above it, all.
    """

    images: tuple[bytes, ...] = ()
    doubt: str = ""
    certainty: int = 0


class SidecarTargets:
    """Finds the images that sidecars mean, in the catalogue as it is when each is first asked for.

    Parameters
    ----------
    tables : the paths of the sidecars that the user named, whose names mean images anywhere
    """

    def __init__(self, catalogue: CatalogueWriter, root: bytes, tables: Collection[bytes] = ()) -> None:
        self._catalogue, self._tables = catalogue, tables
        self._root = [fold_name(part) for part in os.fsdecode(root).split("/") if part]
        self._folder = lru_cache(maxsize=_FOLDERS_KEPT)(self._read_folder)
        self._parents: frozenset[str] | None = None
        self._filter: bytearray | None = None
        self._pages: dict[bytes, list[bytes]] | None = None

    def find(self, sidecar: bytes, text: ImageText) -> SidecarTarget:
        """The images that a sidecar, at this path, means with what it says."""
        claim = text if isinstance(text, ClaimedText) else ClaimedText(text.name)
        if claim.doubt:
            return SidecarTarget(doubt=claim.doubt)
        if claim.name:
            return self._find_named(sidecar, claim.name)
        if claim.identifier and (found := self._numbered(claim.identifier)):
            return _only(found)
        return self._find_beside(sidecar, claim)

    def pages_of(self, path: bytes) -> list[bytes]:
        """The images that are further pages or frames of a file."""
        return self._list_pages().get(path, [])

    def _list_pages(self) -> dict[bytes, list[bytes]]:
        """The paths of all further pages by those of their files, listed once."""
        if self._pages is None:
            self._pages = {}
            sql = "SELECT path FROM image JOIN detail ON detail.image = image.id WHERE detail.page > 1 ORDER BY path"
            for (path,) in self._catalogue.query(sql):
                self._pages.setdefault(split_page_path(path)[0], []).append(path)
        return self._pages

    def _is_page(self, path: bytes) -> bool:
        return path in self.pages_of(split_page_path(path)[0])

    def _find_beside(self, sidecar: bytes, claim: ClaimedText) -> SidecarTarget:
        folder, own = os.path.split(sidecar)
        match: BesideMatch = match_beside(os.fsdecode(own), claim.original, claim.owner, self._folder(folder))
        paths = (os.path.join(folder, os.fsencode(name)) for name in match.images)
        return SidecarTarget(tuple(paths), match.doubt)

    def _find_named(self, sidecar: bytes, name: str) -> SidecarTarget:
        folder, own = os.path.split(sidecar)
        parts = _name_parts(name)
        if not parts:
            return SidecarTarget(doubt=f'no image is called "{name}"')
        if not self._may_be_called(parts[-1]):
            return SidecarTarget(doubt=f'no image is called "{parts[-1]}"')
        is_near = bool(folder) and sidecar not in self._tables
        for path in _possible_paths(folder, name, from_root=len(parts) > 1 or not is_near):
            if self._catalogue.image_at(path) is not None:
                return SidecarTarget((path,), certainty=_WHOLE_PATH)
        beside = self._named_beside(folder, os.fsdecode(own), parts[-1])
        if beside is not None:
            return SidecarTarget((beside,), certainty=_WHOLE_PATH)
        return self._search(parts, folder, is_near=is_near)

    def _named_beside(self, folder: bytes, own: str, name: str) -> bytes | None:
        """The image in the sidecar's own folder, where the sidecar is also named after it."""
        base = os.path.splitext(own)[0]
        after = fold_name(media_of_sidecar(base) or base)
        if after not in (fold_name(name), fold_name(os.path.splitext(name)[0])) or os.path.isabs(folder):
            return None
        names = self._folder(folder)
        found = names.find(name)
        return os.path.join(folder, os.fsencode(found)) if found in names.images and found is not None else None

    def _search(self, parts: list[str], folder: bytes, *, is_near: bool) -> SidecarTarget:
        """The image of a file name with the most of the folders before the name; with none, a near one if `is_near`."""
        name = parts[-1]
        found = self._paths_by_name(name)
        if not found:
            return SidecarTarget(doubt=f'no image is called "{name}"')
        wanted = [fold_name(part) for part in parts]
        common = {path: self._common_parts(path, wanted) for path in found}
        most = max(common.values())
        best = [path for path, count in common.items() if count == most]
        if most < 2 <= len(parts) and wanted[-2] in self._folder_names():
            return SidecarTarget(doubt=f'no image is called "{"/".join(parts[-2:])}"; {_listed(found)} lies elsewhere')
        near = [path for path in best if path.startswith(folder + b"/")] if folder else best
        if is_near and most == 1 and not near:
            return SidecarTarget(doubt=_far_reason(name, best))
        is_stem = fold_name(os.fsdecode(os.path.basename(best[0]))) != wanted[-1]
        return _only(near or best, 0 if is_stem else most)

    def _common_parts(self, path: bytes, wanted: list[str]) -> int:
        """How many parts of a path are those that are wanted, from the file's folder upwards, and 1."""
        folders = [*self._root, *(fold_name(part) for part in os.fsdecode(path).split("/")[:-1])]
        count = 1
        while count < min(len(wanted), len(folders) + 1) and folders[-count] == wanted[-count - 1]:
            count += 1
        return count

    def _paths_by_name(self, name: str) -> list[bytes]:
        """Paths of all images of a file name, or of a stem where the name has no ending."""
        sql = "SELECT path FROM temp.called WHERE name=? ORDER BY path LIMIT ?"
        found = self._catalogue.query(sql, (_to_key(name), _MAX_ALIKE))
        if not found and not is_media_name(name):
            sql = "SELECT path FROM temp.called WHERE stem=? ORDER BY path LIMIT ?"
            found = self._catalogue.query(sql, (_to_key(name), _MAX_ALIKE))
        return [row[0] for row in found]

    def _may_be_called(self, name: str) -> bool:
        """Whether an image may be of this name or stem; that none is, is certain, and quick for rows of long tables."""
        return bool(self._list_names()[_filter_place(_to_key(name))])

    def _numbered(self, number: str) -> list[bytes]:
        self._list_names()
        sql = "SELECT path FROM temp.called WHERE number=? ORDER BY path LIMIT ?"
        return [row[0] for row in self._catalogue.query(sql, (number, _MAX_ALIKE))]

    def _folder_names(self) -> frozenset[str]:
        """The names of all folders that hold images, and of the indexed one."""
        if self._parents is None:
            folders = {os.path.dirname(path) for (path,) in self._catalogue.query("SELECT path FROM image")}
            self._parents = frozenset(
                {fold_name(part) for folder in folders for part in os.fsdecode(folder).split("/")} | {*self._root[-1:]}
            )
        return self._parents

    def _list_names(self) -> bytearray:
        """List the names of all images but further pages in a temporary table, once; return a filter of all names."""
        if self._filter is not None:
            return self._filter
        db, self._filter = self._catalogue.db, bytearray(_FILTER_SIZE)
        db.execute("CREATE TEMP TABLE called(name BLOB, stem BLOB, number TEXT, path BLOB)")
        for (path,) in self._catalogue.query("SELECT path FROM image"):
            row = _name_row(path)
            if not self._is_page(path):
                db.execute("INSERT INTO temp.called VALUES(?,?,?,?)", row)
            for key in row[:2]:
                self._filter[_filter_place(key)] = 1
        for column in ("name", "stem", "number"):
            db.execute(f"CREATE INDEX temp.called_by_{column} ON called({column})")
        return self._filter

    def _read_folder(self, folder: bytes) -> FolderNames:
        names = self._names_in("image", folder)
        images = {os.fsdecode(name) for name in names if not self._is_page(os.path.join(folder, name))}
        others = {os.fsdecode(name) for table in ("skipped", "temp.aside") for name in self._names_in(table, folder)}
        return FolderNames(frozenset(images), frozenset(others - images))

    def _names_in(self, table: str, folder: bytes) -> Iterator[bytes]:
        """Names of the files of a folder, without those of its subfolders, which are passed over one at a time."""
        prefix = folder + b"/" if folder else b""
        sql = f"SELECT path FROM {table} WHERE path >= ? ORDER BY path LIMIT 1000"  # noqa: S608 (our own words)
        place, more = prefix, True
        while more:
            rows = self._catalogue.query(sql, (place,))
            more = len(rows) == 1000
            for (path,) in rows:
                if not path.startswith(prefix):
                    return
                name, below, _ = path[len(prefix) :].partition(b"/")
                if below:
                    place, more = prefix + name + b"0", True  # the byte after "/"
                    break
                yield name
                place = path + b"\0"


def _possible_paths(folder: bytes, name: str, *, from_root: bool) -> Iterator[bytes]:
    """The paths that a name can be: from the sidecar's folder, and from the indexed one."""
    wanted = _to_bytes(name.replace("\\", "/")).lstrip(b"/")
    if not os.path.isabs(folder):
        yield os.path.normpath(os.path.join(folder, wanted))
    if from_root:
        yield os.path.normpath(wanted)


def _name_parts(name: str) -> list[str]:
    """The folders of a name and its last part; of an address, the last part only."""
    if _ADDRESS.match(name):
        parts = unquote(urlsplit(name).path).split("/")[-1:]
    else:
        parts = name.removeprefix("file://").replace("\\", "/").split("/")
    return [part for part in parts if part not in ("", ".", "..")]


def _only(paths: list[bytes], certainty: int = 1) -> SidecarTarget:
    if len(paths) == 1:
        return SidecarTarget((paths[0],), certainty=certainty)
    return SidecarTarget(doubt=several_fit([os.fsdecode(path) for path in paths]))


def _far_reason(name: str, paths: list[bytes]) -> str:
    """Why images of a name are not meant that lie apart from the sidecar."""
    if len(paths) > 1:
        return f"no {name} lies here; {several_fit([os.fsdecode(path) for path in paths])}"
    folder = os.fsdecode(os.path.dirname(paths[0]))
    return f"the only {name} is in another folder, {folder}" if folder else f"the only {name} is in the indexed folder"


def _listed(paths: list[bytes]) -> str:
    return ", ".join(os.fsdecode(path) for path in paths[:3])


def _name_row(path: bytes) -> tuple[bytes, bytes, str | None, bytes]:
    name = os.fsdecode(os.path.basename(path))
    match = _NUMBER.search(name.lower())
    number = (match[1] or match[2]) if match else None
    return _to_key(name), _to_key(os.path.splitext(name)[0]), number, path


def _filter_place(key: bytes) -> int:
    return zlib.crc32(key) % _FILTER_SIZE


def _to_key(name: str) -> bytes:
    return _to_bytes(fold_name(name))


def _to_bytes(text: str) -> bytes:
    """A name as bytes, also one that is no text; what cannot be in a name becomes a question mark."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        return text.encode("utf8", "replace")
