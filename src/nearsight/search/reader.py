"""The newest committed generation of a collection, for threads that ask at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TypeVar

from nearsight.errors import DamagedError, StorageError
from nearsight.files import FileSystem
from nearsight.search.text_search import Lookup
from nearsight.storage.catalogue import Catalogue
from nearsight.storage.snapshot import Snapshot
from nearsight.types import Ids, Query

TRIES = 10
T = TypeVar("T")


class _OutdatedError(Exception):
    """A commit came between the reading of rows and of what the catalogue knows of them: read again."""


class Current:
    """A catalogue with the segments of its newest generation. Whoever reads the catalogue holds `lock`."""

    def __init__(self, home: Path, files: FileSystem) -> None:
        self.home, self.catalogue, self.lock = home, Catalogue(home), RLock()
        self.lookup = Lookup(self.catalogue)
        self._files = files
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The newest generation. A segment that a merge took away while it was opened is no damage."""
        with self.lock:
            if self._snapshot is not None and self._snapshot.generation == self.catalogue.generation():
                return self._snapshot
            for _ in range(TRIES):
                before = self.catalogue.generation()
                try:
                    self._snapshot = Snapshot(self.home, self.catalogue, self._files)
                except DamagedError:
                    if self.catalogue.generation() == before:
                        raise
                else:
                    return self._snapshot
            raise StorageError(f"{self.home} changes too fast to be read; try again")

    def answered(self, ask: Callable[[Snapshot], T]) -> T:
        """What `ask` makes of the newest generation, all of it from that one: `paths` and `allowed` see to it."""
        for _ in range(TRIES):
            with suppress(_OutdatedError):
                return ask(self.snapshot())
        raise StorageError(f"{self.home} changes faster than an answer takes; try again")

    def paths(self, generation: int, ids: list[int]) -> dict[int, bytes]:
        """The paths of these ids in this generation."""
        with self.lock, self.catalogue.read_transaction():
            self._check(generation)
            return {ident: self.catalogue.image(ident).path for ident in ids}

    def allowed(self, query: Query, generation: int) -> Ids | None:
        """The ids that may be found in this generation; None: all."""
        with self.lock, self.catalogue.read_transaction():
            self._check(generation)
            return self.lookup.allowed(query)

    def _check(self, generation: int) -> None:
        if self.catalogue.generation() != generation:
            raise _OutdatedError
