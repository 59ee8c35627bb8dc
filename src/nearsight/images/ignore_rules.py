"""Rules that leave files of a folder out: `--exclude`, `--include`, files named `.nearsightignore`, and system folders.

The first that says something of a file or folder decides:

1. `--include` takes it.
2. `--exclude` leaves it out.
3. A `.nearsightignore` leaves it out, or says by a line that begins with `!` that no other such file does; the deepest
   file comes first, and in a file the last line that matches.
4. A folder or file of a system or a program is left out (`system_folders`), whatever `*` of a file matches it.

What lies below a folder that was left out is left out with it, except for what an `--include` names by a path.
All patterns follow git's rules: a name stands for all files and folders of that name, a pattern with `/` in it is a
path from the folder of its file, and one that ends with `/` is for folders only.
"""

from __future__ import annotations

import os
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from pathspec import GitIgnoreSpec

from nearsight.errors import UsageError
from nearsight.images.system_folders import system_pattern

IGNORE_FILE = b".nearsightignore"
"""The name of a file with patterns, for the folder that it lies in and all below."""

_MATCHES_ALL = re.compile(r"\*\*?|/?(\*\*/)+\*")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class FileRules:
    """What a collection leaves out and takes of its folder.

    Parameters
    ----------
    exclude : patterns of what is left out
    include : patterns of what is taken, whatever else would leave it out
    follow_links : whether symbolic links are followed
    """

    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    follow_links: bool = False

    def extend(
        self, exclude: Iterable[str] = (), include: Iterable[str] = (), follow_links: bool | None = None
    ) -> FileRules:
        """Return these rules and further ones; a pattern that is excluded now is no longer included, or vice versa.

        Raises
        ------
        UsageError : one is no pattern
        """
        out, back = (tuple(dict.fromkeys(map(_require_glob, globs))) for globs in (exclude, include))
        return FileRules(
            (*(each for each in self.exclude if each not in (*out, *back)), *out),
            (*(each for each in self.include if each not in (*out, *back)), *back),
            self.follow_links if follow_links is None else follow_links,
        )


@dataclass(frozen=True, order=True)
class LeavingRule:
    """Why something was left out: a pattern, and where it is from.

    `source` is empty for system folders, `--exclude`, or the path of a `.nearsightignore`.
    """

    source: str
    pattern: str

    def __str__(self) -> str:
        joint = " " if self.source.startswith("--") else ": "
        return f"{self.source}{joint}{self.pattern}" if self.source else self.pattern


class _IgnorePattern:
    """One pattern, compared with a file or folder itself: what lies below a folder is decided with the folder."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.negated = text.startswith("!")
        core = text[1:] if self.negated else text
        self.only_folders = core.endswith("/")
        core = core.rstrip("/")
        self.reaches_down = _MATCHES_ALL.fullmatch(core) is not None or core.endswith("/**")
        escaped = "\\" + core if core.startswith(("#", "!")) else core
        self.regex = _compile_pattern(_comparable(escaped)) if core else None

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether it matches the file or folder at a path, and not only one above it."""
        if self.regex is None or (self.only_folders and not is_folder):
            return False
        found = self.regex.search(path)
        return found is not None and (self.reaches_down or found.end() == len(path))

    def may_match_below(self, folder: str) -> bool:
        """Whether it names, by a path, something below a folder."""
        names = self.text.replace("\\", "").strip("/").split("/")
        for place, name in enumerate(folder.split("/")):
            if names[place] == "**":
                return True
            if place >= len(names) - 1 or not fnmatchcase(name, names[place]):
                return False
        return True


