"""Everything that nearsight raises on purpose.

::

    NearsightError
    ├── UsageError              the request cannot be carried out as it is                exit code 2
    │   ├── RecipeError         a recipe's text: which word, and the word that was meant
    │   ├── ImageError          one image cannot be read; carries the reason code
    │   └── ModelError          a model cannot be used: it is not what its card says, or cannot be obtained
    │       └── ModelMissingError   its file is not on this machine: the message says how to get it
    └── CollectionError         the collection cannot be used as it is                    exit code 3
        ├── LockedError         another process is writing
        ├── DamagedError        a checksum does not agree: run `repair`
        ├── FormatError         written by a newer nearsight
        └── StorageError        the disk refused: full, read-only, failing

Every message says what was wrong, what would be right, and the value that was received.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from enum import StrEnum


class Reason(StrEnum):
    """Why a file of the folder is not in the collection. The value is what is stored, and what programs go by."""

    NOT_REGULAR = "not-a-regular-file"
    LINK = "symbolic-link"
    BROKEN_LINK = "broken-link"
    LINK_LOOP = "link-loop"
    REACHED_TWICE = "reached-twice"
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    CHANGING = "changed-while-read"
    EMPTY = "empty"
    FILE_TOO_LARGE = "file-too-large"
    NOT_AN_IMAGE = "not-an-image"
    FORMAT_OFF = "format-not-read"
    NEEDS_HEIF = "needs-heif-extra"
    BAD_HEADER = "bad-header"
    TOO_MANY_BYTES = "decodes-too-large"
    CORRUPT = "corrupt"
    TRUNCATED = "truncated"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out-of-memory"
    CRASHED = "decoder-crashed"
    REMOVED = "removed-by-user"

    @classmethod
    def _missing_(cls, value: object) -> Reason | None:
        """Read what a collection of an older format holds."""
        return cls.NOT_AN_IMAGE if value == "not-a-picture" else None

    @property
    def sentence(self) -> str:
        """What is wrong, for a person: what can be said of a file behind its name and a colon."""
        return _SENTENCES[self]

    @property
    def advice(self) -> str:
        """What a person can do about it."""
        return _ADVICE[self]


_SENTENCES = {
    Reason.NOT_REGULAR: "this is no file",
    Reason.LINK: "this is a symbolic link",
    Reason.BROKEN_LINK: "this link leads to nothing",
    Reason.LINK_LOOP: "this link leads round in a circle",
    Reason.REACHED_TWICE: "this leads to what is read at another place",
    Reason.VANISHED: "no such file",
    Reason.UNREADABLE: "it cannot be read",
    Reason.CHANGING: "the file changes: try again when it is complete",
    Reason.EMPTY: "the file is empty",
    Reason.FILE_TOO_LARGE: "the file is too large",
    Reason.NOT_AN_IMAGE: "this is not an image",
    Reason.FORMAT_OFF: "this is of a format that is not read",
    Reason.NEEDS_HEIF: "HEIC and HEIF images are read with one more package",
    Reason.BAD_HEADER: "the beginning of the image is damaged",
    Reason.TOO_MANY_BYTES: "the image is too large to decode",
    Reason.CORRUPT: "the file is damaged",
    Reason.TRUNCATED: "the image is cut short: its end is missing",
    Reason.TIMEOUT: "the image takes too long to decode",
    Reason.OUT_OF_MEMORY: "the image takes too much memory to decode",
    Reason.CRASHED: "the image made its decoder fail",
    Reason.REMOVED: "the image was taken out of the collection by hand",
}


_MADE_ANEW = "get it again from where it came, or save it anew with another program"
_ADVICE = {
    Reason.NOT_REGULAR: "nothing needs to be done: pipes, sockets and devices hold no image",
    Reason.LINK: "nearsight index --follow-links follows links",
    Reason.BROKEN_LINK: "bring back what it leads to, or delete the link",
    Reason.LINK_LOOP: "nothing needs to be done: each folder is read once",
    Reason.REACHED_TWICE: "nothing needs to be done: it is read once",
    Reason.VANISHED: "check the name, and whether its disk is there",
    Reason.UNREADABLE: "check who may read it, and the disk",
    Reason.CHANGING: "wait for the program that writes it, then try again",
    Reason.EMPTY: "get it again from where it came, or delete it",
    Reason.FILE_TOO_LARGE: "make a smaller copy, or raise nearsight index --max-decoded, which is in MiB",
    Reason.NOT_AN_IMAGE: "nothing needs to be done, or leave such files out: nearsight index --exclude",
    Reason.FORMAT_OFF: "convert it to JPEG, PNG or TIFF",
    Reason.NEEDS_HEIF: "install it and index again: pip install pi-heif",
    Reason.BAD_HEADER: _MADE_ANEW,
    Reason.TOO_MANY_BYTES: "make a smaller copy, or raise nearsight index --max-decoded, which is in MiB",
    Reason.CORRUPT: _MADE_ANEW,
    Reason.TRUNCATED: _MADE_ANEW,
    Reason.TIMEOUT: "save it anew with another program",
    Reason.OUT_OF_MEMORY: "close other programs, use fewer --workers, or make a smaller copy",
    Reason.CRASHED: "save it anew with another program",
    Reason.REMOVED: "nearsight remove --undo brings it back",
}


class Technical(str):
    """A detail in the words of a library. It is recorded; to a person the reason's sentence says more."""

    __slots__ = ()


