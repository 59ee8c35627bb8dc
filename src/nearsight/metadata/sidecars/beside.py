"""Which image of its folder a sidecar belongs to that names none, by the names of the files alone.

1. The file that the sidecar is named after: `dog.jpg.xmp`, `IMG_1.jpg.supplemental-metadata(1).json`.
2. For JSON that holds the image's former name, the file whose name fits it: it may be cut, counted or edited.
3. The image of the same stem: `dog.json`, `dog.xmp`, `dog.txt`. XMP is of all images of a stem, such as a camera's raw
   file and its JPEG, unless it says which; anything else is of one, or in doubt.

Where two images fit, or the former name is another's, nothing is said of any.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import takewhile

from nearsight.metadata.sidecars.media_names import fold_name, is_film_name, is_media_name, name_ending
from nearsight.metadata.sidecars.takeout_names import (
    SIDECAR_LIMIT,
    CutKind,
    SidecarFit,
    TitleFit,
    fit_sidecar,
    fit_title,
    fits_ending,
    is_of_film,
    media_of_sidecar,
    name_prefixes,
    plain_name,
    split_counter,
)

_XMP, _TEXT = ".xmp", ".txt"
MAX_LISTED = 3
"""Names that a reason lists."""


@dataclass(frozen=True)
class BesideMatch:
    """The images that a sidecar belongs to, or why there are none."""

    images: tuple[str, ...] = ()
    doubt: str = ""


@dataclass(frozen=True)
class FolderNames:
    """The names of the files of one folder.

    Parameters
    ----------
    images : of the images of the collection
    others : of other files, among them images that could not be read
    """

    images: frozenset[str]
    others: frozenset[str]
    _folded: dict[str, list[str]] = field(init=False, repr=False)
    _stems: dict[str, list[str]] = field(init=False, repr=False)
    _sorted: list[tuple[str, str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        folded, stems = defaultdict(list), defaultdict(list)
        media = self.images | {name for name in self.others if is_media_name(name)}
        for name in sorted(media):
            folded[fold_name(name)].append(name)
            stems[fold_name(os.path.splitext(name)[0])].append(name)
        every = sorted((plain_name(name), name) for name in self.images | self.others)
        for name, value in (("_folded", dict(folded)), ("_stems", dict(stems)), ("_sorted", every)):
            object.__setattr__(self, name, value)

    def find(self, name: str) -> str | None:
        """The image or film of a name, where case and the form of accents leave only one."""
        found = self._folded.get(fold_name(name), [])
        return name if name in found else found[0] if len(found) == 1 else None

    def of_stem(self, stem: str) -> list[str]:
        """The images and films of a stem."""
        return self._stems.get(fold_name(stem), [])

    def beginning(self, prefix: str) -> list[str]:
        """All files whose plain names begin with a text, in the order of the plain names."""
        first = bisect_left(self._sorted, (prefix,))
        later = (self._sorted[at] for at in range(first, len(self._sorted)))
        return [name for _, name in takewhile(lambda each: each[0].startswith(prefix), later)]


def match_beside(sidecar: str, original: str, owner: str, folder: FolderNames) -> BesideMatch:
    """The images of a folder that a sidecar of this name belongs to.

    Parameters
    ----------
    original : the former name of the image; empty where the sidecar does not hold one
    owner : the ending of the image, as XMP says it ("cr2"); empty where it does not
    """
    base, ending = os.path.splitext(sidecar)
    if ending.lower() == _XMP:
        return _match_xmp(base, owner, folder)
    if original:
        return _match_titled(sidecar, base, original, folder)
    found = _named_after(base, folder)
    if found is not None:
        return _if_image(found, folder) if isinstance(found, str) else found
    if ending.lower() != _TEXT and (cut := _match_cut(base, folder)) is not None:
        return cut
    return _one_of_stem(base, folder)


def _named_after(base: str, folder: FolderNames) -> str | BesideMatch | None:
    """The file that a sidecar is named after, with or without further endings."""
    named = media_of_sidecar(base)
    if named is not None and (found := folder.find(named)) is not None:
        counted = fold_name(named) != fold_name(base) and split_counter(base)[1]
        if counted and (rival := _sidecar_called(f"{found}.", 0, folder)):
            return BesideMatch(doubt=f"{rival} is named after {found} too")
        return found
    if named is not None or split_counter(base)[1]:
        return None
    parts = base.split(".")
    names = (".".join(parts[:count]) for count in range(len(parts), 1, -1))
    return next((found for name in names if (found := folder.find(name)) is not None), None)


def _if_image(name: str, folder: FolderNames) -> BesideMatch:
    if name in folder.images:
        return BesideMatch((name,))
    return BesideMatch(doubt=f"it belongs to {name}, which is not an image of this collection")


def _own_sidecar(name: str, folder: FolderNames) -> str | None:
    """The JSON that is named after a file; the number of the file stands in both where it is, or behind the rest."""
    if (found := _sidecar_called(f"{name}.", 0, folder)) is not None:
        return found
    stem, ending = os.path.splitext(name)
    root, number = split_counter(stem)
    return _sidecar_called(f"{root}{ending}", number, folder) if number else None


def _sidecar_called(start: str, number: int, folder: FolderNames) -> str | None:
    """The JSON whose name begins so and ends with a number, or with none where that is 0."""
    for each in folder.beginning(plain_name(start)):
        base, ending = os.path.splitext(each)
        if ending.lower() == ".json" and split_counter(base)[1] == number:
            return each
    return None


def _match_xmp(base: str, owner: str, folder: FolderNames) -> BesideMatch:
    found = _named_after(base, folder)
    if isinstance(found, str):
        return _if_image(found, folder)
    same = folder.of_stem(base)
    if owner:
        own = [name for name in same if name_ending(name) == owner.lower().lstrip(".")]
        return (
            _if_image(own[0], folder) if own else BesideMatch(doubt=f"it belongs to {base}.{owner}, which is not here")
        )
    images = tuple(name for name in same if name in folder.images)
    if images:
        return BesideMatch(images)
    return _if_image(same[0], folder) if same else _no_image(base)


def _match_titled(sidecar: str, base: str, title: str, folder: FolderNames) -> BesideMatch:
    """The image of a sidecar that holds its former name: by the sidecar's own name, and by what fits the title."""
    found = _named_after(base, folder)
    if isinstance(found, BesideMatch):
        return found
    if found is None:
        return _match_title(base, title, folder)
    fit = _fit(found, title)
    if fit is None:
        return BesideMatch(doubt=f'the image was called "{title}", and {found} is not that one')
    edited = [] if fit.edited else _edited(title, fit.counter, folder)
    images = tuple(name for name in (found, *edited) if name in folder.images)
    return BesideMatch(images) if images else _if_image(found, folder)