class IgnorePatterns:
    """The lines of a file named `.nearsightignore`, or globs of options, for what lies below a folder.

    Parameters
    ----------
    source : what messages call it
    folder : the path of its folder below the indexed one, with `/` at its end; empty for the indexed folder itself
    """

    def __init__(self, source: str, folder: bytes, patterns: Sequence[str]) -> None:
        self.source, self.folder = source, folder
        self._patterns = [_IgnorePattern(text) for text in patterns]

    @classmethod
    def parse(cls, folder: bytes, data: bytes) -> IgnorePatterns:
        """Read a `.nearsightignore`. Lines that are no patterns are passed over, as git does."""
        text = data.decode("utf-16", "replace") if data.startswith(_UTF16_MARKS) else os.fsdecode(data)
        lines = [_trim_line(line) for line in text.removeprefix("\ufeff").split("\n")]
        source = os.fsdecode(folder + IGNORE_FILE)
        return cls(source, folder, [line for line in lines if line and not line.startswith("#") and _is_pattern(line)])

    def find(self, path: bytes, *, is_folder: bool) -> tuple[bool, LeavingRule] | None:
        """Return whether the last pattern that matches a path leaves it out, and that pattern; None where none does."""
        if not self._patterns:
            return None
        text = _comparable(os.fsdecode(path[len(self.folder) :]))
        for each in reversed(self._patterns):
            if each.matches(text, is_folder=is_folder):
                return not each.negated, LeavingRule(self.source, each.text)
        return None

    def may_match_below(self, folder: bytes) -> bool:
        """Whether one of the patterns names, by a path, something below a folder."""
        text = _comparable(os.fsdecode(folder))
        return any(each.may_match_below(text) for each in self._patterns)


@dataclass(frozen=True)
class RuleSet:
    """The rules of a walk, ready to be asked."""

    rules: FileRules

    @cached_property
    def _excluded(self) -> IgnorePatterns:
        return IgnorePatterns("--exclude", b"", self.rules.exclude)

    @cached_property
    def _included(self) -> IgnorePatterns:
        return IgnorePatterns("--include", b"", self.rules.include)

    def takes(self, path: bytes, *, is_folder: bool) -> bool:
        """Whether an `--include` takes this file or folder, whatever else would leave it out."""
        return self._included.find(path, is_folder=is_folder) is not None

    def takes_below(self, folder: bytes) -> bool:
        """Whether an `--include` names something below a folder that is left out."""
        return self._included.may_match_below(folder)

    def leaving_rule(
        self, path: bytes, ignore_files: Sequence[IgnorePatterns] = (), *, is_folder: bool
    ) -> LeavingRule | None:
        """Return why a file or folder is left out, or None.

        Parameters
        ----------
        ignore_files : the `.nearsightignore` files of the folders above it, from the outermost
        """
        if self.takes(path, is_folder=is_folder):
            return None
        for patterns in (self._excluded, *reversed(ignore_files)):
            if (found := patterns.find(path, is_folder=is_folder)) is not None:
                leaves_out, rule = found
                if leaves_out:
                    return rule
                break
        pattern = system_pattern(path, is_folder=is_folder)
        return None if pattern is None else LeavingRule("", pattern)


def relative_glob(glob: str, root: str) -> str:
    """Return a pattern as it counts from the indexed folder, where it is a path on this machine: `/home/me/photos`."""
    for start in (root.rstrip("/") + "/", "./"):
        if glob.startswith(start) and len(glob) > len(start):
            return "/" + glob.removeprefix(start)
    return glob


def _require_glob(glob: str) -> str:
    if glob.startswith("!"):
        raise UsageError(f"{glob!r} begins with !; to take files that a rule leaves out, use --include {glob[1:]!r}")
    if not _is_pattern(glob):
        raise UsageError(f"{glob!r} is no pattern of file names; one is such as '*.png', 'private/' or '/2012/**/raw'")
    return glob


def _compile_pattern(text: str) -> re.Pattern[str] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # "[[]" is said to be a set of sets
        pattern = next(iter(GitIgnoreSpec.from_lines([text]).patterns))
    regex = getattr(pattern, "regex", None)
    return regex if isinstance(regex, re.Pattern) else None


def _is_pattern(text: str) -> bool:
    try:
        return _IgnorePattern(text).regex is not None
    except (ValueError, re.error):
        return False


def _trim_line(line: str) -> str:
    line = line.rstrip("\r")
    return line if line.endswith("\\ ") else line.rstrip(" \t")


def _comparable(text: str) -> str:
    """Text as it is compared: composed, and without line breaks, which a pattern's `*` would stop at."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return composed.replace("\n", "\0")
