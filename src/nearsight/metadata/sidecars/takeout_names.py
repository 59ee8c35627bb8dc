"""How Google Takeout names files: cut, counted, edited; which file name a photo of a given title can have.

A photo whose title is T lies in a file called T, in which some letters became `_` and whose stem is cut, so that the
name has at most 51 characters; of several, the later ones have `(1)`, `(2)` ... behind the stem. What is said of it
lies in T.json or T.supplemental-metadata.json, cut to 46 characters before `.json`, with the same `(1)` behind that.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nearsight.metadata.sidecars.media_names import fold_name, is_film_name, is_media_name, is_raw_name, name_ending

_EDITED_WORDS = (
    "edited bearbeitet modifié modifie édité editado editada modificato modificata bewerkt edytowane edytowany "
    "edytowana 編集済み 已编辑 已修改 编辑 已編輯 編輯 수정됨 편집됨 redigerad redigerat ändrad redigeret redigert "
    "muokattu upraveno upravené upravený szerkesztett szerkesztve editat измененный изменено отредактировано "
    "змінено відредаговано επεξεργασμένο επεξεργασμένη düzenlendi düzenlenmiş معدل معدّلة נערך संपादित แก้ไขแล้ว "
    "diedit disunting uređeno urejeno redaguota rediģēts muudetud редактирано breytt"
)
EDITED = tuple(fold_name(f"-{word}") for word in (*_EDITED_WORDS.split(), "đã chỉnh sửa"))
"""What stands behind the stem of a photo that was edited, by the language of the account."""

_LONG_SUFFIX = "supplemental-metadata"
LEAST_CUT = 43
"""Characters or bytes that a name has at least if it was cut: Takeout cuts at 46 or 47, and 51 with the ending."""
_COUNTER = re.compile(r"(.+?)\((\d{1,4})\)", re.DOTALL)
_REPLACED = re.compile(r"[\\/:*?\"'<>|%&#;=+@^`~{}\[\]!$,\x00-\x1f\x7f_]")
_SAME_ENDINGS = ({"jpg", "jpeg", "jpe", "jfif"}, {"tif", "tiff"}, {"heic", "heif", "hif"})


@dataclass(frozen=True)
class TitleFit:
    """How the name of a file fits a title: its number among files of this title, and whether it was edited or cut."""

    counter: int = 0
    edited: bool = False
    cut: bool = False


def split_counter(name: str) -> tuple[str, int]:
    """A name without the number at its end, and the number: "IMG_1(2)" is IMG_1 and 2."""
    match = _COUNTER.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 0)


def media_of_sidecar(base: str) -> str | None:
    """The file that a sidecar is named after, by its name without `.json`; None where that was cut off or is no file.

    "IMG_1.jpg", "IMG_1.jpg.supplemental-metadata" and "IMG_1.jpg.supp" are of IMG_1.jpg; "IMG_1.jpg(1)" and
    "IMG_1.jpg.supplemental-metadata(1)" are of IMG_1(1).jpg.
    """
    if is_media_name(base):
        return base
    root, counter = split_counter(base)
    name = _strip_long_suffix(root) or root
    if not is_media_name(name):
        return None
    stem, ending = os.path.splitext(name)
    return f"{stem}({counter}){ending}" if counter else name


def _strip_long_suffix(root: str) -> str | None:
    name, dot, suffix = root.rpartition(".")
    return name if dot and _LONG_SUFFIX.startswith(suffix.lower()) else None


def fit_title(name: str, title: str) -> TitleFit | None:
    """How a file name fits the title of a photo; None where it is another's. Endings are not compared."""
    stem = _plain_stem(name)
    forms = _title_forms(title)
    for counted, counter in dict.fromkeys([(stem, 0), split_counter(stem)]):
        for form in forms:
            if counted == form:
                return TitleFit(counter)
    for counted, counter in dict.fromkeys([split_counter(stem), (stem, 0)]):
        for form in forms:
            if (found := _fit_form(counted, form, counter, len(name_ending(name)) + 1)) is not None:
                return found
    return None


def _fit_form(stem: str, form: str, counter: int, ending: int) -> TitleFit | None:
    """The fit of a stem that was edited, cut, or both."""
    for suffix in EDITED:
        if stem.startswith(form) and stem != form and (form + suffix).startswith(stem):
            whole = stem == form + suffix
            if whole or _may_be_cut(stem, ending):
                return TitleFit(counter, edited=True, cut=not whole)
        if stem.endswith(suffix):
            original, number = split_counter(stem.removesuffix(suffix))
            if original == form:
                return TitleFit(counter or number, edited=True)
    if form.startswith(stem) and _may_be_cut(stem, ending):
        return TitleFit(counter, cut=True)
    return None


def _may_be_cut(text: str, ending: int = 0) -> bool:
    """Whether a text is as long as one that Takeout cuts, in characters or in bytes."""
    return max(len(text), len(text.encode("utf8", "surrogatepass"))) + ending >= LEAST_CUT


def sidecar_counter(base: str, title: str) -> int | None:
    """The number of a sidecar among those of one title, by its name without `.json`; None where it is another's."""
    plain = _plain(base)
    for root, counter in dict.fromkeys([(plain, 0), split_counter(plain)]):
        for form in _title_forms(title, whole=True):
            if root in (form, os.path.splitext(form)[0]) or f"{form}.{_LONG_SUFFIX}" == root:
                return counter
            if f"{form}.{_LONG_SUFFIX}".startswith(root) and (root.startswith(form) or _may_be_cut(root)):
                return counter
    return None


def fits_ending(name: str, title: str) -> bool:
    """Whether a file can be the photo by its ending: the same kind, or an image that was made of it."""
    own, original = name_ending(name), name_ending(title)
    if not is_media_name(title) or own == original or any({own, original} <= same for same in _SAME_ENDINGS):
        return True
    return own in _SAME_ENDINGS[0] and (original in _SAME_ENDINGS[2] or is_raw_name(title))


def is_of_film(name: str, title: str) -> bool:
    """Whether the title is that of a film, and the file is none."""
    return is_film_name(title) and not is_film_name(name)


def name_prefixes(title: str) -> Iterator[str]:
    """What the folded name of a file of this title begins with, `_` for all that is replaced."""
    for form in _title_forms(title):
        yield form.encode("utf8", "surrogatepass")[: LEAST_CUT - 5].decode("utf8", "ignore")


def plain_name(name: str) -> str:
    """A file name in the form that `name_prefixes` begins."""
    return _plain(name)


def _plain_stem(name: str) -> str:
    return _plain(os.path.splitext(name)[0] if is_media_name(name) else name)


@lru_cache(maxsize=1024)
def _title_forms(title: str, *, whole: bool = False) -> tuple[str, ...]:
    """The forms that a title has in file names: as it is, or with what HTML makes of it, or made of it."""
    written = (title, html.unescape(title), html.escape(title), title.replace("'", "&#39;"))
    return tuple(dict.fromkeys(_plain(each) if whole else _plain_stem(each) for each in written))


def _plain(text: str) -> str:
    """Folded, with `_` for all that one system or another does not have in names, and without spaces at its end."""
    return _REPLACED.sub("_", fold_name(text)).strip()