def _fit(name: str, title: str) -> TitleFit | None:
    return None if is_of_film(name, title) else fit_title(name, title)


def _match_title(base: str, title: str, folder: FolderNames) -> BesideMatch:
    """The image that fits the former name, where the sidecar's own name fits it too."""
    own = fit_sidecar(base, title)
    if own is None:
        return BesideMatch(doubt=f'the image was called "{title}", and the sidecar is named after another')
    fits = _likely(own, title, folder)
    unedited = [(name, fit.counter) for name, fit in fits if not fit.edited]
    if own.counter and own.cut is not CutKind.WHOLE:
        names = _cut_alike(base, own.counter, unedited, folder)
    else:
        names = [name for name, counter in unedited if counter == own.counter]
    chosen = _narrow(names, title)
    if len(chosen) > 1:
        return _several(chosen)
    counter = next((fit.counter for name, fit in fits if name in chosen), own.counter)
    images = tuple(name for name in (*chosen, *_edited(title, counter, folder)) if name in folder.images)
    if images:
        return BesideMatch(images)
    return _if_image(chosen[0], folder) if chosen else _no_image(title)


def _likely(own: SidecarFit, title: str, folder: FolderNames) -> list[tuple[str, TitleFit]]:
    """Files that can be the photo of a title by all of their names.

    A name is cut only if that of the sidecar is, which is cut earlier; and another ending can be that of the photo
    only if names show it, and no other sidecar is named after the file.
    """
    found = []
    for name, fit in _fitting(title, folder):
        alike = name_ending(name) == name_ending(title)
        if fit.cut not in (CutKind.WHOLE, own.cut):
            continue
        whole = own.cut is CutKind.WHOLE and len(name) <= SIDECAR_LIMIT
        if fit.edited or alike or (whole and fits_ending(name, title) and _own_sidecar(name, folder) is None):
            found.append((name, fit))
    return found


