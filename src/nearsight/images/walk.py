"""Every file of a folder, each found, left out by a rule, or skipped with a reason; nothing is dropped in silence."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from nearsight.errors import ImageError, Reason, UsageError
from nearsight.files import FileSystem, file_kind
from nearsight.images.ignore_rules import IGNORE_FILE, FileRules, IgnorePatterns, LeavingRule, RuleSet
from nearsight.images.linked_folders import LinkedFolders
from nearsight.images.system_folders import MARKER

MAX_IGNORE_BYTES = 1 << 20
"""Bytes of a `.nearsightignore` that is read."""

NO_RULES = FileRules()


@dataclass(frozen=True)
class FoundFile:
    """A regular file: its path below the folder with '/', and the state it was in."""

    path: bytes
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True)
class SkippedEntry:
    """What is not a regular file, or could not be looked at.

    `subtree` says that this is a folder which could not be read: what lies below it is unknown, not gone.
    """

    path: bytes
    reason: Reason
    detail: str = ""
    subtree: bool = False


@dataclass(frozen=True)
class LeftOut:
    """A file, or a folder with all below it, that a rule leaves out."""

    path: bytes
    rule: LeavingRule
    is_folder: bool


WalkEntry = FoundFile | SkippedEntry | LeftOut


def walk_folder(
    root: bytes, files: FileSystem, ignore: frozenset[bytes] = frozenset(), rules: FileRules = NO_RULES
) -> Iterator[WalkEntry]:
    """All files below `root`, in the order of their paths' bytes, which is the same on every run.

    Hidden files count like others; a name in `ignore` is passed over with all below it, without a word. The walk keeps
    its own stack: a tree may be deeper than Python's.

    Symbolic links are followed where the rules say so, and a walk ends nevertheless: a link to what is in the folder
    itself is skipped, and so is a folder that was reached before, by its device and inode.

    Raises
    ------
    UsageError : when `root` itself cannot be read as a folder, or its `.nearsightignore` cannot be read
    """
    return _Walk(root, files, ignore, rules).run()


@dataclass(frozen=True)
class _Folder:
    """A folder under way.

    `left_out` is the rule that leaves it out, where something below it is taken nevertheless; `linked` says that it was
    reached through a link.
    """

    path: bytes
    steps: Iterator[tuple[bytes, os.DirEntry[bytes]]]
    ignore_files: tuple[IgnorePatterns, ...] = ()
    left_out: LeavingRule | None = None
    linked: bool = False


class _Walk:
    def __init__(self, root: bytes, files: FileSystem, ignore: frozenset[bytes], rules: FileRules) -> None:
        self.root, self.files, self.ignore = root, files, ignore
        self.rule_set = RuleSet(rules)
        self.links = LinkedFolders(root) if rules.follow_links else None
        self.stack: list[_Folder] = []

    def run(self) -> Iterator[WalkEntry]:
        try:
            self._open_root()
        except (OSError, ImageError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"not a folder that can be read: {os.fsdecode(self.root)!r} ({why})") from error
        while self.stack:
            folder = self.stack[-1]
            step = next(folder.steps, None)
            if step is None:
                self.stack.pop()
            else:
                yield from self._look_at(folder, *step)

    def _look_at(self, folder: _Folder, path: bytes, entry: os.DirEntry[bytes]) -> Iterator[WalkEntry]:
        found = self._classify(path, entry)
        rule = self._leaving_rule(folder, path, is_folder=found is None)
        if rule is not None:
            if folder.left_out is None:
                yield LeftOut(path, rule, found is None)
            if found is not None or not self.rule_set.takes_below(path):
                return
        try:
            if found is not None:
                self._note_file(folder, entry, found)
                yield found
            elif (marked := self._open_folder(folder, path, entry, rule)) is not None:
                yield LeftOut(path, marked, is_folder=True)
        except ImageError as error:
            yield SkippedEntry(path, error.reason, error.detail, subtree=error.reason is Reason.UNREADABLE)
        except OSError as error:
            yield _skip_unreadable(path, error, subtree=True)

    def _leaving_rule(self, folder: _Folder, path: bytes, *, is_folder: bool) -> LeavingRule | None:
        if folder.left_out is not None:
            return None if self.rule_set.takes(path, is_folder=is_folder) else folder.left_out
        return self.rule_set.leaving_rule(path, folder.ignore_files, is_folder=is_folder)

    def _classify(self, path: bytes, entry: os.DirEntry[bytes]) -> FoundFile | SkippedEntry | None:
        """What an entry is; None for a folder."""
        try:
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(state.st_mode) and self.links is not None:
                state = self.links.resolve(entry.path)
        except ImageError as error:  # behind a broken link may be a disk that is away
            return SkippedEntry(path, error.reason, error.detail, subtree=error.reason is Reason.BROKEN_LINK)
        except OSError as error:
            return _skip_unreadable(path, error, subtree=not _is_file(entry))
        if stat.S_ISREG(state.st_mode):
            return FoundFile(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        if stat.S_ISDIR(state.st_mode):
            return None
        if stat.S_ISLNK(state.st_mode):
            return SkippedEntry(path, Reason.LINK)
        return SkippedEntry(path, Reason.NOT_REGULAR, file_kind(state.st_mode))

    def _note_file(self, folder: _Folder, entry: os.DirEntry[bytes], found: FoundFile | SkippedEntry) -> None:
        """Note a file that was reached through a link. ImageError where it was reached before."""
        if self.links is not None and isinstance(found, FoundFile) and (folder.linked or entry.is_symlink()):
            self.links.take(entry.path)

    def _open_root(self) -> None:
        entries = self.files.scan(self.root)
        ignored = self._read_ignore_file(b"", self.root, entries)
        self.stack.append(_Folder(b"", self._steps(b"", entries), ignored))

    def _open_folder(
        self, above: _Folder, path: bytes, entry: os.DirEntry[bytes], rule: LeavingRule | None
    ) -> LeavingRule | None:
        """Begin a folder. Return the rule where what it holds says that it is left out."""
        linked = self.links is not None and (above.linked or entry.is_symlink())
        if self.links is not None and linked:
            self.links.enter(entry.path)
        entries = self.files.scan(entry.path)
        marked = None
        if rule is None and self._is_marked(path, entries):
            rule = marked = LeavingRule("", os.fsdecode(MARKER))
        ignore_files = above.ignore_files
        if rule is None:
            ignore_files += self._read_ignore_file(path + b"/", entry.path, entries)
        if marked is None or self.rule_set.takes_below(path):
            self.stack.append(_Folder(path, self._steps(path + b"/", entries), ignore_files, rule, linked))
        return marked

    def _is_marked(self, path: bytes, entries: list[os.DirEntry[bytes]]) -> bool:
        """Whether a folder holds the file that leaves it out."""
        marker = path + b"/" + MARKER
        return any(each.name == MARKER for each in entries) and not self.rule_set.takes(marker, is_folder=False)

    def _read_ignore_file(
        self, prefix: bytes, folder: bytes, entries: list[os.DirEntry[bytes]]
    ) -> tuple[IgnorePatterns, ...]:
        """Read a folder's `.nearsightignore`. ImageError where it cannot be: what it leaves out is unknown then."""
        if not any(each.name == IGNORE_FILE and not each.is_dir(follow_symlinks=False) for each in entries):
            return ()
        try:
            data, _ = self.files.read(os.path.join(folder, IGNORE_FILE), MAX_IGNORE_BYTES)
        except ImageError as error:
            if error.reason is Reason.EMPTY:
                return ()
            raise ImageError(Reason.UNREADABLE, f"its {os.fsdecode(IGNORE_FILE)}: {error.reason.sentence}") from error
        return (IgnorePatterns.parse(prefix, data),)

    def _steps(self, prefix: bytes, entries: list[os.DirEntry[bytes]]) -> Iterator[tuple[bytes, os.DirEntry[bytes]]]:
        passed = self.ignore | {IGNORE_FILE}
        return iter(sorted(((prefix + each.name, each) for each in entries if each.name not in passed), key=self._key))

    def _key(self, step: tuple[bytes, os.DirEntry[bytes]]) -> bytes:
        path, entry = step
        try:  # a folder sorts as its contents will: "a.jpg" comes before "a/b.jpg"
            return path + b"/" if entry.is_dir(follow_symlinks=self.links is not None) else path
        except OSError:
            return path


def _is_file(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False)
    except OSError:
        return False


def _skip_unreadable(path: bytes, error: OSError, *, subtree: bool) -> SkippedEntry:
    gone = isinstance(error, FileNotFoundError | NotADirectoryError)
    return SkippedEntry(path, Reason.VANISHED if gone else Reason.UNREADABLE, error.strerror or "", subtree)
