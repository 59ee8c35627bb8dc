"""File names of images and films, as sidecars use them: which are those of media, and when two are the same."""

from __future__ import annotations

import os
import unicodedata

_IMAGES = (
    "jpg jpeg jpe jfif png apng gif webp bmp dib tif tiff heic heif hif avif jp2 jpx j2k jxl jxr psd svg tga "
    "ico pcx ppm pgm pbm pnm"
)
_RAWS = (
    "3fr ari arw bay cr2 cr3 crw cap dcr dcs dng drf eip erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw obm orf pef "
    "ptx pxn r3d raf raw rw2 rwl rwz sr2 srf srw x3f"
)
_FILMS = (
    "mp4 m4v mov qt avi mkv webm 3gp 3g2 mpg mpeg mpe m2v mts m2ts wmv flv asf mp mv mod tod vob ogv divx insv lrv "
    "mp3 m4a wav aac flac ogg opus wma amr"
)

_IMAGE_ENDINGS, _RAW_ENDINGS, _FILM_ENDINGS = (frozenset(each.split()) for each in (_IMAGES, _RAWS, _FILMS))


def name_ending(name: str) -> str:
    """What stands behind the last dot of a file name, in lower case."""
    return os.path.splitext(name)[1][1:].lower()


def is_film_name(name: str) -> bool:
    """Whether a file of this name is a film or a sound."""
    return name_ending(name) in _FILM_ENDINGS


def is_raw_name(name: str) -> bool:
    """Whether a file of this name is what a camera's sensor saw."""
    return name_ending(name) in _RAW_ENDINGS


def is_image_name(name: str) -> bool:
    """Whether a file of this name is an image."""
    return name_ending(name) in _IMAGE_ENDINGS or is_raw_name(name)


def is_media_name(name: str) -> bool:
    """Whether a file of this name is an image, a film or a sound."""
    return is_image_name(name) or is_film_name(name)


def fold_name(name: str) -> str:
    """A name in the form in which two are compared: systems differ in case, and in how they write an accent."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