def _fitting(title: str, folder: FolderNames) -> list[tuple[str, TitleFit]]:
    """The images and films whose names fit a title by their stems."""
    names = dict.fromkeys(name for prefix in name_prefixes(title) for name in folder.beginning(prefix))
    media = (name for name in names if is_media_name(name) or name in folder.images)
    return [(name, fit) for name in media if (fit := _fit(name, title)) is not None]


def _narrow(names: list[str], title: str) -> list[str]:
    """Of several that fit: the one of the title's own ending, or the only one that is no film."""
    for same in (
        [name for name in names if name_ending(name) == name_ending(title)],
        [name for name in names if not is_film_name(name)],
    ):
        if len(same) == 1:
            return same
    return names


def _cut_alike(base: str, number: int, fits: list[tuple[str, int]], folder: FolderNames) -> list[str]:
    """The images that fit a sidecar whose name was cut and has a number, of those with their own numbers.

    Sidecars are cut earlier than images: of two titles that differ only there, the sidecars have numbers and the images
    none. So the number is that of the image only if all sidecars are of one cut title; else one image alone may fit.
    None is missing if there are as many images as sidecars were counted.
    """
    root = plain_name(split_counter(base)[0])
    alike = folder.beginning(root)
    media = [name for name in alike if is_media_name(name)]
    bases = (os.path.splitext(name)[0] for name in alike if name_ending(name) == "json")
    if len(media) <= max(split_counter(each)[1] for each in bases):
        return []
    stems = {split_counter(plain_name(os.path.splitext(name)[0]))[0] for name in media}
    names = [name for name, counter in fits if len(stems) > 1 or counter == number]
    return names if len(names) == 1 else []


def _edited(title: str, counter: int, folder: FolderNames) -> list[str]:
    """The edited forms of an image, which share its sidecar unless they have one of their own."""
    return [
        name
        for name, fit in _fitting(title, folder)
        if fit.edited and fit.counter == counter and name in folder.images and _own_sidecar(name, folder) is None
    ]


def _match_cut(base: str, folder: FolderNames) -> BesideMatch | None:
    """The image of a sidecar whose name was cut, without a former name to compare."""
    root, number = split_counter(base)
    plain = plain_name(root)
    if len(plain) < SIDECAR_LIMIT or is_media_name(base):
        return None
    fits = [name for name in folder.beginning(plain) if is_media_name(name) and plain_name(name) != plain]
    numbered = [name for name in fits if split_counter(os.path.splitext(name)[0])[1] == number]
    if len(numbered) == 1 and len(fits) == 1:
        return _if_image(numbered[0], folder)
    return _several(fits) if fits else None


def _one_of_stem(base: str, folder: FolderNames) -> BesideMatch:
    same = folder.of_stem(base)
    if len(same) > 1:
        return _several(same)
    return _if_image(same[0], folder) if same else _no_image(base)


def _several(names: Iterable[str]) -> BesideMatch:
    return BesideMatch(doubt=several_fit(sorted(names)))


def several_fit(names: list[str]) -> str:
    """The reason why a sidecar or a name means none of several images."""
    listed = ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
    return f"{len(names)} files fit: {listed}"


def _no_image(name: str) -> BesideMatch:
    return BesideMatch(doubt=f'no image beside it is called "{name}"')
