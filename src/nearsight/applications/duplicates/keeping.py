"""Which image of a group to keep: a proposal, with the reason that decided."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from nearsight.errors import UsageError
from nearsight.images.formats import RAW_FORMATS
from nearsight.images.pages import split_page_path
from nearsight.storage.records import ImageRecord

__all__ = ["KeepRule", "Losses", "parse_keep_rule", "replaces", "sort_by_size"]

_FORMATS = ("dng", "tiff", "png", "webp", "heif", "avif", "jpeg", "gif", "bmp")
"""Formats in the order in which they are kept, where all before is equal; others follow."""


@dataclass(frozen=True)
class _Criterion:
    """A quantity by which one image is kept before another: the least value is best, `describe` says what it is."""

    value: Callable[[ImageRecord], Any]
    describe: Callable[[ImageRecord], str]


_PIXELS = _Criterion(lambda image: -image.width * image.height, lambda image: f"most pixels: {_size(image)}")
_DENSITY = _Criterion(
    lambda image: -round(_bytes_per_pixel(image), 2),
    lambda image: f"most bytes a pixel of those with most pixels: {_bytes_per_pixel(image):.2f}",
)
_FORMAT = _Criterion(
    lambda image: _FORMATS.index(image.format.lower()) if image.format.lower() in _FORMATS else len(_FORMATS),
    lambda image: f"as large as the others, and a {image.format}",
)
_OLDEST = _Criterion(
    lambda image: _date(image).ljust(19, "~"),  # "2012" may be its last second
    lambda image: f"the oldest: {_date(image)}",
)
_NEWEST = _Criterion(lambda image: _Reversed(_date(image)), lambda image: f"the newest: {_date(image)}")
_PATH = _Criterion(
    lambda image: (len(image.path), image.path),
    lambda image: "the shortest path of those that are equal in size and date",
)
_BY_SIZE = (_PIXELS, _DENSITY, _FORMAT, _OLDEST, _PATH)


@dataclass(frozen=True)
class Losses:
    """Ids of images that are worth less than their size tells, or whose files are worth more.

    `grey` lack colour, `damaged` a part that could not be read; the files of `of_several` hold more than the image:
    other pages or frames, or the data of a camera raw.
    """

    grey: Collection[int] = ()
    damaged: Collection[int] = ()
    of_several: Collection[int] = ()


@dataclass(frozen=True)
class KeepRule:
    """A rule: an image whose path fits the pattern, if there is one; then the criteria, the first that differs."""

    criteria: tuple[_Criterion, ...] = _BY_SIZE
    pattern: str | None = None

    def fits(self, image: ImageRecord) -> bool:
        """Whether the pattern, if there is one, takes this image."""
        return self.pattern is not None and fnmatchcase(os.fsdecode(image.path), self.pattern)

    def choose(self, images: Sequence[ImageRecord], losses: Losses = Losses()) -> tuple[ImageRecord, str]:
        """The image to keep, of one or more, and why. One that lacks something, only where all do."""
        previewed = [image.id for image in images if image.format not in RAW_FORMATS]
        lacks = ((losses.damaged, "it is whole"), (previewed, "it is a camera raw"), (losses.grey, "it has colour"))
        for lacking, praise in lacks:
            sound = [image for image in images if image.id not in lacking]
            if sound and len(sound) < len(images):
                best, why = self.choose(sound, losses)
                return best, f"{praise}, and {why}" if len(sound) > 1 else praise
        fitting = [image for image in images if self.fits(image)]
        one_format = len({image.format for image in fitting or images}) == 1
        criteria = [each for each in self.criteria if each is not _DENSITY or one_format]  # bytes of one kind only
        ordered = sorted(fitting or images, key=lambda image: tuple(each.value(image) for each in criteria))
        best = ordered[0]
        if fitting and (len(fitting) < len(images) or len(ordered) == 1):
            return best, f"its path fits {self.pattern}"
        for each in criteria:
            if len(ordered) > 1 and each.value(best) != each.value(ordered[1]):
                return best, each.describe(best)
        return best, "all are equal"


def parse_keep_rule(text: str) -> KeepRule:
    """The rule of `largest`, `oldest`, `newest` or `path:PATTERN`. UsageError where it is none of these."""
    name, _, pattern = text.partition(":")
    if name == "path" and pattern:
        return KeepRule(pattern=pattern)
    criteria = {"largest": _BY_SIZE, "oldest": (_OLDEST, *_BY_SIZE), "newest": (_NEWEST, *_BY_SIZE)}.get(text)
    if criteria is None:
        raise UsageError(f'what is kept is "largest", "oldest", "newest" or "path:PATTERN"; got "{text}"')
    return KeepRule(criteria)


def replaces(kept: ImageRecord, other: ImageRecord, losses: Losses, other_losses: Losses) -> bool:
    """Whether a copy that is kept has all that the file of another one has, as far as is known."""
    if other.id in other_losses.of_several:  # its file goes only whole, for one with the same bytes
        return kept.sha256 == other.sha256 and split_page_path(other.path)[1] == 1
    if kept.sha256 == other.sha256:
        return True
    if kept.width * kept.height < other.width * other.height or kept.id in losses.damaged:
        return False
    return other.id in other_losses.grey or kept.id not in losses.grey


def sort_by_size(images: Sequence[ImageRecord]) -> list[ImageRecord]:
    """The images in the order in which `largest` keeps them."""
    return sorted(images, key=lambda image: tuple(each.value(image) for each in _BY_SIZE))


class _Reversed(str):
    """A text that is less where the text is greater."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)

    def __gt__(self, other: str) -> bool:
        return str.__lt__(self, other)


def _size(image: ImageRecord) -> str:
    return f"{image.width} x {image.height}"


def _bytes_per_pixel(image: ImageRecord) -> float:
    return image.size / max(1, image.width * image.height)


def _date(image: ImageRecord) -> str:
    """When it was taken, or else when its file was changed."""
    return image.taken or datetime.fromtimestamp(image.mtime_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