_TECHNICAL = re.compile(
    r"[\w.]*(Error|error|Exception|Warning|Interrupt|Iteration|Exit)(:|$)"
    r"|the decoder (died of|ended with)|no end after "
)


def plain_detail(detail: str) -> str:
    """Return a detail as a person may read it: empty where it is in the words of a library, or of a process.

    What was recorded is plain text, so these are known by how they begin.
    """
    return "" if isinstance(detail, Technical) or _TECHNICAL.match(detail) else detail


class NearsightError(Exception):
    """The root of all errors of nearsight."""

    exit_code = 1


class UsageError(NearsightError):
    """What was asked for cannot be done as it was asked."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe's text is wrong; the message shows the text, points at the word and suggests the right one.

    Parameters
    ----------
    problem : what is wrong, and what would be right
    text : the whole recipe
    position : 0-based column of the wrong word in `text`
    length : length of the wrong word
    """

    def __init__(self, problem: str, text: str, position: int, length: int = 1) -> None:
        self.problem, self.text, self.position, self.length = problem, text, position, length
        super().__init__(f"{problem}\n    {text}\n    {' ' * position}{'^' * max(1, length)}")


class ImageError(UsageError):
    """One image cannot be read. `reason` is the code that a skipped file is recorded with.

    Parameters
    ----------
    reason : why
    detail : more of it; to people it is said where it is in words of ours
    name : the file, as it was named
    """

    def __init__(self, reason: Reason, detail: str = "", name: str = "") -> None:
        self.reason, self.detail, self.name = reason, detail, name
        said, more = f"{name}: {reason.sentence}" if name else reason.sentence, plain_detail(detail)
        super().__init__(f"{said} ({more})" if more else said)

    def __reduce__(self) -> tuple[type[ImageError], tuple[Reason, str, str]]:
        return ImageError, (self.reason, self.detail, self.name)


class ModelError(UsageError):
    """A model cannot be used: it is not what its card says, or cannot be downloaded."""


class ModelMissingError(ModelError):
    """A model's file is not on this machine; the message says what to type."""


class CollectionError(NearsightError):
    """The collection cannot be used as it is."""

    exit_code = 3


class LockedError(CollectionError):
    """Another process is writing to this collection; the message names it."""


class DamagedError(CollectionError):
    """Stored bytes do not agree with their checksum. Nothing was answered from them; `nearsight repair` mends it."""


class FormatError(CollectionError):
    """The collection was written by a newer nearsight, or is not a collection at all. It was left unchanged."""


class StorageError(CollectionError):
    """The disk refused a read or a write (full, read-only, failing). What was committed before is intact."""


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """The end of a message: the nearest of the existing names, or all of them."""
    candidates = list(candidates)
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else f"; there are: {', '.join(candidates)}"
